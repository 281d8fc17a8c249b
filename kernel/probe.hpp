#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace proctor::kernel {

/// How much a kernel feature matters.
enum class Need {
  required,  ///< no sandbox without it
  safety,    ///< a sandbox without it is degraded: only when the user says so
  fallback,  ///< works without, slower or with less allowed
};

/// One feature, tried for real.
struct Feature {
  std::string_view name;  ///< "seccomp-add-fd"
  Need need = Need::required;
  bool present = false;
  std::string detail;        ///< what was tried and what the kernel said
  std::string_view since;    ///< first kernel with it, "5.14"
  std::string_view without;  ///< what happens where it is missing
};

/// What this kernel can do.
struct Capabilities {
  std::string kernel_release;
  std::vector<Feature> features;

  [[nodiscard]] bool has(std::string_view name) const;
  /// The required features that are missing.
  [[nodiscard]] std::vector<std::string_view> missing() const;
};

/// Tries each feature on two throw-away children: RECV, SEND, ADDFD, WAIT_KILLABLE_RECV,
/// SYNC_WAKE_UP, Landlock and its signal scope, pidfds (open, thread, get_info, exit info, getfd),
/// reading and writing the child's memory, /proc/PID/task/TID/children. Takes a few milliseconds; must
/// be called while the process has one thread. Leaves neither children nor descriptors behind, sends the
/// caller no SIGCHLD, and works with SIGCHLD ignored.
[[nodiscard]] Capabilities probe();

}  // namespace proctor::kernel
