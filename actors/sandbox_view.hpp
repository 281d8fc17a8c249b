#pragma once

#include <sys/types.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <vector>

#include "procfs/view.hpp"

namespace proctor::actors {

struct SandboxContext;

/// The sandbox as its own processes are told it is: the stated limits, and what its processes use. Adds up
/// what the kernel counts of them at the moment of the question, so nothing is counted while nobody asks.
class SandboxView final : public procfs::ViewSource {
 public:
  /// Reads the target's CPUs: to be made while it waits to be released. `context` outlives this.
  explicit SandboxView(SandboxContext& context);

  [[nodiscard]] const policy::StatedLimits& limits() const override;
  [[nodiscard]] procfs::View look(procfs::ViewDetail detail) override;
  [[nodiscard]] bool admit_file(std::size_t bytes) override;

 private:
  using Clock = std::chrono::steady_clock;

  [[nodiscard]] bool is_member(pid_t pid);
  [[nodiscard]] bool is_in_group(pid_t group);
  void forget_after_a_tick();
  [[nodiscard]] procfs::Usage measure();
  /// What these processes, the sandbox's, have in memory of their own making.
  [[nodiscard]] std::uint64_t measure_memory(const std::vector<pid_t>& pids);
  [[nodiscard]] std::set<std::uint64_t> own_sockets() const;
  void advance_load(Clock::time_point now);

  SandboxContext& context_;
  const double started_s_;  ///< CLOCK_BOOTTIME
  std::vector<unsigned> cpus_;
  bool all_cpus_ = true;
  std::vector<unsigned> cpu_nodes_;
  std::map<unsigned, std::uint64_t> node_memory_;
  /// Pids that were found to be foreign within the last tick. They are asked about again and again, because
  /// every process of a job names the same ones.
  std::set<pid_t> foreign_;
  std::map<pid_t, bool> groups_;  ///< whether a process of the sandbox is in them
  Clock::time_point known_as_of_;
  /// What the session parent had waited for before: another program's, which became it.
  procfs::Usage before_;
  procfs::Usage usage_;  ///< as last measured; its ticks never go back
  Clock::time_point measured_;
  Clock::duration measured_for_{};  ///< how long that is good for
  std::uint64_t exact_bytes_ = 0;   ///< memory, as last counted exactly
  Clock::time_point exact_until_;   ///< how long that is taken for true
  std::uint64_t ticks_at_load_ = 0;
  Clock::time_point load_as_of_;
  std::array<double, 3> load_{};  ///< not in fixed point, whose steps are too coarse for short times
};

/// Calls `look` with one thread for each table of descriptors that the sandbox's processes have.
void for_each_table(const SandboxContext& context, const std::function<void(pid_t)>& look);

}  // namespace proctor::actors
