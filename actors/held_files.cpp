#include "actors/held_files.hpp"

#include <algorithm>
#include <map>

#include "actors/sandbox_context.hpp"
#include "actors/sandbox_view.hpp"
#include "kernel/sealed_file.hpp"

namespace proctor::actors {

bool HeldFiles::admit(std::size_t bytes) {
  // Not for every open that is refused: a count looks at every descriptor that there is.
  constexpr std::chrono::milliseconds between_counts{100};
  const auto cost = kernel::sealed_file_cost(bytes);
  const auto most = context_.limits.virtual_bytes_max;
  const auto now = std::chrono::steady_clock::now();
  if (held_bytes_ + cost > most && now - counted_at_ >= between_counts) {
    held_bytes_ = count();
    counted_at_ = now;
  }
  if (held_bytes_ + cost > most) return false;
  held_bytes_ += cost;
  return true;
}

std::uint64_t HeldFiles::count() const {
  context_.members.discover();
  std::map<std::uint64_t, std::uint64_t> held;  // inode to bytes
  for_each_table(context_, [&held](pid_t tid) {
    for (const auto& file : kernel::sealed_files_of(tid, procfs::sealed_name(""))) {
      auto& bytes = held[file.inode];
      bytes = std::max(bytes, file.bytes);  // a map can be of a part
    }
  });
  std::uint64_t sum = 0;
  for (const auto& [inode, bytes] : held) sum += kernel::sealed_file_cost(bytes);
  return sum;
}

}  // namespace proctor::actors
