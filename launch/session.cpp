#include "launch/session.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <optional>
#include <system_error>
#include <utility>
#include <variant>

#include "kernel/bounded_write.hpp"
#include "kernel/message_socket.hpp"
#include "launch/descriptors.hpp"
#include "launch/embedded_session.hpp"
#include "launch/front.hpp"
#include "launch/harden.hpp"
#include "launch/own_limits.hpp"
#include "launch/session_end.hpp"
#include "launch/session_process.hpp"
#include "launch/standing.hpp"
#include "launch/target.hpp"
#include "launch/tree.hpp"
#include "policy/socket_path.hpp"

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
  // A sandboxed process that may write where the socket is could put its own there.
  const auto process = connection->peer_process();
  if (!process || standing_of(*process) == Standing::sandboxed)
    return kernel::Error{EPERM, fmt::format("what answers at {} is itself in a sandbox", socket.string())};
  return connection;
}

/// The daemon to use; nothing: embedded.
kernel::Result<std::optional<MessageSocket>> choose_daemon(const SessionOptions& options) {
  using Choice = std::optional<MessageSocket>;
  if (options.supervision == Supervision::embedded) return Choice();
  if (options.supervision == Supervision::daemon) {
    auto connection = connect_to(options.socket);
    // EPERM is connect_to's own: somebody answers, and is not to be asked.
    if (!connection && connection.error().number != EPERM) {
      return kernel::Error{
          connection.error().number,
          fmt::format("no daemon answers at {}; start proctord, or use --embedded", options.socket.string())};
    }
    if (!connection) return connection.error();
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
  if (const auto writable = kernel::open_at_end(absolute); !writable)
    return kernel::Error{writable.error().number, "--log: " + writable.error().operation};
  return absolute;
}

/// What a session of its own supervision needs.
kernel::Result<EmbeddedSupervisor> prepare_embedded(const std::filesystem::path& log) {
  if (const auto enough = check_own_limits(); !enough) return enough.error();
  auto proctord = find_proctord();
  if (!proctord) return proctord.error();
  auto log_path = absolute_log(log);
  if (!log_path) return log_path.error();
  return EmbeddedSupervisor{std::move(*proctord), std::move(*log_path)};
}

/// The calling process becomes the front.
SessionEnd run_as_front(const TargetPlan& plan, const SignalState& signals,
                        std::variant<MessageSocket, EmbeddedSupervisor> supervisor, UserMessages& messages) {
  const auto bystanders = Bystanders::note();
  auto channel = MessageSocket::pair();
  if (!channel) return own_failure(channel.error());
  if (auto done = become_subreaper(); !done) return own_failure(done.error());
  const pid_t parent = ::fork();
  if (parent < 0) return own_failure(kernel::Error::last("fork"));
  if (parent == 0) {
    (void)channel->first.release();
    run_session_process(plan, signals, std::move(channel->second), std::move(supervisor));
  }
  (void)channel->second.release();
  const bool is_embedded = std::holds_alternative<EmbeddedSupervisor>(supervisor);
  supervisor = EmbeddedSupervisor{};  // a daemon must not take us for its session parent
  const auto done = let_go_of_inheritance(StandardError::keep, {channel->first.fd(), messages.fd()});
  if (!done) return own_failure(done.error());
  return run_front(std::move(channel->first), parent, is_embedded ? "the supervisor" : "the session parent",
                   bystanders, messages);
}

}  // namespace

std::filesystem::path default_socket() {
  return policy::default_socket_path(::geteuid(), std::getenv("XDG_RUNTIME_DIR")).value_or("");
}

int run_session(SessionOptions options) {
  auto guarded = guard_standard_descriptors();
  auto messages = UserMessages::at_standard_error();
  if (!guarded) return conclude(own_failure(guarded.error()), messages);
  if (auto complaint = complaint_about_procfs(); !complaint.empty())
    return conclude({false, 0, exit_proctor_failed, std::move(complaint)}, messages);
  auto daemon = choose_daemon(options);
  if (!daemon) return conclude(own_failure(daemon.error()), messages);
  std::variant<MessageSocket, EmbeddedSupervisor> supervisor;
  if (*daemon) {
    supervisor = std::move(**daemon);
  } else {
    auto embedded = prepare_embedded(options.log);
    if (!embedded) return conclude(own_failure(embedded.error()), messages);
    supervisor = std::move(*embedded);
  }
  const TargetPlan plan{std::move(options.command), options.policy};
  // As late as this: until here a signal does to us what it would do to CMD.
  const auto signals = SignalState::take_over();
  const auto end = run_as_front(plan, signals, std::move(supervisor), messages);
  return conclude(end, messages);
}

}  // namespace proctor::launch
