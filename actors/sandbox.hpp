#pragma once

#include "actors/loop_bound.hpp"
#include "actors/sandbox_context.hpp"
#include "messages/exit_watcher.hpp"
#include "messages/notification.hpp"
#include "messages/registry.hpp"
#include "messages/sandbox.hpp"

namespace proctor::actors {

struct sandbox_state {
  static inline const char* name = "sandbox";

  enum class Phase : std::uint8_t { starting, armed, command_ended, ending, ended };

  SandboxContext* context = nullptr;
  Phase phase = Phase::starting;
  bool listener_ended = false;  ///< no task uses the filter any more
  std::string end_reason = "its command ended";
  messages::registry_actor registry;
  messages::notification_actor notification;
  messages::exit_watcher_actor exit_watcher;

  [[nodiscard]] messages::SandboxDescriptionPtr describe(messages::DescribeSandbox::Detail detail) const;
  /// SIGKILL by pidfd to every process there is.
  void kill_all();
};

using SandboxSelf = LoopActor<messages::sandbox_actor, sandbox_state>*;

/// Ties one sandbox together: starts its other actors, releases the target once the listener is armed, and
/// owns the end of its life.
[[nodiscard]] messages::sandbox_actor::behavior_type sandbox(SandboxSelf self, SandboxContext* context);

}  // namespace proctor::actors
