#pragma once

#include <sys/sysinfo.h>
#include <sys/utsname.h>

#include <cstdint>

#include "procfs/view.hpp"

namespace proctor::procfs {

/// The sandbox's memory as every file and call tells it, in bytes.
struct ToldMemory {
  std::uint64_t total = 0;
  std::uint64_t used = 0;
  std::uint64_t free = 0;
};

/// With View::limits.memory_bytes set: never more than the machine's `host_total`, nor more used than there
/// is.
[[nodiscard]] ToldMemory told_memory(const View& view, std::uint64_t host_total);

/// sysinfo(2): agrees with /proc/meminfo, /proc/loadavg and /proc/uptime. `host` is the kernel's own answer.
/// Needs the usage.
[[nodiscard]] struct sysinfo told_sysinfo(const View& view, const struct sysinfo& host);

/// uname(2): agrees with /proc/sys/kernel/hostname and /etc/hostname.
[[nodiscard]] utsname told_uname(const View& view, const utsname& host);

}  // namespace proctor::procfs
