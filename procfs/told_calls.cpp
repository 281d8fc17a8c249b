#include "procfs/told_calls.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace proctor::procfs {

ToldMemory told_memory(const View& view, std::uint64_t host_total) {
  ToldMemory memory;
  memory.total = std::min(view.limits.memory_bytes.value_or(host_total), host_total);
  memory.used = std::min(view.usage.anonymous_bytes, memory.total);
  memory.free = memory.total - memory.used;
  return memory;
}

struct sysinfo told_sysinfo(const View& view, const struct sysinfo& host) {
  struct sysinfo told = host;
  for (std::size_t i = 0; i < view.load.size(); ++i)
    told.loads[i] = view.load[i] << (SI_LOAD_SHIFT - load_shift);
  told.procs = static_cast<unsigned short>(std::min<std::uint32_t>(view.usage.threads, UINT16_MAX));
  if (!view.limits.memory_bytes) return told;
  const auto memory = told_memory(view, std::uint64_t{host.totalram} * host.mem_unit);
  told.mem_unit = 1;
  told.totalram = memory.total;
  told.freeram = memory.free;
  told.sharedram = told.bufferram = told.totalhigh = told.freehigh = 0;
  told.totalswap = told.freeswap = 0;
  return told;
}

utsname told_uname(const View& view, const utsname& host) {
  utsname told = host;
  if (view.limits.hostname.empty()) return told;
  std::memset(told.nodename, 0, sizeof told.nodename);
  view.limits.hostname.copy(told.nodename, sizeof told.nodename - 1);
  return told;
}

rlimit told_process_limit(const View& view, const rlimit& host) {
  const rlim_t stated = view.limits.processes ? *view.limits.processes : RLIM_INFINITY;
  return {std::min(host.rlim_cur, stated), std::min(host.rlim_max, stated)};
}

kernel::Result<bool> changes_process_limit(const rlimit& told, const rlimit& wanted, bool may_raise) {
  if (wanted.rlim_cur > wanted.rlim_max) return kernel::Error{EINVAL, "set RLIMIT_NPROC"};
  if (wanted.rlim_max > told.rlim_max && !may_raise) return kernel::Error{EPERM, "raise RLIMIT_NPROC"};
  return wanted.rlim_cur != told.rlim_cur || wanted.rlim_max != told.rlim_max;
}

}  // namespace proctor::procfs
