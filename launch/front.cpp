#include "launch/front.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

#include "launch/front_channel.hpp"
#include "launch/harden.hpp"
#include "launch/tree.hpp"

namespace proctor::launch {
namespace {

/// Signals that only say that something changed. CMD starts after the change: it need not hear of it.
bool is_momentary(int signal) {
  return signal == SIGTSTP || signal == SIGTTIN || signal == SIGTTOU || signal == SIGCONT ||
         signal == SIGCHLD || signal == SIGWINCH || signal == SIGURG;
}

/// How long a session parent may take from its last word to its end: less than a millisecond, if nothing is
/// wrong.
constexpr int parent_end_ms = 1000;

class Front {
 public:
  Front(kernel::MessageSocket channel, pid_t parent, const char* parent_role, const Bystanders& bystanders,
        UserMessages& messages)
      : channel_(std::move(channel)),
        bystanders_(bystanders),
        messages_(messages),
        parent_(parent),
        parent_role_(parent_role),
        forwarder_(parent) {}

  SessionEnd run() {
    auto signals = open_signalfd();
    if (!signals) return give_up(signals.error().message());
    signals_ = std::move(*signals);
    while (!end_) {
      std::array<pollfd, 2> entries{{{signals_.get(), POLLIN, 0}, {channel_.fd(), POLLIN, 0}}};
      if (::poll(entries.data(), entries.size(), -1) < 0) continue;  // EINTR
      if (entries[0].revents != 0) read_signals();
      if (entries[1].revents == 0) continue;
      // Now, before the listener is in our hands; and no sooner, for who is not dumpable is hidden where
      // procfs hides processes (hidepid), and a daemon that has not yet spoken is still looking at who asks.
      harden_supervisor();
      read_channel();
    }
    reap_parent();
    return std::move(*end_);
  }

 private:
  /// The machine's init reaps whatever is left to it; that of a container may be a program that does not.
  void reap_parent() const {
    constexpr ino_t initial_namespace = 0xEFFFFFFC;  // include/linux/proc_ns.h, PROC_PID_INIT_INO
    struct stat pids {};
    if (::stat("/proc/self/ns/pid", &pids) == 0 && pids.st_ino == initial_namespace) return;
    const auto pidfd = kernel::PidFd::open(parent_);
    pollfd ended{pidfd ? pidfd->get() : -1, POLLIN, 0};
    if (::poll(&ended, 1, parent_end_ms) > 0) (void)::waitpid(parent_, nullptr, WNOHANG);
  }

  void read_signals() {
    signalfd_siginfo info{};
    while (::read(signals_.get(), &info, sizeof info) == static_cast<ssize_t>(sizeof info)) {
      if (!forwarder_.take(info)) ask_for_the_end();
    }
  }

  /// Shut down one side only: the session parent ends what lingers and still says how CMD ended.
  void ask_for_the_end() { ::shutdown(channel_.fd(), SHUT_WR); }

  void read_channel() {
    while (!end_) {
      auto message = channel_.try_receive();
      if (!message && (message.error().number == EAGAIN || message.error().number == EINTR)) return;
      auto event = message && *message ? parse_front_event((*message)->line)
                                       : kernel::Result<FrontEvent>(kernel::Error{EPIPE, "the channel"});
      if (!event) {
        end_ = give_up(fmt::format("{} died, so the sandbox was ended", parent_role_));
        return;
      }
      handle(*event, **message);
    }
  }

  void handle(const FrontEvent& event, kernel::SocketMessage& message) {
    switch (event.kind) {
      case FrontEvent::Kind::armed:
        if (message.fds.size() == 1) listener_ = std::move(message.fds.front());
        return;
      case FrontEvent::Kind::started:
        if (message.fds.size() == 1) {
          target_ = kernel::PidFd::adopt(std::move(message.fds.front()), 0);
          if (!forwarder_.start(target_)) ask_for_the_end();
        }
        messages_.let_go();
        return;
      case FrontEvent::Kind::stopped:
        stop_self(event.number);
        return;
      case FrontEvent::Kind::continued:
        return;
      case FrontEvent::Kind::giving_up:
        messages_.take_back();
        (void)channel_.send(to_json(event));
        return;
      case FrontEvent::Kind::exited:
        end_ = SessionEnd{true, event.number, 0, ""};
        return;
      case FrontEvent::Kind::failed:
        end_ = SessionEnd{false, 0, event.number, event.message};
        return;
    }
  }

  SessionEnd give_up(std::string message) {
    messages_.take_back();
    end_tree(bystanders_);
    return {false, 0, exit_proctor_failed, std::move(message)};
  }

  kernel::MessageSocket channel_;
  const Bystanders& bystanders_;
  UserMessages& messages_;
  pid_t parent_;
  const char* parent_role_;
  SignalForwarder forwarder_;
  kernel::UniqueFd signals_;
  kernel::PidFd target_;
  kernel::UniqueFd listener_;  ///< kept open, not used: Armed says why
  std::optional<SessionEnd> end_;
};

}  // namespace

bool SignalForwarder::start(const kernel::PidFd& target) {
  target_ = &target;
  bool end_is_asked = false;
  for (auto& signal : kept_) {
    if (signal && !forward_signal(target, *signal)) end_is_asked |= asks_for_the_end(*signal);
    signal.reset();
  }
  return !end_is_asked;
}

bool SignalForwarder::take(const signalfd_siginfo& signal) {
  if (target_ == nullptr) {
    keep(signal);
    return true;
  }
  if (!is_for_command(signal, parent_)) return true;
  return forward_signal(*target_, signal) || !asks_for_the_end(signal);
}

void SignalForwarder::keep(const signalfd_siginfo& signal) {
  const auto number = static_cast<int>(signal.ssi_signo);
  const bool from_kernel = signal.ssi_code > 0;
  if (from_kernel ? is_momentary(number) : !is_for_command(signal, parent_)) return;
  if (signal.ssi_signo < kept_.size()) kept_[signal.ssi_signo] = signal;
}

bool asks_for_the_end(const signalfd_siginfo& signal) noexcept {
  return signal.ssi_signo == SIGTERM || signal.ssi_signo == SIGINT || signal.ssi_signo == SIGHUP ||
         signal.ssi_signo == SIGQUIT;
}

SessionEnd run_front(kernel::MessageSocket channel, pid_t parent, const char* parent_role,
                     const Bystanders& bystanders, UserMessages& messages) {
  return Front(std::move(channel), parent, parent_role, bystanders, messages).run();
}

int conclude(const SessionEnd& end, const UserMessages& messages) {
  if (!end.command_ran) {
    messages.say(end.message);
    return end.exit_code;
  }
  if (WIFEXITED(end.wait_status)) return WEXITSTATUS(end.wait_status);
  const int signal = WTERMSIG(end.wait_status);
  if (signal == SIGINT || signal == SIGQUIT) die_by(signal);
  return 128 + signal;
}

}  // namespace proctor::launch
