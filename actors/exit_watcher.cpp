#include "actors/exit_watcher.hpp"

namespace proctor::actors {
namespace {

/// Whoever looks a process up drains the ends first (ADR 0004), so nothing is wrong meanwhile: they are only
/// put on record, and let go of, by so much later when many processes come and go.
constexpr std::chrono::milliseconds rest{10};

}  // namespace

messages::exit_watcher_actor::behavior_type exit_watcher(ExitWatcherSelf self, SandboxContext* context) {
  const messages::exit_watcher_actor handle{self};
  context->loop->watch(
      context->exits.poll_fd(), [handle](short) { caf::anon_send(handle, messages::LookForEnded{}); }, rest);
  self->set_exit_handler([self, context](const caf::exit_msg& exit) {
    context->loop->unwatch(context->exits.poll_fd());
    self->quit(exit.reason);
  });
  return {
      [context](messages::LookForEnded) { context->drain_exits(); },
  };
}

}  // namespace proctor::actors
