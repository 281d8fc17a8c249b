#pragma once

#include "actors/loop_bound.hpp"
#include "actors/sandbox_context.hpp"
#include "messages/notification.hpp"
#include "messages/sandbox.hpp"

namespace proctor::actors {

struct notification_state {
  static inline const char* name = "notification";

  SandboxContext* context = nullptr;
  messages::sandbox_actor sandbox;  ///< told when the listener hangs up
  bool paused = false;              ///< every slot is in flight: the kernel queues for us

  /// The listener can be read: receives one notification and has it decided.
  void on_ready(short events);
  void dispatch(kernel::SlotNumber slot);
  /// From the published snapshot; only an unknown task costs more. Null: gone, or one too many.
  [[nodiscard]] const index::Entry<ProcessHandle>* find_notifier(const seccomp_notif& received);
  /// A slot became free.
  void on_released();
  void watch_listener();
};

using NotificationSelf = LoopActor<messages::notification_actor, notification_state>*;

/// Receives notifications and has each decided. Reading the listener is a callback of the loop, as a
/// broker reads its sockets: between messages, on the actor's own thread.
[[nodiscard]] messages::notification_actor::behavior_type notification(NotificationSelf self,
                                                                       SandboxContext* context,
                                                                       messages::sandbox_actor sandbox);

}  // namespace proctor::actors
