#include "launch/session_parent.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>

#include "launch/front_channel.hpp"
#include "launch/session_protocol.hpp"
#include "launch/signals.hpp"
#include "launch/target.hpp"
#include "launch/tree.hpp"

namespace proctor::launch {
namespace {

using Clock = std::chrono::steady_clock;

/// How long a supervisor may take to arm a sandbox, to explain why it did not, and to close its books.
constexpr std::chrono::milliseconds arm_timeout{30'000};
constexpr int explain_timeout_ms = 2'000;
constexpr int ended_timeout_ms = 5'000;
/// How long what CMD leaves running may take to end by itself: a `tee` behind it has its last lines to write.
constexpr std::chrono::milliseconds grace{100};

/// A wait(2) status from what waitid(2) says of a process that has ended.
int wait_status_of(const siginfo_t& info) {
  if (info.si_code == CLD_EXITED) return (info.si_status & 0xff) << 8;
  return info.si_status | (info.si_code == CLD_DUMPED ? 0x80 : 0);
}

bool has_hung_up(int fd) {
  char byte = 0;
  return ::recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0 || (errno != EAGAIN && errno != EINTR);
}

/// One session, from its attach request to its last process. Single-threaded: a loop around poll(2).
class SessionParent {
 public:
  SessionParent(Session session, ChannelFront& front) : session_(std::move(session)), front_(front) {}

  SessionEnd run() {
    auto signals = open_signalfd();
    if (signals) {
      signals_ = std::move(*signals);
      reap();
      while (!over_) wait_and_handle();
    } else {
      fail(exit_proctor_failed, signals.error().message());
    }
    if (!end_.command_ran) front_.giving_up();
    end_tree();
    close_books();
    return std::move(end_);
  }

 private:
  void wait_and_handle() {
    std::array<pollfd, 4> entries{{{signals_.get(), POLLIN, 0},
                                   {session_.supervisor.fd(), POLLIN, 0},
                                   {session_.exec_report.get(), POLLIN, 0},  // -1 once read: poll skips it
                                   {front_.poll_fd(), POLLIN, 0}}};
    if (::poll(entries.data(), entries.size(), poll_timeout_ms()) < 0) return;  // EINTR
    // The report before the supervisor's word: a target that failed says more than an end of file.
    if (entries[2].revents != 0) read_report();
    if (!over_ && entries[1].revents != 0) read_supervisor();
    if (!over_ && entries[0].revents != 0) read_signals();
    if (!over_ && entries[3].revents != 0 && has_hung_up(front_.poll_fd())) {
      end_now(exit_proctor_failed, "the session was given up");
    }
    if (!over_ && !armed_ && Clock::now() > arm_deadline_) {
      fail(exit_proctor_failed, "the supervisor did not answer; see its log");
    }
    if (Clock::now() > grace_ends_) over_ = true;
  }

  [[nodiscard]] int poll_timeout_ms() const {
    const auto deadline = armed_ ? grace_ends_ : std::min(arm_deadline_, grace_ends_);
    if (deadline == Clock::time_point::max()) return -1;
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now());
    return static_cast<int>(std::max(left.count(), std::chrono::milliseconds::rep{0})) + 1;
  }

  void read_signals() {
    signalfd_siginfo info{};
    while (!over_ && ::read(signals_.get(), &info, sizeof info) == static_cast<ssize_t>(sizeof info)) {
      if (info.ssi_signo == SIGCHLD) reap();  // all others are the front's business
    }
  }

  /// Takes every change of state there is. SIGCHLD says that there may be one, not how many.
  void reap() {
    for (;;) {
      siginfo_t info{};
      if (::waitid(P_ALL, 0, &info, WEXITED | WSTOPPED | WCONTINUED | WNOHANG | __WALL) != 0) {
        if (errno == EINTR) continue;
        if (!command_alive_) over_ = true;  // ECHILD: nothing lingers any more
        return;
      }
      if (info.si_pid == 0) return;
      if (info.si_pid == session_.target) target_changed(info);
    }
  }

  void target_changed(const siginfo_t& info) {
    if (info.si_code == CLD_STOPPED) {
      front_.stopped(info.si_status);
    } else if (info.si_code == CLD_CONTINUED) {
      front_.continued();
    } else if (info.si_code == CLD_EXITED || info.si_code == CLD_KILLED || info.si_code == CLD_DUMPED) {
      command_ended(wait_status_of(info));
    }
  }

  void command_ended(int status) {
    command_alive_ = false;
    read_report();  // its writer is dead: this does not block
    front_.ended();
    if (over_) return;
    end_.command_ran = true;
    end_.wait_status = status;
    tell_supervisor(CommandEnded{status});
    if (session_.linger) return;
    if (WIFEXITED(status))
      grace_ends_ = Clock::now() + grace;  // or the last child's end, if that comes first: see reap()
    else
      over_ = true;
  }

  void read_report() {
    if (!session_.exec_report) return;
    const auto failure = read_exec_report(session_.exec_report);
    session_.exec_report.reset();
    if (!failure) {
      if (command_alive_) front_.started(session_.target_pidfd);
    } else if (!failure->message.empty()) {
      fail(failure->exit_code, failure->message);
    } else {
      fail(exit_proctor_failed, ask_why_not_released());
    }
  }

  std::string ask_why_not_released() {
    while (session_.supervisor) {
      auto message = session_.supervisor.receive(explain_timeout_ms);
      if (!message || !*message) break;
      const auto reply = parse_reply((*message)->line);
      if (!reply) break;
      if (const auto* refused = std::get_if<Refused>(&*reply)) return refused->reason;
      if (const auto* end = std::get_if<EndSession>(&*reply)) return end->reason;
    }
    return "the supervisor went away before the sandbox was armed";
  }

  void read_supervisor() {
    while (!over_) {
      auto message = session_.supervisor.try_receive();
      if (!message && (message.error().number == EAGAIN || message.error().number == EINTR)) return;
      if (!message) return supervisor_lost(message.error().message());
      if (!*message) return supervisor_lost("");
      const auto reply = parse_reply((*message)->line);
      if (!reply) return supervisor_lost(reply.error().message());
      if (std::holds_alternative<Armed>(*reply)) {
        armed_ = true;
        auto& fds = (*message)->fds;
        if (fds.size() == 1) front_.armed(std::move(fds.front()));
      } else if (const auto* refused = std::get_if<Refused>(&*reply)) {
        if (!armed_) fail(exit_proctor_failed, refused->reason);
      } else if (const auto* end = std::get_if<EndSession>(&*reply)) {
        end_now(exit_proctor_failed, end->reason);
      }
    }
  }

  /// `why` is empty for a connection that was simply closed.
  void supervisor_lost(const std::string& why) {
    (void)session_.supervisor.release();
    const std::string detail = why.empty() ? "" : " (" + why + ")";
    // A target that was not released knows it as soon as we do, but its report may say more.
    end_now(exit_proctor_failed, armed_ ? "the supervisor died, so the sandbox was ended" + detail
                                        : "the supervisor went away before the sandbox was armed" + detail);
  }

  void tell_supervisor(const Request& request) {
    if (session_.supervisor && !session_.supervisor.send(to_json(request)))
      (void)session_.supervisor.release();
  }

  /// Ends the session for a reason other than CMD's end; a status that CMD has left already stays.
  void end_now(int exit_code, std::string message) {
    if (end_.command_ran) {
      over_ = true;
    } else {
      fail(exit_code, std::move(message));
    }
  }

  void fail(int exit_code, std::string message) {
    over_ = true;
    end_.exit_code = exit_code;
    end_.message = std::move(message);
  }

  /// The tree is gone: the supervisor may flush its records before anybody hears of the end.
  void close_books() {
    if (!session_.supervisor) return;
    tell_supervisor(SessionEnded{});
    const auto deadline = Clock::now() + std::chrono::milliseconds(ended_timeout_ms);
    while (session_.supervisor && Clock::now() < deadline) {
      auto message = session_.supervisor.receive(ended_timeout_ms);
      if (!message || !*message) return;
      const auto reply = parse_reply((*message)->line);
      if (!reply || std::holds_alternative<Ended>(*reply) || std::holds_alternative<Refused>(*reply)) return;
    }
  }

  Session session_;
  ChannelFront& front_;
  kernel::UniqueFd signals_;
  SessionEnd end_;
  Clock::time_point arm_deadline_ = Clock::now() + arm_timeout;
  Clock::time_point grace_ends_ =
      Clock::time_point::max();  ///< once CMD has ended and its tree need not linger
  bool command_alive_ = true;
  bool armed_ = false;
  bool over_ = false;
};

}  // namespace

SessionEnd run_session_parent(Session session, ChannelFront& front) {
  return SessionParent(std::move(session), front).run();
}

int run_session_parent(const EmbeddedSession& session) {
  ChannelFront front(kernel::MessageSocket(kernel::UniqueFd(session.front_fd)));
  const SessionEnd end = run_session_parent(
      Session{kernel::MessageSocket(kernel::UniqueFd(session.parent_fd)), session.target_pid,
              kernel::PidFd::adopt(kernel::UniqueFd(session.target_pidfd), session.target_pid),
              kernel::UniqueFd(session.exec_report_fd), session.linger},
      front);
  front.report(end);
  return 0;
}

}  // namespace proctor::launch
