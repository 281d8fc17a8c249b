#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string_view>
#include <vector>

#include "kernel/result.hpp"

namespace proctor::kernel {

/// The CPUs that a thread (0: the calling one) may run on, by the kernel's numbers, ascending:
/// sched_getaffinity(2).
[[nodiscard]] Result<std::vector<unsigned>> allowed_cpus(pid_t tid);

/// Restricts a thread (0: the calling one) to `cpus`. EINVAL: it may run on none of them; EPERM: another
/// user's.
[[nodiscard]] Result<void> set_allowed_cpus(pid_t tid, std::span<const unsigned> cpus);

/// The longest mask of sched_setaffinity(2) that any kernel reads: 8192 CPUs.
inline constexpr std::size_t cpu_mask_bytes_max = 1024;

/// The CPUs of a mask as sched_setaffinity(2) takes it, ascending.
[[nodiscard]] std::vector<unsigned> cpus_in_mask(std::span<const std::byte> mask);

/// The numbers of a list as the kernel writes it, "0-3,8": of CPUs or of nodes. What is no number is left
/// out.
[[nodiscard]] std::vector<unsigned> parse_cpu_list(std::string_view list);

/// The NUMA nodes that these CPUs are of, ascending; empty where the kernel knows of none.
[[nodiscard]] std::vector<unsigned> nodes_of(std::span<const unsigned> cpus);

/// How many kB of memory each NUMA node has, by its number; empty where the kernel knows of none.
[[nodiscard]] std::map<unsigned, std::uint64_t> memory_of_nodes();

/// The CPUs that are switched on, ascending, by /sys/devices/system/cpu/online. Where /sys does not tell:
/// from 0, as many as sysconf(3) counts.
[[nodiscard]] std::vector<unsigned> online_cpus();

}  // namespace proctor::kernel
