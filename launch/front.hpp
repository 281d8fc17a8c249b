#pragma once

#include <array>
#include <optional>

#include "kernel/message_socket.hpp"
#include "kernel/unique_fd.hpp"
#include "launch/descriptors.hpp"
#include "launch/session_end.hpp"
#include "launch/signals.hpp"
#include "launch/tree.hpp"

namespace proctor::launch {

/// Passes on to CMD what reaches the front and is meant for CMD. What comes before CMD is there is kept, one
/// of each signal: also what the terminal sent, because CMD was not there yet to get its own.
class SignalForwarder {
 public:
  /// `parent`: the session parent, which forked CMD.
  explicit SignalForwarder(pid_t parent) noexcept : parent_(parent) {}

  /// CMD is there, or was. `target` outlives this. As take(), for what was kept.
  [[nodiscard]] bool start(const kernel::PidFd& target);

  /// Returns false when the signal asks for the end, and CMD, for whom it was, is gone: then it is for
  /// whoever lingers.
  [[nodiscard]] bool take(const signalfd_siginfo& signal);

 private:
  void keep(const signalfd_siginfo& signal);

  pid_t parent_;
  const kernel::PidFd* target_ = nullptr;
  std::array<std::optional<signalfd_siginfo>, NSIG> kept_;
};

/// Whether a signal that finds its CMD gone, while other processes linger, asks for the end of the session.
[[nodiscard]] bool asks_for_the_end(const signalfd_siginfo& signal) noexcept;

/// The front of a session: relays signals and job control between its caller and the session parent, its
/// child `parent`, at the other end of `channel`, until that tells the end. When the session parent dies,
/// which messages then call `parent_role`, this ends the tree, whose orphans become the front's children; not
/// the `bystanders`, which are none of it.
[[nodiscard]] SessionEnd run_front(kernel::MessageSocket channel, pid_t parent, const char* parent_role,
                                   const Bystanders& bystanders, UserMessages& messages);

/// Says what is to be said and returns the exit status: CMD's own; 128+n when signal n ended it. After SIGINT
/// and SIGQUIT the caller dies of the same signal: a shell that runs a loop goes on after a mere
/// exit status of 130, and stops, as the user at the keyboard wants, when its child died of it.
[[nodiscard]] int conclude(const SessionEnd& end, const UserMessages& messages);

}  // namespace proctor::launch
