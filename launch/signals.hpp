#pragma once

#include <sys/signalfd.h>

#include <array>
#include <csignal>

#include "kernel/pidfd.hpp"
#include "kernel/result.hpp"
#include "kernel/unique_fd.hpp"

namespace proctor::launch {

/// Takes all signals of this process out of the way of its code, and gives a target back exactly what the
/// caller of proctor had set. Every signal is blocked (they are read from a signalfd); SIGCHLD gets its
/// default disposition, because under an inherited SIG_IGN the kernel keeps no exit status; no other
/// disposition is touched, so an ignored SIGHUP (nohup) stays ignored for CMD.
class SignalState {
 public:
  /// Blocks everything in the calling thread; to be called while it is the only one.
  [[nodiscard]] static SignalState take_over() noexcept;

  /// In the forked target, before its exec. Async-signal-safe.
  void restore() const noexcept;

 private:
  sigset_t mask_{};
  struct sigaction on_child_ {};
};

/// A close-on-exec, non-blocking signalfd for every signal.
[[nodiscard]] kernel::Result<kernel::UniqueFd> open_signalfd();

/// Stops the calling process by `signal` (SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU) as the kernel's default does,
/// and returns once it is continued; at once where the default does nothing (an orphaned process
/// group).
void stop_self(int signal) noexcept;

/// Ends the calling process by `signal`, leaving no core. Returns where that is not possible (pid 1).
void die_by(int signal) noexcept;

/// Whether a signal that reached the front is for CMD too.
///
/// What one process sends to the front's pid is meant for CMD. What the terminal sends goes to the whole
/// process group, CMD included, so passing it on would double it; the exceptions are what the kernel sends to
/// the front alone: timers that the front inherited by exec (alarm(2) before exec), and the hang-up of a
/// terminal whose session it leads. A signal from inside the sandbox is not passed on: it would come back.
/// `parent`: the session parent, whose SIGCONT only wakes the front.
[[nodiscard]] bool is_for_command(const signalfd_siginfo& signal, pid_t parent);

/// Passes a signal on, with its value when it was queued with one (sigqueue(3)).
[[nodiscard]] kernel::Result<void> forward_signal(const kernel::PidFd& target,
                                                  const signalfd_siginfo& signal);

}  // namespace proctor::launch
