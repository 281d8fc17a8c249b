#pragma once

#include <sys/signalfd.h>

#include <string>

#include "kernel/message_socket.hpp"
#include "kernel/pidfd.hpp"
#include "kernel/unique_fd.hpp"
#include "launch/embedded_session.hpp"

namespace proctor::launch {

/// Exit statuses that are proctor's own words, as those of env(1), nice(1) and timeout(1).
inline constexpr int exit_proctor_failed = 125;
inline constexpr int exit_not_executable = 126;
inline constexpr int exit_not_found = 127;

/// How a session ended.
struct SessionEnd {
  bool command_ran = false;  ///< then `wait_status` speaks, else `exit_code` and `message`
  int wait_status = 0;       ///< of CMD, wait(2)
  int exit_code = 0;         ///< 125, 126, 127
  std::string message;       ///< one line for the user: what, where, what to do; without "proctor: "
};

/// Whom a session parent tells how its target is doing: the user's side of the session.
class SessionFront {
 public:
  virtual ~SessionFront() = default;

  /// The sandbox is armed. The front keeps `listener` open until the tree is gone: Armed says why.
  virtual void armed(kernel::UniqueFd /*listener*/) {}
  /// The target has become CMD.
  virtual void started(const kernel::PidFd& target) = 0;
  /// CMD was stopped by `signal`. May stop the calling process: job control.
  virtual void stopped(int signal) = 0;
  /// CMD was continued.
  virtual void continued() = 0;
  /// CMD has ended, maybe while stopped.
  virtual void ended() {}
  /// The session ends for another reason than CMD's end: its processes are about to be ended.
  virtual void giving_up() {}
  /// A signal other than SIGCHLD reached this process. `command_alive`: CMD is not yet reaped.
  /// Returns whether the session shall end now.
  virtual bool signalled(const signalfd_siginfo& /*signal*/, bool /*command_alive*/) { return false; }
  /// A descriptor whose end of file means that nobody watches any more: the tree is then ended. -1: none.
  [[nodiscard]] virtual int poll_fd() const { return -1; }
};

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
[[nodiscard]] SessionEnd run_session_parent(Session session, SessionFront& front);

/// The same in the process that forked the target and became proctord, on its main thread. Takes over
/// all descriptors of `session` but supervisor_fd, which the caller hands to the supervisor first. The front
/// has been told the end when this returns, and the supervisor has answered Ended (or had its time): the
/// caller then _exits at once with the returned status, for nobody waits.
[[nodiscard]] int run_session_parent(const EmbeddedSession& session);

}  // namespace proctor::launch
