#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace proctor::policy {

/// Bounds of StatedLimits. Less memory than a small program needs to start, or more tasks than the kernel has
/// numbers for (PID_MAX_LIMIT), is a slip of the pen.
inline constexpr std::uint64_t memory_bytes_min = std::uint64_t{1} << 20U;
inline constexpr std::uint64_t memory_bytes_max = std::uint64_t{1} << 50U;
inline constexpr std::uint32_t cpus_max = 8192;            ///< the kernel's NR_CPUS limit
inline constexpr std::uint32_t processes_max = 1U << 22U;  ///< PID_MAX_LIMIT
inline constexpr std::size_t hostname_bytes_max = 64;      ///< __NEW_UTS_LEN

/// What the sandbox is told that it has, by every file and every call alike. What is left out is the host's.
/// The CPUs are kept by affinity; memory and processes are stated, not enforced.
struct StatedLimits {
  std::optional<std::uint64_t> memory_bytes;
  std::optional<std::uint32_t> cpus;
  std::optional<std::uint32_t> processes;  ///< tasks, as the kernel's pids controller counts them
  std::string hostname;                    ///< empty: the host's

  bool operator==(const StatedLimits&) const = default;
};

}  // namespace proctor::policy
