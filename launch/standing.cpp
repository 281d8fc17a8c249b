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
/// How often a step is tried again because the parent ended under it.
constexpr int attempts_max = 8;

/// The parent of a process, held. Nothing: it has none in this pid namespace, or it cannot be held.
struct Parent {
  pid_t pid = 0;  ///< 0: none here
  kernel::PidFd held;
};
std::optional<Parent> parent_of(const kernel::PidFd& child) {
  for (int attempt = 0; attempt < attempts_max; ++attempt) {
    const auto before = child.info();
    if (!before) return std::nullopt;
    if (before->ppid <= 0) return Parent{};
    auto parent = kernel::PidFd::open(before->ppid);
    if (!parent) continue;
    // Still its parent: so it was so all the while, and what was opened by its number is it.
    if (const auto after = child.info(); after && after->ppid == before->ppid)
      return Parent{before->ppid, *std::move(parent)};
  }
  return std::nullopt;
}

/// The calling process and all its ancestors.
std::vector<pid_t> own_line() {
  std::vector<pid_t> line{::getpid()};
  auto self = kernel::PidFd::open(::getpid());
  while (self && line.size() < generations_max) {
    auto parent = parent_of(*self);
    if (!parent || parent->pid == 0) break;
    line.push_back(parent->pid);
    self = std::move(parent->held);
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
  auto parent = parent_of(process);
  for (std::size_t generation = 0; generation < generations_max; ++generation) {
    if (!parent) return Standing::unknown;
    if (parent->pid == 0 || std::ranges::find(own, parent->pid) != own.end()) break;
    const auto comm = comm_of(parent->held);
    if (comm == session_parent_comm || comm == "proctord") return Standing::sandboxed;
    some_are_hidden = some_are_hidden || !comm;
    parent = parent_of(parent->held);
  }
  return some_are_hidden && kernel::may_be_filtered(process.pid()) ? Standing::unknown : Standing::outside;
}

}  // namespace proctor::launch
