#include "actors/exit_watcher.hpp"

namespace proctor::actors {

messages::exit_watcher_actor::behavior_type exit_watcher(ExitWatcherSelf self, SandboxContext* context) {
  const messages::exit_watcher_actor handle{self};
  context->loop->watch(context->exits.poll_fd(),
                       [handle](short) { caf::anon_send(handle, messages::LookForEnded{}); });
  self->set_exit_handler([self, context](const caf::exit_msg& exit) {
    context->loop->unwatch(context->exits.poll_fd());
    self->quit(exit.reason);
  });
  return {
      [context](messages::LookForEnded) { context->drain_exits(); },
  };
}

}  // namespace proctor::actors
