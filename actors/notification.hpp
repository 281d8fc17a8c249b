#pragma once

#include "actors/loop_bound.hpp"
#include "actors/sandbox_context.hpp"
#include "messages/notification.hpp"
#include "messages/sandbox.hpp"
#include "policy/syscall_table.hpp"

namespace proctor::actors {

struct notification_state {
  static inline const char* name = "notification";

  SandboxContext* context = nullptr;
  messages::sandbox_actor sandbox;  ///< told when the listener hangs up

  void arm();
  /// A notification was received into this slot: has it decided.
  void on_received(kernel::SlotNumber slot);
  void dispatch(kernel::SlotNumber slot);
  /// Of a task that is no tracked process: it died meanwhile, or the sandbox has all the processes it may
  /// have.
  void refuse_unknown(kernel::SlotNumber slot, const policy::SyscallRow& row);
  /// From the published snapshot; only an unknown task costs more. Null: gone, or one too many.
  [[nodiscard]] const index::Entry<ProcessHandle>* find_notifier(const seccomp_notif& received);
};

using NotificationSelf = LoopActor<messages::notification_actor, notification_state>*;

/// Has each notification decided that the sandbox's Receiver receives: handed over within a turn of the loop,
/// as a broker gets what its sockets read.
[[nodiscard]] messages::notification_actor::behavior_type notification(NotificationSelf self,
                                                                       SandboxContext* context,
                                                                       messages::sandbox_actor sandbox);

}  // namespace proctor::actors
