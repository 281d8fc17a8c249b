#pragma once

#include <sys/types.h>

#include <cstdint>

#include "kernel/result.hpp"

namespace proctor::kernel {

/// What of a process's memory is of its own making, in bytes: its anonymous pages and the shared memory that
/// it has mapped, as far as they are resident. No files: their pages are the kernel's to drop. From
/// /proc/PID/status, 15 us. A page that several processes have counts in full for each. ESRCH or ENOENT:
/// gone.
[[nodiscard]] Result<std::uint64_t> read_resident_memory(pid_t pid);

/// The same with each page shared out among those who have it, so that it can be summed:
/// /proc/PID/smaps_rollup, for which the kernel walks all of the process's page tables, some 10 us for a
/// megabyte. EACCES: this process may not look.
[[nodiscard]] Result<std::uint64_t> read_proportional_memory(pid_t pid);

}  // namespace proctor::kernel
