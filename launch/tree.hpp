#pragma once

#include <sys/types.h>

#include <cstdint>
#include <utility>
#include <vector>

namespace proctor::launch {

/// Children that a process has before it has a session: a shell's jobs, where it says `exec proctor run`.
class Bystanders {
 public:
  /// Nobody.
  Bystanders() = default;
  /// The calling process's children of now.
  [[nodiscard]] static Bystanders note();

  [[nodiscard]] bool empty() const noexcept { return children_.empty(); }
  /// Whether the process that has this number now is one of them.
  [[nodiscard]] bool has(pid_t pid) const;

 private:
  std::vector<std::pair<pid_t, std::uint64_t>> children_;  ///< numbers, and when they started
};

/// Ends every descendant of the calling process, which is a subreaper, but for `spared` and theirs, and reaps
/// those that become its children; returns when there is none left: exact. Blocks for as long as the kernel
/// takes to end them. Nothing else in the process may wait for children meanwhile.
///
/// Why no process group, no session? A target leaves those at will; its ancestry it cannot leave.
void end_tree(const Bystanders& spared = {});

}  // namespace proctor::launch
