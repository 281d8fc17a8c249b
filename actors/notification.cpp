#include "actors/notification.hpp"

#include <linux/audit.h>

#include <cerrno>
#include <variant>

#include "actors/call_arguments.hpp"
#include "actors/pid_argument.hpp"
#include "actors/verdict_record.hpp"
#include "procfs/instance.hpp"

namespace proctor::actors {
namespace {

std::int64_t now_ns() { return Loop::Clock::now().time_since_epoch() / std::chrono::nanoseconds{1}; }

/// Whether a getdents call surely lists a directory of which every entry is shown: nearly all do.
bool has_nothing_to_hide(const SandboxContext& context, const seccomp_notif& received, pid_t tgid) {
  const int fd = int_argument(received, 0);
  return procfs::file_system_of(static_cast<pid_t>(received.pid), fd) == procfs::FileSystem::other &&
         is_alone_with_descriptors(context, tgid);
}

}  // namespace

messages::notification_actor::behavior_type notification(NotificationSelf self, SandboxContext* context,
                                                         messages::sandbox_actor sandbox) {
  auto& state = self->state;
  state.context = context;
  state.sandbox = std::move(sandbox);
  context->responder.on_released([context] { context->receiver.slot_released(); });
  context->loop->on_timer([context] { context->responder.expire(now_ns()); });
  self->set_exit_handler([self, context](const caf::exit_msg& exit) {
    context->receiver.stop();
    context->loop->on_timer({});
    self->quit(exit.reason);
  });
  return {
      [&state](messages::Arm) { state.arm(); },
  };
}

void notification_state::arm() {
  context->receiver.start([this](kernel::SlotNumber slot) { on_received(slot); },
                          [this] { caf::anon_send(sandbox, messages::ListenerEnded{}); });
}

void notification_state::on_received(kernel::SlotNumber slot) {
  const std::chrono::nanoseconds timeout{context->limits.verdict_timeout};
  context->journal.fill(slot, now_ns() + timeout.count());
  ++context->notifications;
  context->drain_exits();  // before any look-up: see ExitSet
  dispatch(slot);
}

void notification_state::dispatch(kernel::SlotNumber slot) {
  const seccomp_notif& received = context->journal[slot].view();
  const auto* const row = policy::notify_row(received.data.nr);
  if (received.data.arch != AUDIT_ARCH_X86_64 || row == nullptr) {
    context->responder.respond(slot, {policy::Fail{ENOSYS}, "a call that the filter does not notify of"});
    return;
  }
  if (received.pid == 0) {
    context->responder.respond(slot,
                               {policy::Fail{EPERM}, "a target outside the supervisor's pid namespace"});
    return;
  }
  const auto* const entry = find_notifier(received);
  if (entry == nullptr || entry->handle.is_zombie()) return refuse_unknown(slot, *row);
  auto& record = *entry->handle.record;
  if (record.actor_failed) {
    conclude(*context, slot, entry->key, record, *row, {},
             {policy::Fail{EIO}, "its process actor has failed"});
    return;
  }
  if (row->handler == policy::Handler::directory && has_nothing_to_hide(*context, received, entry->key.pid)) {
    ++record.notifications;
    // Continue safety: the register names the descriptor, it is not on procfs or in /sys, and nobody can
    // put another one in its place.
    conclude(*context, slot, entry->key, record, *row, {}, {policy::Continue{}});
    return;
  }
  if (row->handler == policy::Handler::pid_argument && !is_on_behalf(*row, received, entry->key.pid)) {
    ++record.notifications;
    const auto verdict = judge_pid_argument(*context, received, *row);
    const bool continues = std::holds_alternative<policy::Continue>(verdict.answer);
    conclude(*context, slot, entry->key, record, *row, continues ? "" : name_pids(received, *row), verdict);
    return;
  }
  caf::anon_send(entry->handle.actor, messages::Decide{slot});
}

void notification_state::refuse_unknown(kernel::SlotNumber slot, const policy::SyscallRow& row) {
  const seccomp_notif& received = context->journal[slot].view();
  const policy::Verdict verdict{policy::Fail{EAGAIN}, "no room for one more process"};
  if (!context->listener.is_valid(received.id)) return context->responder.respond(slot, verdict);
  ProcessRecord of_nobody;
  conclude(*context, slot, {static_cast<pid_t>(received.pid), 0}, of_nobody, row, {}, verdict);
}

const index::Entry<ProcessHandle>* notification_state::find_notifier(const seccomp_notif& received) {
  const auto tid = static_cast<pid_t>(received.pid);
  if (const auto* const known = context->reader.entry_for(tid)) return known;
  const auto key =
      context->index.resolve_notifier(tid, [&] { return context->listener.is_valid(received.id); });
  return key ? context->reader.entry_for(key->pid) : nullptr;
}

}  // namespace proctor::actors
