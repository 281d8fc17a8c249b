#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "kernel/message_socket.hpp"
#include "kernel/pidfd.hpp"
#include "kernel/unique_fd.hpp"
#include "launch/session_end.hpp"

namespace proctor::launch {

/// What the session parent of an embedded session says to its front, as one JSON object a line:
/// {"event":"armed"} with the listener, {"event":"started"} with the target's pidfd,
/// {"event":"stopped","signal":20}, {"event":"continued"}, {"event":"giving_up"},
/// {"event":"exited","status":256} (wait(2)), {"event":"failed","exit":127,"message":"..."}. The front
/// writes nothing but giving_up, when it has made ready to say why; it shuts its side down to ask for the
/// end, and its death does the same.
struct FrontEvent {
  enum class Kind { armed, started, stopped, continued, giving_up, exited, failed };
  Kind kind = Kind::started;
  int number = 0;       ///< the signal, the wait status or the exit code
  std::string message;  ///< of failed
};

[[nodiscard]] std::string to_json(const FrontEvent& event);
/// EPROTO: not one of the above.
[[nodiscard]] kernel::Result<FrontEvent> parse_front_event(std::string_view line);

/// Whom a session parent tells how its target is doing: the front, which is its own parent, at the other end
/// of a channel.
class ChannelFront {
 public:
  explicit ChannelFront(kernel::MessageSocket channel);

  /// The sandbox is armed. The front keeps `listener` open until the tree is gone: Armed says why.
  void armed(kernel::UniqueFd listener);
  /// The target has become CMD.
  void started(const kernel::PidFd& target);
  /// CMD was stopped by `signal`.
  void stopped(int signal);
  /// CMD was continued.
  void continued();
  /// CMD has ended, maybe while stopped.
  void ended();
  /// The session ends for another reason than CMD's end: its processes, of which one may be the last to hold
  /// the caller's standard error, are about to be ended. Returns when the front is ready for that.
  void giving_up();
  /// A descriptor whose end of file means that nobody watches any more: the tree is then ended.
  [[nodiscard]] int poll_fd() const { return channel_.fd(); }

  /// Says the end: the last thing a session parent does.
  void report(const SessionEnd& end);

 private:
  /// A front that stopped itself beside its CMD goes on beside it too, whoever continued CMD alone.
  void wake_front();
  void send(const FrontEvent& event, const std::vector<int>& fds = {});

  kernel::MessageSocket channel_;
  kernel::PidFd front_;
  bool front_stopped_ = false;
};

}  // namespace proctor::launch
