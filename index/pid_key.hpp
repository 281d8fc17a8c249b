#pragma once

#include <sys/types.h>

#include <compare>
#include <cstdint>
#include <string>

namespace proctor::index {

/// One process instance: the pid, and the start time (field 22 of /proc/PID/stat, in clock ticks since
/// boot) that tells it from a later process with the same number. Ticks are 10 ms long; what needs
/// to be exact asks the pidfd that the process's state holds.
struct PidKey {
  pid_t pid = 0;
  std::uint64_t start_time = 0;

  auto operator<=>(const PidKey&) const = default;
};

/// "4711@1234567".
[[nodiscard]] std::string to_string(const PidKey& key);

}  // namespace proctor::index
