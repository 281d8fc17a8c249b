#include "actors/held_files.hpp"

#include <map>

#include "actors/sandbox_context.hpp"
#include "kernel/sealed_file.hpp"

namespace proctor::actors {

bool HeldFiles::admit(std::size_t bytes) {
  const auto cost = kernel::sealed_file_cost(bytes);
  const auto most = context_.limits.virtual_bytes_max;
  if (held_bytes_ + cost > most) held_bytes_ = count();
  if (held_bytes_ + cost > most) return false;
  held_bytes_ += cost;
  return true;
}

std::uint64_t HeldFiles::count() const {
  context_.members.discover();
  std::map<std::uint64_t, std::uint64_t> held;  // inode to bytes
  for (const auto& entry : context_.all_processes())
    for (const auto& file : kernel::sealed_files_of(entry.key.pid, procfs::sealed_name("")))
      held[file.inode] = file.bytes;
  std::uint64_t sum = 0;
  for (const auto& [inode, bytes] : held) sum += kernel::sealed_file_cost(bytes);
  return sum;
}

}  // namespace proctor::actors
