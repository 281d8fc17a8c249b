#pragma once

#include <cstdint>

namespace proctor::policy {

/// How much of /proc is judged.
enum class ProcMode : std::uint8_t {
  /// What opens, lists, reads links or enters. stat(2) and access(2) are left to the kernel, which makes
  /// builds faster and lets a sandbox learn that a process with some number exists.
  private_view,
  /// Those as well: a foreign process does not exist for any call that takes a path.
  strict,
};

}  // namespace proctor::policy
