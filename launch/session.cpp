#include "launch/session.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <optional>
#include <system_error>
#include <utility>

#include "kernel/message_socket.hpp"
#include "launch/descriptors.hpp"
#include "launch/embedded_session.hpp"
#include "launch/front.hpp"
#include "launch/front_channel.hpp"
#include "launch/harden.hpp"
#include "launch/own_limits.hpp"
#include "launch/session_parent.hpp"
#include "launch/target.hpp"

namespace proctor::launch {
namespace {

using kernel::MessageSocket;

/// Connects to a daemon that is root's or the caller's own: whoever supervises sees all of the sandbox.
kernel::Result<MessageSocket> connect_to(const std::filesystem::path& socket) {
  auto connection = MessageSocket::connect(socket);
  if (!connection) return connection;
  const auto peer = connection->peer();
  if (!peer) return peer.error();
  if (peer->uid != 0 && peer->uid != ::geteuid()) {
    return kernel::Error{EPERM,
                         fmt::format("the daemon at {} belongs to user {}", socket.string(), peer->uid)};
  }
  return connection;
}

/// The daemon to use; nothing: embedded.
kernel::Result<std::optional<MessageSocket>> choose_daemon(const SessionOptions& options) {
  using Choice = std::optional<MessageSocket>;
  if (options.supervision == Supervision::embedded) return Choice();
  if (options.supervision == Supervision::daemon) {
    auto connection = connect_to(options.socket);
    if (!connection) {
      return kernel::Error{
          connection.error().number,
          fmt::format("no daemon answers at {}; start proctord, or use --embedded", options.socket.string())};
    }
    return Choice(std::move(*connection));
  }
  const auto socket = default_socket();
  if (socket.empty()) return Choice();
  auto connection = connect_to(socket);
  return connection ? Choice(std::move(*connection)) : Choice();
}

/// Why the processes of here cannot be found in /proc by their numbers of here; empty: they can.
std::string complaint_about_procfs() {
  std::error_code error;
  const auto self = std::filesystem::read_symlink("/proc/self", error);
  if (!error && self == std::to_string(::getpid())) return {};
  // To who has no number in the pid namespace of a procfs it has no "self".
  const bool is_mounted = std::filesystem::exists("/proc/version", error);
  return fmt::format("{}; mount one: 'mount -t proc proc /proc', or 'unshare --mount-proc'",
                     is_mounted ? "/proc is that of another pid namespace" : "no procfs is mounted at /proc");
}

SessionEnd own_failure(const kernel::Error& error) {
  return {false, 0, exit_proctor_failed, error.message()};
}

/// The session with a daemon: the calling process is front and session parent in one.
SessionEnd run_with_daemon(const TargetPlan& plan, const SignalState& signals, MessageSocket daemon,
                           UserMessages& messages) {
  if (auto done = become_subreaper(); !done) return own_failure(done.error());
  auto target = spawn_target(plan, signals, daemon);
  if (!target) return own_failure(target.error());
  const auto done = let_go_of_inheritance(
      StandardError::keep, {daemon.fd(), target->pidfd.get(), target->exec_report.get(), messages.fd()});
  if (!done) return own_failure(done.error());
  harden_supervisor();
  TerminalFront front(messages);
  const bool linger = plan.policy.when_command_ends == policy::WhenCommandEnds::linger;
  return run_session_parent(Session{std::move(daemon), target->pid, std::move(target->pidfd),
                                    std::move(target->exec_report), linger},
                            front);
}

/// The proctord beside this very program.
kernel::Result<std::string> find_proctord() {
  std::error_code error;
  const auto self = std::filesystem::read_symlink("/proc/self/exe", error);
  if (error) return kernel::Error{error.value(), "read /proc/self/exe"};
  std::string proctord = self.parent_path() / "proctord";
  if (::access(proctord.c_str(), X_OK) != 0) {
    return kernel::Error::last(
        fmt::format("{}, which supervises embedded sessions, cannot be executed", proctord));
  }
  return proctord;
}

/// What the process between front and target does: forks the target, lets go of what it inherited, and
/// becomes proctord. It leaves the session, because what the terminal or a shell does to the job must not
/// stop or kill the supervisor before the last target.
class SupervisorProcess {
 public:
  SupervisorProcess(TargetPlan plan, MessageSocket front, std::string proctord, std::string log)
      : plan_(std::move(plan)),
        front_(std::move(front)),
        proctord_(std::move(proctord)),
        log_(std::move(log)) {}

  [[noreturn]] void run(const SignalState& signals) {
    const kernel::Error error = become_proctord(signals);
    // Gone with this process: the target, by its parent-death signal.
    (void)front_.send(to_json(FrontEvent{FrontEvent::Kind::failed, exit_proctor_failed, error.message()}));
    ::_exit(exit_proctor_failed);
  }

