#pragma once

#include <sys/resource.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>

#include <cstdint>

#include "kernel/result.hpp"
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

/// RLIMIT_NPROC: no more than is stated. The kernel's own counts all processes of the user, on the whole
/// machine.
[[nodiscard]] rlimit told_process_limit(const View& view, const rlimit& host);

/// Whether a process that is told `told` and sets `wanted` changes anything: what it was told, set again,
/// must not become the kernel's limit, which counts more. EINVAL, and EPERM without the right to raise
/// limits, as setrlimit(2).
[[nodiscard]] kernel::Result<bool> changes_process_limit(const rlimit& told, const rlimit& wanted,
                                                         bool may_raise);

}  // namespace proctor::procfs
