#pragma once

#include <sys/types.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "policy/stated_limits.hpp"

namespace proctor::procfs {

/// What the sandbox's processes use together. Times are in clock ticks (USER_HZ).
struct Usage {
  std::uint64_t user_ticks = 0;  ///< since the sandbox's start, of the ended as well
  std::uint64_t system_ticks = 0;
  std::uint64_t anonymous_bytes = 0;  ///< resident, shared memory included, without pages of files
  std::uint64_t processes_started = 0;
  std::uint32_t threads = 0;
  std::uint32_t running = 0;  ///< processes on a CPU or waiting for one
  std::uint32_t blocked = 0;  ///< in an uninterruptible sleep
  pid_t last_pid = 0;         ///< the youngest one's
};

/// A load average as the kernel keeps it: fixed point, 11 bits behind the point.
inline constexpr unsigned load_shift = 11;

/// All that a generator may look at: the sandbox as its processes are told it is. Plain values, so that a
/// generator can be tested without a kernel.
struct View {
  policy::StatedLimits limits;
  /// The CPUs that the sandbox may run on, by the host's numbers, ascending; never empty.
  std::vector<unsigned> cpus;
  bool all_cpus = true;             ///< `cpus` are all of the host's
  std::vector<unsigned> cpu_nodes;  ///< unless all_cpus: the NUMA nodes that they are of, ascending
  /// With memory stated: how the machine's is divided among its NUMA nodes, by their numbers, in any unit.
  std::map<unsigned, std::uint64_t> node_memory;
  Usage usage;
  std::array<std::uint64_t, 3> load{};  ///< over 1, 5 and 15 minutes
  double uptime_s = 0;                  ///< of the machine: CLOCK_BOOTTIME
  double age_s = 0;                     ///< of the sandbox
  unsigned ticks_per_second = 100;
  unsigned page_bytes = 4096;
  /// The thread that reads: it waits for its file, but would run by the time the kernel told it so. 0:
  /// nobody.
  pid_t reader = 0;
  /// The process group and the session in which the sandbox was started, where they are not its own; else 0.
  /// Every other one that its processes are in is the sandbox's, its founder alive or not.
  pid_t foreign_group = 0;
  pid_t foreign_session = 0;
  /// Whether a process or thread id is the sandbox's.
  std::function<bool(pid_t)> is_member;
  /// Whether a process of the sandbox is in a process group.
  std::function<bool(pid_t)> is_in_group;
  /// Whether a process of the sandbox has the socket with this inode open.
  std::function<bool(std::uint64_t)> owns_socket;
  /// How many sockets they have open, of every kind.
  std::function<std::uint64_t()> count_sockets;
  /// The kernel's text of a file in /proc/TID/net of a thread, for a file that must agree with it.
  std::function<std::string(pid_t, const std::string&)> net_file;
};

/// How much of a view is wanted.
enum class ViewDetail : std::uint8_t {
  plain,
  with_usage,  ///< View::usage and View::load too, at the cost of a look at each process
};

/// Who can describe the sandbox at this moment. Used within its loop.
class ViewSource {
 public:
  virtual ~ViewSource() = default;

  [[nodiscard]] virtual const policy::StatedLimits& limits() const = 0;

  [[nodiscard]] virtual View look(ViewDetail detail) = 0;

  /// Whether a virtual file of so many bytes may be made: what the sandbox's processes hold is bounded.
  [[nodiscard]] virtual bool admit_file(std::size_t bytes) = 0;
};

}  // namespace proctor::procfs
