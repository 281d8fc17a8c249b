#include "actors/sandbox.hpp"

#include <chrono>
#include <csignal>
#include <set>

#include "actors/exit_watcher.hpp"
#include "actors/notification.hpp"
#include "actors/registry.hpp"
#include "kernel/proc_stat.hpp"

namespace proctor::actors {
namespace {

using messages::DescribeSandbox;

constexpr std::string_view phase_name(sandbox_state::Phase phase) {
  switch (phase) {
    case sandbox_state::Phase::starting:
      return "starting";
    case sandbox_state::Phase::armed:
      return "armed";
    case sandbox_state::Phase::command_ended:
      return "command ended";
    case sandbox_state::Phase::ending:
      return "ending";
    case sandbox_state::Phase::ended:
      break;
  }
  return "ended";
}

/// Looks at a tree that keeps growing while it is being stopped.
constexpr int stop_rounds_max = 1000;

/// Closes the books: every actor of the sandbox ends, and with the last one the loop.
void finish(SandboxSelf self, caf::error why = {}) {
  auto& state = self->state;
  if (state.phase == sandbox_state::Phase::ended) return;
  state.phase = sandbox_state::Phase::ended;
  auto& context = *state.context;
  context.drain_exits();
  for (const auto& entry : context.all_processes()) {
    context.index.unregister(entry.key);
    forget_process(context, entry);
  }
  context.recorder.record(
      RecordLevel::lifecycle,
      messages::event::SandboxEnded{state.end_reason, context.processes, context.notifications});
  for (const auto& actor :
       {caf::actor_cast<caf::actor>(state.notification), caf::actor_cast<caf::actor>(state.exit_watcher),
        caf::actor_cast<caf::actor>(state.registry)})
    self->send_exit(actor, caf::exit_reason::user_shutdown);  // CAF ignores a 'normal' one
  self->quit(std::move(why));
}

/// Lets the target go, which is in the index now.
void arm(SandboxSelf self) {
  auto& state = self->state;
  auto& context = *state.context;
  // Of a sandbox that is to end too: so it hears of the last process's end.
  caf::anon_send(state.notification, messages::Arm{});
  if (state.phase == sandbox_state::Phase::ending) return state.kill_all();
  state.phase = sandbox_state::Phase::armed;
  context.recorder.record(
      RecordLevel::lifecycle,
      messages::event::SandboxArmed{context.order.command, context.order.degraded, context.order.target});
  // The target's first notified call waits in the kernel until the receiver's thread asks for it. Then its
  // session parent learns from the report pipe whether the exec worked; a lost byte is a dead target.
  const char go = 1;
  [[maybe_unused]] const auto ignored = ::write(context.order.release.get(), &go, 1);
  context.order.release.reset();
}

/// A target that nobody could judge is not let go: it reads the end of file that comes with the sandbox's
/// end.
void give_up(SandboxSelf self, std::string why) {
  if (self->state.phase == sandbox_state::Phase::ending)
    return finish(self);  // its target was killed as ordered
  self->state.end_reason = why;
  finish(self, caf::make_error(caf::sec::runtime_error, std::move(why)));
}

/// Starts what receives and decides, and has the target registered.
void start(SandboxSelf self, SandboxContext& context) {
  auto& state = self->state;
  auto keep = [&context](auto spawned) {
    context.actors.push_back(spawned.counters);
    context.essential.push_back(caf::actor_cast<caf::actor>(spawned.handle));
    return std::move(spawned.handle);
  };
  state.registry =
      keep(spawn_on<messages::registry_actor, registry_state>(*context.loop, self->id(), registry, &context));
  context.registry_id = state.registry.id();
  state.exit_watcher = keep(spawn_on<messages::exit_watcher_actor, exit_watcher_state>(
      *context.loop, self->id(), exit_watcher, &context));
  state.notification = keep(spawn_on<messages::notification_actor, notification_state>(
      *context.loop, self->id(), notification, &context, messages::sandbox_actor{self}));
  context.on_process_ended = [self, context = &context] {
    // Whoever turned up since is killed as it registers; this is for the ones that never ask for anything.
    if (context->ending && context->index.size() == 0) self->state.kill_all();
  };
  // Without a timeout: it answers within this loop, and a request that waits in CAF's clock would hold the
  // loop beyond the sandbox's end.
  self->request(state.registry, caf::infinite, messages::Register{context.order.target})
      .then(
          [self](bool registered) {
            if (registered) return arm(self);
            give_up(self, "its target has ended, or there is no room for one more process");
          },
          [self](const caf::error& error) {
            give_up(self, "its registry failed: " + caf::to_string(error));
          });
}

}  // namespace

messages::sandbox_actor::behavior_type sandbox(SandboxSelf self, SandboxContext* context) {
  auto& state = self->state;
  state.context = context;
  start(self, *context);
  return {
      [&state](messages::SandboxCommandEnded ended) {
        state.context->recorder.record(RecordLevel::lifecycle, messages::event::CommandEnded{ended.status});
        if (state.phase == sandbox_state::Phase::armed) state.phase = sandbox_state::Phase::command_ended;
      },
      [self](const messages::EndSandbox& order) {
        self->state.end_reason = order.reason;
        self->state.phase = sandbox_state::Phase::ending;
        self->state.context->ending = true;
        if (self->state.listener_ended) return finish(self);
        self->state.kill_all();
      },
      [self](messages::SandboxDrained) { finish(self); },
      [self](messages::ListenerEnded) {
        self->state.listener_ended = true;
        if (self->state.phase == sandbox_state::Phase::ending) finish(self);
      },
      [&state](DescribeSandbox request) { return state.describe(request.detail); },
  };
}

void sandbox_state::kill_all() {
  // Stopped first: what is killed while its siblings still fork leaves orphans that nobody can trace. A
  // stopped process forks no more, so the tree is whole once two looks find nobody new.
  std::set<index::PidKey> stopped;
  for (int quiet = 0, round = 0; quiet < 2 && round < stop_rounds_max; ++round) {
    context->members.discover();
    ++quiet;
    for (const auto& entry : context->all_processes()) {
      if (!stopped.insert(entry.key).second) continue;
      static_cast<void>(entry.handle.pidfd->send_signal(SIGSTOP));
      quiet = 0;
    }
  }
  for (const auto& entry : context->all_processes())
    static_cast<void>(entry.handle.pidfd->send_signal(SIGKILL));
}

messages::SandboxDescriptionPtr sandbox_state::describe(DescribeSandbox::Detail detail) const {
  auto description = std::make_shared<messages::SandboxDescription>();
  auto& d = *description;
  describe_identity(*context, d);
  d.state = phase_name(phase);
  d.in_flight = context->journal.in_flight();
  d.notifications = context->notifications;
  const auto& counts = context->responder.counts();
  d.continued = counts.continued;
  d.failed = counts.failed;
  d.returned = counts.returned;
  d.injected = counts.injected;
  d.withdrawn = counts.withdrawn;
  d.expired = counts.expired;

  context->members.discover();
  const bool everything = detail == DescribeSandbox::Detail::everything;
  if (everything)
    for (const auto& counters : context->actors) d.actors.push_back(counters->report());
  for (const auto& entry : context->all_processes()) {
    messages::ProcessReport process;
    process.key = entry.key;
    process.parent = entry.parent;
    process.notifications = entry.handle.record->notifications;
    process.refused = entry.handle.record->refused;
    if (const auto stat = kernel::read_proc_stat(entry.key.pid)) {
      process.command = stat->comm;
      process.threads = stat->threads;
      process.memory_bytes = stat->resident_pages * kernel::page_bytes();
    }
    d.processes.push_back(std::move(process));
    if (everything && !entry.handle.is_zombie()) d.actors.push_back(entry.handle.counters->report());
  }
  return description;
}

}  // namespace proctor::actors
