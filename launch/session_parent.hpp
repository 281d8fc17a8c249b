#pragma once

#include "kernel/message_socket.hpp"
#include "kernel/pidfd.hpp"
#include "kernel/unique_fd.hpp"
#include "launch/embedded_session.hpp"
#include "launch/front_channel.hpp"
#include "launch/session_end.hpp"

namespace proctor::launch {

/// What a session parent owns. The calling process is the target's parent and a subreaper; every signal
/// is blocked in all its threads and SIGCHLD has its default disposition.
struct Session {
  kernel::MessageSocket supervisor;  ///< the attach request is on its way already
  pid_t target = 0;
  kernel::PidFd target_pidfd;
  kernel::UniqueFd exec_report;  ///< SpawnedTarget::exec_report
  bool linger = false;
};

/// Sees a session through: waits for the supervisor to arm it and for CMD to be executed, reaps CMD and
/// every orphan, tells `front`, and returns once no process of the session is left. The one piece of
/// code for embedded and daemon sessions. The supervisor's death, its EndSession and the end of the
/// front end the tree.
[[nodiscard]] SessionEnd run_session_parent(Session session, ChannelFront& front);

/// The same in the process that forked the target and became proctord, on its main thread. Takes over
/// all descriptors of `session` but supervisor_fd, which the caller hands to the supervisor first. The front
/// has been told the end when this returns, and the supervisor has answered Ended (or had its time): the
/// caller then _exits at once with the returned status, for nobody waits.
[[nodiscard]] int run_session_parent(const EmbeddedSession& session);

}  // namespace proctor::launch
