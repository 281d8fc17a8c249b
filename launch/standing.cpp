#include "launch/standing.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <optional>
#include <string>
#include <vector>

#include "kernel/credentials.hpp"
#include "launch/session_process.hpp"

namespace proctor::launch {
namespace {

constexpr std::size_t generations_max = 4096;

/// The calling process and all its ancestors.
std::vector<pid_t> own_line() {
  std::vector<pid_t> line;
  auto one = kernel::PidFd::open(::getpid());
  while (one && one->pid() != 0 && line.size() < generations_max) {
    line.push_back(one->pid());
    one = one->parent();
  }
  return line;
}

/// The comm of a process; nothing where it is hidden.
std::optional<std::string> comm_of(const kernel::PidFd& process) {
  std::ifstream file(fmt::format("/proc/{}/comm", process.pid()));
  std::string comm;
  if (!std::getline(file, comm)) return std::nullopt;
  return comm;
}

}  // namespace

Standing standing_of(const kernel::PidFd& process) {
  const auto own = own_line();
  bool some_are_hidden = false;
  auto ancestor = process.parent();
  for (std::size_t generation = 0; generation < generations_max; ++generation) {
    if (!ancestor) return Standing::unknown;
    if (ancestor->pid() == 0 || std::ranges::find(own, ancestor->pid()) != own.end()) break;
    const auto comm = comm_of(*ancestor);
    if (comm == session_parent_comm || comm == "proctord") return Standing::sandboxed;
    some_are_hidden = some_are_hidden || !comm;
    ancestor = ancestor->parent();
  }
  return some_are_hidden && kernel::may_be_filtered(process.pid()) ? Standing::unknown : Standing::outside;
}

}  // namespace proctor::launch
