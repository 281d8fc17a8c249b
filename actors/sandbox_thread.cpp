#include "actors/sandbox_thread.hpp"

#include <pthread.h>
#include <signal.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <system_error>
#include <utility>

#include "actors/process.hpp"
#include "actors/sandbox.hpp"
#include "kernel/block_signals.hpp"

namespace proctor::actors {
namespace {

/// A process whose actor has failed is refused all it asks for; the others go on.
void refuse_process_of(SandboxContext& context, std::uint64_t actor_id) {
  for (const auto& entry : context.all_processes()) {
    if (entry.handle.actor_id != actor_id) continue;
    entry.handle.record->actor_failed = true;
    context.responder.refuse_process(entry.key.pid, EIO, "its process actor has failed");
  }
}

/// Without one of its essential actors a sandbox has no judge or no end: everything in it is ended, and the
/// session's parent hears of it as the sandbox actor goes down.
void fail_sandbox(SandboxContext& context) {
  context.ending = true;
  context.receiver.stop();
  context.responder.refuse_all(EIO, "its sandbox has failed");
  for (const auto& entry : context.all_processes()) {
    static_cast<void>(entry.handle.pidfd->send_signal(SIGKILL));
    caf::anon_send_exit(entry.handle.actor, caf::exit_reason::user_shutdown);
  }
  for (const auto& actor : context.essential) caf::anon_send_exit(actor, caf::exit_reason::user_shutdown);
}

/// Told to end, or let go of by all who knew it: that is how actors should end.
bool is_failure(const caf::error& reason) {
  return reason && reason != caf::exit_reason::user_shutdown && reason != caf::exit_reason::unreachable;
}

/// Puts starts, ends and failures of actors on record.
void watch_actors(SandboxContext& context) {
  context.loop->on_actor_started([&context](const ActorCounters& actor) {
    context.recorder.record(RecordLevel::lifecycle,
                            messages::event::ActorStarted{actor.kind, actor.id, actor.parent});
  });
  context.loop->on_actor_stopped([&context](const ActorCounters& actor, const caf::error& reason) {
    const bool failed = is_failure(reason);
    context.recorder.record(
        RecordLevel::lifecycle,
        messages::event::ActorStopped{actor.kind, actor.id, failed ? caf::to_string(reason) : "normal"});
    if (failed && actor.kind == process_actor_state::name)
      refuse_process_of(context, actor.id);
    else if (failed)
      fail_sandbox(context);
  });
}

/// Exits are seen as they happen and children when they ask for something; this is for what neither shows.
/// Not a delayed message: one that waits in CAF's clock holds its actor, and with it the loop and its
/// descriptor, long after the sandbox has ended.
constexpr std::chrono::minutes reconcile_interval{5};

void reconcile(SandboxContext& context) {
  context.drain_exits();
  context.index.prune_dead();  // tells forget_process of each
  context.index.discover();
}

void before_sleep(SandboxContext& context, Loop::Clock::time_point& next_reconcile) {
  if (const auto now = Loop::Clock::now(); now >= next_reconcile) {
    reconcile(context);
    next_reconcile = now + reconcile_interval;
  }
  if (const auto version = context.index.version(); version != context.recorded_version) {
    context.recorded_version = version;
    context.recorder.record(RecordLevel::all, messages::event::IndexPublished{context.index.size(), version});
  }
  context.recorder.flush();
  auto wake_up = next_reconcile;
  // Whatever is in flight while nothing is left to run waits for somebody else: it needs its deadline.
  if (context.journal.in_flight() != 0)
    wake_up = std::min(
        wake_up, Loop::Clock::time_point{std::chrono::nanoseconds{context.responder.earliest_deadline_ns()}});
  context.loop->set_timer(wake_up);
}

}  // namespace

kernel::Result<std::unique_ptr<SandboxThread>> SandboxThread::start(
    caf::actor_system& system, messages::SandboxOrder order, const SandboxLimits& limits,
    std::shared_ptr<RecordTarget> record, std::uint64_t supervisor_id, std::function<void()> on_ended) {
  if (const auto target = order.target_pidfd.info(); !target || target->tgid != order.target)
    return kernel::Error{ESRCH, "look at the target"};
  auto listener = kernel::SeccompListener::adopt(std::move(order.listener));
  if (!listener) return listener.error();
  auto journal = kernel::Journal::create(limits.pending_max);
  if (!journal) return journal.error();
  auto exits = ExitSet::create();
  if (!exits) return exits.error();
  auto loop = Loop::create(system);
  if (!loop) return loop.error();

  std::unique_ptr<SandboxThread> thread{new SandboxThread};
  thread->context_ =
      std::make_unique<SandboxContext>(*loop, std::move(order), limits, std::move(record),
                                       *std::move(listener), *std::move(journal), *std::move(exits));
  // Before there are actors, for who would end them? It waits for them.
  try {
    thread->thread_ =
        std::thread{[self = thread.get(), on_ended = std::move(on_ended)] { self->run(on_ended); }};
  } catch (const std::system_error& error) {
    return kernel::Error{error.code().value(), "start a thread for the sandbox"};
  }
  watch_actors(*thread->context_);
  (*loop)->on_idle(
      [context = thread->context_.get(), next_reconcile = Loop::Clock::now() + reconcile_interval]() mutable {
        before_sleep(*context, next_reconcile);
      });
  auto spawned = spawn_on<messages::sandbox_actor, sandbox_state>(**loop, supervisor_id, sandbox,
                                                                  thread->context_.get());
  thread->context_->actors.push_back(spawned.counters);
  thread->context_->essential.push_back(caf::actor_cast<caf::actor>(spawned.handle));
  thread->actor_ = std::move(spawned.handle);
  auto outline = std::make_shared<messages::SandboxDescription>();
  describe_identity(*thread->context_, *outline);
  outline->state = "not answering";
  thread->outline_ = std::move(outline);
  thread->set_up_.count_down();
  return thread;
}

void SandboxThread::run(const std::function<void()>& on_ended) {
  kernel::block_all_signals();
  pthread_setname_np(pthread_self(), "sandbox");
  set_up_.wait();
  context_->loop->run();
  context_.reset();
  on_ended();
}

SandboxThread::~SandboxThread() {
  if (thread_.joinable()) thread_.join();
}

}  // namespace proctor::actors
