#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "kernel/message_socket.hpp"
#include "kernel/pidfd.hpp"
#include "launch/session_parent.hpp"

namespace proctor::launch {

/// What the session parent of an embedded session says to its front, as one JSON object a line:
/// {"event":"armed"} with the listener, {"event":"started"} with the target's pidfd,
/// {"event":"stopped","signal":20}, {"event":"continued"},
/// {"event":"exited","status":256} (wait(2)), {"event":"failed","exit":127,"message":"..."}. The front
/// never writes; it shuts its side down to ask for the end, and its death does the same.
struct FrontEvent {
  enum class Kind { armed, started, stopped, continued, exited, failed };
  Kind kind = Kind::started;
  int number = 0;       ///< the signal, the wait status or the exit code
  std::string message;  ///< of failed
};

[[nodiscard]] std::string to_json(const FrontEvent& event);
/// EPROTO: not one of the above.
[[nodiscard]] kernel::Result<FrontEvent> parse_front_event(std::string_view line);

/// The session parent's view of a front that is another process: its own parent.
class ChannelFront final : public SessionFront {
 public:
  explicit ChannelFront(kernel::MessageSocket channel);

  void armed(kernel::UniqueFd listener) override;
  void started(const kernel::PidFd& target) override;
  void stopped(int signal) override;
  void continued() override;
  void ended() override;
  [[nodiscard]] int poll_fd() const override { return channel_.fd(); }

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
