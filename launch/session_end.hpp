#pragma once

#include <string>

namespace proctor::launch {

/// Exit statuses that are proctor's own words, as those of env(1), nice(1) and timeout(1).
inline constexpr int exit_proctor_failed = 125;
inline constexpr int exit_not_executable = 126;
inline constexpr int exit_not_found = 127;

/// How a session ended.
struct SessionEnd {
  bool command_ran = false;  ///< then `wait_status` speaks, else `exit_code` and `message`
  int wait_status = 0;       ///< of CMD, wait(2)
  int exit_code = 0;         ///< 125, 126, 127
  std::string message;       ///< one line for the user: what, where, what to do; without "proctor: "
};

}  // namespace proctor::launch
