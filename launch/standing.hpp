#pragma once

#include <cstdint>

#include "kernel/pidfd.hpp"

namespace proctor::launch {

/// Where a process stands, as seen from the calling one, which is in no sandbox itself.
enum class Standing : std::uint8_t {
  outside,
  sandboxed,  ///< it descends from a session parent, of whichever supervisor
  unknown,  ///< it has ended, an ancestor ends all the while, or one is hidden (hidepid) and it has a filter
};

/// Session parents adopt their orphans, so no process gets out of their line while they live, and none
/// outlives them by more than its end takes. What the calling process descends from is no session parent:
/// there the walk ends. Each step is sure: a parent's number is believed while the child, held by a pidfd,
/// still has it.
[[nodiscard]] Standing standing_of(const kernel::PidFd& process);

}  // namespace proctor::launch
