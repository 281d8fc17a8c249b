#include "actors/sandbox_view.hpp"

#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <fstream>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "actors/sandbox_context.hpp"
#include "kernel/cpus.hpp"
#include "kernel/memory_use.hpp"
#include "kernel/pidfd.hpp"
#include "kernel/proc_stat.hpp"

namespace proctor::actors {
namespace {

/// What the kernel itself counts in: two questions within one tick have one answer.
constexpr std::chrono::milliseconds tick{10};

/// Many processes take longer to look at than a tick: so many times that is not spent on them next.
constexpr int rest_after_measuring = 4;
/// Of what is stated, the part from which on memory is counted exactly; for how long it is counted, for
/// nothing else of the sandbox is answered meanwhile (the rest is taken to be shared alike); and how many
/// times as long as that took it is taken for true.
constexpr std::uint64_t exact_from_a = 4;
constexpr std::chrono::milliseconds exact_within{50};
constexpr int rest_after_exact = 30;

const auto machine_memory_bytes =
    static_cast<std::uint64_t>(::sysconf(_SC_PHYS_PAGES)) * kernel::page_bytes();
const auto ticks_per_second = static_cast<unsigned>(::sysconf(_SC_CLK_TCK));

double uptime_s() {
  timespec now{};
  ::clock_gettime(CLOCK_BOOTTIME, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

/// The most that is looked at of a table of connections from which only counts are taken.
constexpr std::size_t net_file_bytes_max = std::size_t{4} << 20U;

/// Nothing: there is no such file, or no such thread any more.
std::string read_net_file(pid_t tid, const std::string& name) {
  std::ifstream file("/proc/" + std::to_string(tid) + "/net/" + name);
  std::string text;
  for (std::array<char, 16384> buffer; text.size() < net_file_bytes_max;) {
    file.read(buffer.data(), buffer.size());
    if (file.gcount() == 0) break;
    text.append(buffer.data(), static_cast<std::size_t>(file.gcount()));
  }
  return text;
}

}  // namespace

SandboxView::SandboxView(SandboxContext& context)
    : context_(context), started_s_(uptime_s()), cpus_(kernel::online_cpus()), load_as_of_(Clock::now()) {
  if (const auto parent = kernel::read_proc_stat(context.order.init)) {
    before_.user_ticks = parent->waited_user_ticks;
    before_.system_ticks = parent->waited_system_ticks;
  }
  if (context.order.policy.limits.memory_bytes) node_memory_ = kernel::memory_of_nodes();
  if (!context.order.policy.limits.cpus) return;
  auto allowed = kernel::allowed_cpus(context.order.target);
  if (!allowed || allowed->empty() || *allowed == cpus_) return;
  cpus_ = *std::move(allowed);
  all_cpus_ = false;
  cpu_nodes_ = kernel::nodes_of(cpus_);
}

const policy::StatedLimits& SandboxView::limits() const { return context_.order.policy.limits; }

procfs::View SandboxView::look(procfs::ViewDetail detail) {
  if (const auto now = Clock::now();
      detail == procfs::ViewDetail::with_usage && now - measured_ >= measured_for_) {
    const auto before = usage_;
    usage_ = measure();
    measured_for_ = std::max<Clock::duration>(tick, rest_after_measuring * (Clock::now() - now));
    // A child that nobody waits for takes its time with it.
    usage_.user_ticks = std::max(usage_.user_ticks, before.user_ticks);
    usage_.system_ticks = std::max(usage_.system_ticks, before.system_ticks);
    measured_ = now;
    advance_load(now);
  }
  procfs::View view;
  view.limits = context_.order.policy.limits;
  if (auto& memory = view.limits.memory_bytes) memory = std::min(*memory, machine_memory_bytes);
  view.cpus = cpus_;
  view.all_cpus = all_cpus_;
  view.cpu_nodes = cpu_nodes_;
  view.node_memory = node_memory_;
  view.usage = usage_;
  for (std::size_t i = 0; i < load_.size(); ++i)
    view.load[i] = static_cast<std::uint64_t>(load_[i] * (1U << procfs::load_shift));
  view.uptime_s = uptime_s();
  view.age_s = view.uptime_s - started_s_;
  view.ticks_per_second = ticks_per_second;
  view.page_bytes = static_cast<unsigned>(kernel::page_bytes());
  view.foreign_group = context_.jobs.foreign_group();
  view.foreign_session = context_.jobs.foreign_session();
  view.is_member = [this](pid_t pid) { return is_member(pid); };
  view.is_in_group = [this](pid_t group) { return is_in_group(group); };
  // Looked for when first asked about, and then once for the whole file.
  const auto own = [ this, sockets = std::make_shared<std::optional<std::set<std::uint64_t>>>() ]() -> auto& {
    if (!*sockets) *sockets = own_sockets();
    return **sockets;
  };
  view.owns_socket = [own](std::uint64_t inode) { return own().contains(inode); };
  view.count_sockets = [own] { return std::uint64_t{own().size()}; };
  view.net_file = read_net_file;
  return view;
}

bool SandboxView::admit_file(std::size_t bytes) { return context_.held_files.admit(bytes); }

void SandboxView::forget_after_a_tick() {
  const auto now = Clock::now();
  if (now - known_as_of_ < tick) return;
  foreign_.clear();
  groups_.clear();
  known_as_of_ = now;
}

bool SandboxView::is_in_group(pid_t group) {
  forget_after_a_tick();
  const auto [known, fresh] = groups_.try_emplace(group);
  if (fresh) known->second = has_member_in_group(context_, group);
  return known->second;
}

bool SandboxView::is_member(pid_t pid) {
  // The parent of the first process and of every orphan. It holds its number for as long as the sandbox
  // lives.
  if (pid == context_.order.init) return false;
  forget_after_a_tick();
  if (foreign_.contains(pid)) return false;
  const bool member = context_.index.find_member(pid).has_value();
  if (!member) foreign_.insert(pid);
  return member;
}

std::set<std::uint64_t> SandboxView::own_sockets() const {
  context_.members.discover();
  std::set<std::uint64_t> inodes;
  for_each_table(context_, [&inodes](pid_t tid) {
    if (const auto sockets = kernel::read_socket_inodes(tid)) inodes.insert(sockets->begin(), sockets->end());
  });
  return inodes;
}

procfs::Usage SandboxView::measure() {
  context_.members.discover();
  procfs::Usage usage;
  usage.processes_started = context_.processes;
  const auto add_waited = [&usage](const kernel::ProcStat& stat) {
    usage.user_ticks += stat.waited_user_ticks;
    usage.system_ticks += stat.waited_system_ticks;
  };
  std::uint64_t youngest = 0;
  std::vector<pid_t> pids;
  for (const auto& entry : context_.all_processes()) {
    const auto stat = kernel::read_proc_stat(entry.key.pid);
    if (!stat) continue;
    pids.push_back(entry.key.pid);
    add_waited(*stat);
    usage.user_ticks += stat->user_ticks;
    usage.system_ticks += stat->system_ticks;
    usage.threads += static_cast<std::uint32_t>(stat->threads);
    usage.running += stat->state == 'R' ? 1U : 0U;
    usage.blocked += stat->state == 'D' ? 1U : 0U;
    if (stat->start_time_ticks >= std::exchange(youngest, std::max(youngest, stat->start_time_ticks)))
      usage.last_pid = entry.key.pid;
  }
  if (context_.order.policy.limits.memory_bytes) usage.anonymous_bytes = measure_memory(pids);
  // The session parent is the parent of the tree alone: what it has waited for was the sandbox's.
  if (const auto parent = kernel::read_proc_stat(context_.order.init)) add_waited(*parent);
  usage.user_ticks -= std::min(usage.user_ticks, before_.user_ticks);
  usage.system_ticks -= std::min(usage.system_ticks, before_.system_ticks);
  return usage;
}

std::uint64_t SandboxView::measure_memory(const std::vector<pid_t>& pids) {
  std::vector<std::pair<pid_t, std::uint64_t>> processes;  // with what is resident
  std::uint64_t sum = 0;
  for (const pid_t pid : pids) {
    const auto memory = kernel::read_resident_memory(pid);
    if (!memory) continue;
    processes.emplace_back(pid, *memory);
    sum += *memory;
  }
  // Far from the limit it matters little that what is shared was counted more than once, and to count it
  // exactly takes long.
  const auto stated = context_.order.policy.limits.memory_bytes.value_or(machine_memory_bytes);
  if (sum <= std::min(stated, machine_memory_bytes) / exact_from_a) return sum;
  const auto begin = Clock::now();
  if (begin < exact_until_) return std::min(exact_bytes_, sum);
  std::uint64_t exact = 0;
  std::uint64_t looked_at = 0;  // what is resident of those that were
  for (const auto& [pid, resident] : processes) {
    if (Clock::now() - begin > exact_within) break;
    const auto memory = kernel::read_proportional_memory(pid);
    exact += memory ? *memory : resident;  // it may not be looked at so closely
    looked_at += resident;
  }
  const double share = looked_at == 0 ? 1 : static_cast<double>(exact) / static_cast<double>(looked_at);
  exact_bytes_ = exact + static_cast<std::uint64_t>(static_cast<double>(sum - looked_at) * share);
  const auto end = Clock::now();
  exact_until_ = end + rest_after_exact * (end - begin);
  return exact_bytes_;
}

void SandboxView::advance_load(Clock::time_point now) {
  // The kernel counts every five seconds who runs or waits to (kernel/sched/loadavg.c). The mean over the
  // time since the last question is known without counting: the CPU time used in it.
  constexpr std::array<double, 3> weights = {1884, 2014, 2037};  // EXP_1, EXP_5, EXP_15
  constexpr double one = 1U << procfs::load_shift;
  constexpr double step_s = 5;
  const double elapsed_s = std::chrono::duration<double>(now - load_as_of_).count();
  if (elapsed_s <= 0) return;
  const auto ticks = usage_.user_ticks + usage_.system_ticks;
  const double active = static_cast<double>(ticks - ticks_at_load_) / ticks_per_second / elapsed_s;
  for (std::size_t i = 0; i < load_.size(); ++i) {
    const double kept = std::pow(weights[i] / one, elapsed_s / step_s);
    load_[i] = load_[i] * kept + active * (1 - kept);
  }
  ticks_at_load_ = ticks;
  load_as_of_ = now;
}

void for_each_table(const SandboxContext& context, const std::function<void(pid_t)>& look) {
  for (const auto& entry : context.all_processes()) {
    const pid_t leader = entry.key.pid;
    look(leader);
    const auto threads = kernel::read_threads(leader);
    if (!threads) continue;
    for (const pid_t tid : *threads)
      // unshare(CLONE_FILES); or the leader has ended and has no table any more.
      if (tid != leader && !kernel::share_descriptors(leader, tid)) look(tid);
  }
}

}  // namespace proctor::actors
