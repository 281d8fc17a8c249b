#include "actors/sandbox_context.hpp"

#include <linux/capability.h>
#include <sys/resource.h>

#include <cerrno>
#include <csignal>
#include <utility>

#include "actors/process.hpp"
#include "kernel/credentials.hpp"

namespace proctor::actors {
namespace {

/// Whether a sandbox of so many processes leaves as many descriptors to all others as it has processes. Each
/// process costs one or two; whoever forks without end must not take the last. A new descriptor has the
/// lowest number that is free, so it tells how many there are.
bool leaves_as_many(const kernel::PidFd& newest, std::size_t processes) {
  rlimit limit{};
  return ::getrlimit(RLIMIT_NOFILE, &limit) == 0 &&
         static_cast<rlim_t>(newest.get()) + processes < limit.rlim_cur;
}

}  // namespace

SandboxContext::SandboxContext(std::shared_ptr<Loop> sandbox_loop, messages::SandboxOrder sandbox_order,
                               const SandboxLimits& sandbox_limits, std::shared_ptr<RecordTarget> record,
                               kernel::SeccompListener seccomp_listener, kernel::Journal in_flight,
                               ExitSet exit_set)
    : loop(std::move(sandbox_loop)),
      order(std::move(sandbox_order)),
      limits(sandbox_limits),
      administers_system(kernel::may_be_permitted(order.target, CAP_SYS_ADMIN)),
      listener(std::move(seccomp_listener)),
      journal(std::move(in_flight)),
      responder(listener, journal),
      recorder(std::move(record), order.policy.name),
      exits(std::move(exit_set)),
      index(
          tasks, order.init,
          [this](const index::PidKey& key, const index::PidKey& parent) {
            return make_process(*this, key, parent);
          },
          [this](const index::Entry<ProcessHandle>& entry) { forget_process(*this, entry); }),
      reader(index),
      members(*this),
      jobs(order.target),
      held_files(*this),
      view(*this),
      hints(order.ungranted_directories, procfs::told_outside_procfs(order.policy.limits)),
      gate(members, hints, &view, order.landlocked ? procfs::Backstop::landlock : procfs::Backstop::none),
      receiver(*loop, listener, journal) {
  if (order.policy.limits.cpus) listener.expect_restricted(order.target);
  if (!kernel::has_fixed_credentials(order.target)) return;
  if (auto targets = gate.credentials_of(order.target)) everyones_credentials = *std::move(targets);
}

bool SandboxContext::drain_exits() {
  bool any = false;
  exits.drain([this, &any](const index::PidKey& key) {
    const auto entry = index.entry_for(key.pid);
    if (!entry || entry->key != key || !index.unregister(key)) return;
    forget_process(*this, *entry);
    // A zombie is found anew as long as nobody reaps it: no news.
    any = any || !entry->handle.is_zombie();
  });
  if (!any) return false;
  reader.release();  // or it would keep the last of the dead
  if (on_process_ended) on_process_ended();
  return true;
}

std::vector<index::Entry<ProcessHandle>> SandboxContext::all_processes() const {
  std::vector<index::Entry<ProcessHandle>> all;
  index.snapshot()->processes.for_each(
      [&](pid_t, const index::Entry<ProcessHandle>& entry) { all.push_back(entry); });
  return all;
}

std::optional<pid_t> SandboxContext::IndexMembers::group_of(pid_t pid) {
  // First, so that an entry found is of a process that was alive when the caller already held what it
  // wants judged.
  context_.drain_exits();
  const auto key = context_.index.find_member(pid);
  return key ? std::optional{key->pid} : std::nullopt;
}

void SandboxContext::IndexMembers::discover() {
  context_.drain_exits();
  context_.index.discover();
}

procfs::Roll SandboxContext::IndexMembers::call_roll() {
  constexpr int looks_max = 4;  // at a sandbox whose processes come and go meanwhile
  procfs::Roll roll;
  for (int look = 0; look < looks_max && !roll.complete; ++look) {
    context_.drain_exits();
    const auto found = context_.index.discover();
    roll.leaders.clear();
    // Now: with the look at the ends the zombies leave the index.
    context_.index.pids_snapshot().for_each([&](pid_t pid) { roll.leaders.push_back(pid); });
    const bool ended = context_.drain_exits();
    const bool may_have_moved = context_.has_subreapers && (look == 0 || found.admitted != 0);
    roll.complete = found.sure && !ended && !may_have_moved;
  }
  return roll;
}

std::optional<ProcessHandle> make_process(SandboxContext& context, const index::PidKey& key,
                                          const index::PidKey& parent) {
  if (context.index.size() >= context.limits.processes_max) return std::nullopt;
  auto pidfd = kernel::PidFd::open(key.pid);
  if (!pidfd || !leaves_as_many(*pidfd, context.index.size())) return std::nullopt;
  auto shared = std::make_shared<const kernel::PidFd>(*std::move(pidfd));
  context.jobs.note_process(key.pid);

  ProcessHandle handle;
  handle.pidfd = shared;
  handle.record = std::make_shared<ProcessRecord>();
  if (shared->has_ended()) {
    // A zombie that was found again, or one that nobody heard of while it lived. It asks for nothing any
    // more.
    handle.counters = std::make_shared<ActorCounters>();
    if (!context.exits.add(key, shared)) return std::nullopt;
    return handle;
  }
  auto spawned = spawn_on<messages::process_actor, process_actor_state>(
      *context.loop, context.registry_id, process, &context, key, parent, shared, handle.record);
  handle.actor = std::move(spawned.handle);
  handle.actor_id = handle.actor.id();
  handle.counters = std::move(spawned.counters);
  ++context.processes;
  if (!context.exits.add(key, shared)) {
    // Out of epoll watches or memory: without a watch its end would never be seen, so it is not tracked.
    caf::anon_send(handle.actor, messages::ProcessExited{});
    return std::nullopt;
  }
  if (context.ending) static_cast<void>(shared->send_signal(SIGKILL));
  return handle;
}

void forget_process(SandboxContext& context, const index::Entry<ProcessHandle>& entry) {
  if (entry.handle.is_zombie()) return;
  const auto status = entry.handle.pidfd->exit_status();
  const auto& record = *entry.handle.record;
  if (record.actor_failed) {  // nobody else is left to say it
    context.recorder.record(RecordLevel::lifecycle,
                            messages::event::ProcessExited{entry.key, entry.parent, record.command, status,
                                                           record.notifications, record.refused});
    return;
  }
  caf::anon_send(entry.handle.actor, messages::ProcessExited{status});
}

kernel::Result<kernel::AssumedCredentials> act_as_caller(SandboxContext& context,
                                                         const seccomp_notif& notification) {
  const auto* const own = context.gate.own_credentials();
  const auto theirs = context.everyones_credentials
                          ? kernel::Result{*context.everyones_credentials}
                          : context.gate.credentials_of(static_cast<pid_t>(notification.pid));
  // Asked after the reading: the thread still waits in its call, so they are its own.
  if (own == nullptr || !theirs || !context.listener.is_valid(notification.id))
    return kernel::Error{ESRCH, "act as a thread that is gone"};
  auto assumed = kernel::AssumedCredentials::assume(*theirs, *own);
  if (!assumed) return kernel::Error{EPERM, assumed.error().operation};
  return assumed;
}

bool is_alone_with_descriptors(const SandboxContext& context, pid_t tgid) {
  return !context.shares_tables && kernel::has_one_thread(tgid);
}

void describe_identity(const SandboxContext& context, messages::SandboxDescription& description) {
  const auto& order = context.order;
  description.name = order.policy.name;
  description.command = order.command;
  description.target = order.target;
  description.init = order.init;
  description.started_unix_ms =
      std::chrono::duration_cast<std::chrono::milliseconds>(context.started.time_since_epoch()).count();
  description.degraded = order.degraded;
  description.when_command_ends = policy::name_of(order.policy.when_command_ends);
  description.accept_degraded = order.policy.accept_degraded;
  description.verdict_timeout_ms = context.limits.verdict_timeout.count();
  description.proc = policy::name_of(order.policy.proc);
  description.limits = order.policy.limits;
}

}  // namespace proctor::actors