 private:
  /// Returns only to say why not.
  kernel::Error become_proctord(const SignalState& signals) {
    if (auto done = become_subreaper(); !done) return done.error();
    auto pair = MessageSocket::pair();
    if (!pair) return pair.error();
    auto& [parent_end, supervisor_end] = *pair;
    auto target = spawn_target(plan_, signals, parent_end);
    if (!target) return target.error();
    if (::setsid() < 0) return kernel::Error::last("leave the caller's session");
    const std::array<int, 5> handed_over{front_.fd(), parent_end.fd(), supervisor_end.fd(),
                                         target->pidfd.get(), target->exec_report.get()};
    const auto done =
        let_go_of_inheritance(StandardError::drop_if_shared, {handed_over.begin(), handed_over.end()});
    if (!done) return done.error();
    harden_supervisor();
    for (const int fd : handed_over) {
      if (::fcntl(fd, F_SETFD, 0) != 0) return kernel::Error::last("hand a descriptor over");
    }
    const bool linger = plan_.policy.when_command_ends == policy::WhenCommandEnds::linger;
    const std::string session =
        "--session=" + to_json(EmbeddedSession{handed_over[0], handed_over[1], handed_over[2], target->pid,
                                               handed_over[3], handed_over[4], linger, log_});
    ::execl(proctord_.c_str(), "proctord", session.c_str(), nullptr);
    return kernel::Error::last("execute " + proctord_);
  }

  TargetPlan plan_;
  MessageSocket front_;
  std::string proctord_;
  std::string log_;
};

/// The record's path as proctord, which starts in /, can use it; refuses what its JSON cannot carry, and what
/// cannot be written: a session whose record was asked for does not run without it.
kernel::Result<std::string> absolute_log(const std::filesystem::path& log) {
  if (log.empty()) return std::string();
  std::error_code error;
  const std::string absolute = std::filesystem::absolute(log, error);
  if (error) return kernel::Error{error.value(), "find the directory of --log"};
  EmbeddedSession probe{0, 0, 0, 0, 0, 0, false, absolute};
  const auto carried = parse_embedded_session(to_json(probe));
  if (!carried || !(*carried == probe)) return kernel::Error{EILSEQ, "--log: the path is not UTF-8"};
  // O_NONBLOCK: a FIFO that nobody reads is an error, not a wait.
  const kernel::UniqueFd writable{
      ::open(absolute.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0600)};
  if (!writable) return kernel::Error::last("--log: open " + absolute);
  return absolute;
}

/// The session with a supervisor of its own: the calling process becomes the front.
SessionEnd run_embedded(TargetPlan plan, const SignalState& signals, const std::filesystem::path& log,
                        UserMessages& messages) {
  if (const auto enough = check_own_limits(); !enough) return own_failure(enough.error());
  auto proctord = find_proctord();
  if (!proctord) return own_failure(proctord.error());
  auto log_path = absolute_log(log);
  if (!log_path) return own_failure(log_path.error());
  auto channel = MessageSocket::pair();
  if (!channel) return own_failure(channel.error());
  if (auto done = become_subreaper(); !done) return own_failure(done.error());
  const pid_t supervisor = ::fork();
  if (supervisor < 0) return own_failure(kernel::Error::last("fork"));
  if (supervisor == 0) {
    (void)channel->first.release();
    SupervisorProcess(std::move(plan), std::move(channel->second), std::move(*proctord), std::move(*log_path))
        .run(signals);
  }
  (void)channel->second.release();
  const auto done = let_go_of_inheritance(StandardError::keep, {channel->first.fd(), messages.fd()});
  if (!done) return own_failure(done.error());
  harden_supervisor();
  return run_embedded_front(std::move(channel->first), supervisor, messages);
}

}  // namespace

std::filesystem::path default_socket() {
  if (::geteuid() == 0) return "/run/proctor/proctord.sock";
  const char* runtime = std::getenv("XDG_RUNTIME_DIR");
  if (runtime == nullptr || *runtime != '/') return {};
  return std::filesystem::path(runtime) / "proctor" / "proctord.sock";
}

int run_session(SessionOptions options) {
  auto guarded = guard_standard_descriptors();
  auto messages = UserMessages::at_standard_error();
  if (!guarded) return conclude(own_failure(guarded.error()), messages);
  if (auto complaint = complaint_about_procfs(); !complaint.empty())
    return conclude({false, 0, exit_proctor_failed, std::move(complaint)}, messages);
  auto daemon = choose_daemon(options);
  if (!daemon) return conclude(own_failure(daemon.error()), messages);
  TargetPlan plan{std::move(options.command), options.policy};
  // As late as this: until here a signal does to us what it would do to CMD.
  const auto signals = SignalState::take_over();
  const auto end = *daemon ? run_with_daemon(plan, signals, std::move(**daemon), messages)
                           : run_embedded(std::move(plan), signals, options.log, messages);
  return conclude(end, messages);
}

}  // namespace proctor::launch
