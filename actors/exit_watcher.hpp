#pragma once

#include "actors/loop_bound.hpp"
#include "actors/sandbox_context.hpp"
#include "messages/exit_watcher.hpp"

namespace proctor::actors {

struct exit_watcher_state {
  static inline const char* name = "exit-watcher";
};

using ExitWatcherSelf = LoopActor<messages::exit_watcher_actor, exit_watcher_state>*;

/// Watches for ends while nothing else does: the sandbox's one epoll is in the loop's poll set here.
///
/// Why per sandbox and not one for the machine? The notification actor must know of every end before
/// it believes a pid, so the same epoll is asked, without blocking, after each receive; and an end seen
/// within the loop needs no hop to get to the index.
[[nodiscard]] messages::exit_watcher_actor::behavior_type exit_watcher(ExitWatcherSelf self,
                                                                       SandboxContext* context);

}  // namespace proctor::actors
