#pragma once

#include <sys/types.h>

#include <string_view>
#include <vector>

#include "kernel/landlock.hpp"
#include "kernel/result.hpp"
#include "kernel/unique_fd.hpp"

namespace proctor::bench {

/// The calls a target can be told to make, many times over.
enum class Call : int {
  getpgid,    ///< of itself: one register to judge
  fchdir,     ///< to an open directory
  open_file,  ///< openat of /etc/hostname, and close
  open_proc,  ///< openat of /proc/self/comm, and close
  quit,
};

/// A child under proctor's own filter (and Landlock), which makes calls on command and times them itself.
class BenchTarget {
 public:
  /// Forks; the caller has one thread.
  [[nodiscard]] static kernel::Result<BenchTarget> start();

  [[nodiscard]] pid_t pid() const noexcept { return pid_; }
  [[nodiscard]] kernel::UniqueFd take_listener() { return std::move(listener_); }

  /// What the kernel keeps it from: its ruleset has been let go of.
  [[nodiscard]] const kernel::ProcfsDenial& denial() const { return denial_; }

  /// Microseconds per call, over `count` calls made in one go.
  [[nodiscard]] double time(Call call, int count);

  /// Ends and reaps it.
  void stop();

 private:
  pid_t pid_ = 0;
  kernel::UniqueFd listener_;
  kernel::UniqueFd channel_;
  kernel::ProcfsDenial denial_;
};

}  // namespace proctor::bench
