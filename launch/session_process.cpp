#include "launch/session_process.hpp"

#include <fcntl.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <utility>
#include <vector>

#include "launch/descriptors.hpp"
#include "launch/embedded_session.hpp"
#include "launch/front_channel.hpp"
#include "launch/harden.hpp"
#include "launch/session_parent.hpp"

namespace proctor::launch {
namespace {

using kernel::MessageSocket;

class SessionProcess {
 public:
  SessionProcess(const TargetPlan& plan, const SignalState& signals, MessageSocket front)
      : plan_(plan), signals_(signals), front_(std::move(front)) {}

  /// Returns only to say why not.
  kernel::Error serve(MessageSocket daemon) {
    const auto forked = fork_target(daemon, {daemon.fd()});
    if (!forked) return forked.error();
    ::prctl(PR_SET_NAME, session_parent_comm, 0, 0, 0);
    ChannelFront front(std::move(front_));
    front.report(run_session_parent(Session{std::move(daemon), target_.pid, std::move(target_.pidfd),
                                            std::move(target_.exec_report), lingers()},
                                    front));
    ::_exit(0);
  }

  kernel::Error become(const EmbeddedSupervisor& supervisor) {
    auto pair = MessageSocket::pair();
    if (!pair) return pair.error();
    auto& [parent_end, supervisor_end] = *pair;
    const auto forked = fork_target(parent_end, {parent_end.fd(), supervisor_end.fd()});
    if (!forked) return forked.error();
    for (const int fd : {front_.fd(), parent_end.fd(), supervisor_end.fd(), target_.pidfd.get(),
                         target_.exec_report.get()}) {
      if (::fcntl(fd, F_SETFD, 0) != 0) return kernel::Error::last("hand a descriptor over");
    }
    const std::string session =
        "--session=" +
        to_json(EmbeddedSession{front_.fd(), parent_end.fd(), supervisor_end.fd(), target_.pid,
                                target_.pidfd.get(), target_.exec_report.get(), lingers(), supervisor.log});
    ::execl(supervisor.proctord.c_str(), "proctord", session.c_str(), nullptr);
    return kernel::Error::last("execute " + supervisor.proctord);
  }

  [[noreturn]] void give_up(const kernel::Error& error) {
    // Gone with this process: the target, by its parent-death signal.
    (void)front_.send(to_json(FrontEvent{FrontEvent::Kind::failed, exit_proctor_failed, error.message()}));
    ::_exit(exit_proctor_failed);
  }

 private:
  /// Forks the target and then lets go of everything but its ends, the channel to the front and `kept`.
  kernel::Result<void> fork_target(MessageSocket& supervisor, std::vector<int> kept) {
    if (auto done = become_subreaper(); !done) return done;
    auto target = spawn_target(plan_, signals_, supervisor);
    if (!target) return target.error();
    target_ = *std::move(target);
    if (::setsid() < 0) return kernel::Error::last("leave the caller's session");
    for (const int fd : {front_.fd(), target_.pidfd.get(), target_.exec_report.get()}) kept.push_back(fd);
    if (auto done = let_go_of_inheritance(StandardError::drop_if_shared, std::move(kept)); !done) return done;
    harden_supervisor();
    return {};
  }

  [[nodiscard]] bool lingers() const {
    return plan_.policy.when_command_ends == policy::WhenCommandEnds::linger;
  }

  const TargetPlan& plan_;
  const SignalState& signals_;
  MessageSocket front_;
  SpawnedTarget target_;
};

}  // namespace

void run_session_process(const TargetPlan& plan, const SignalState& signals, MessageSocket front,
                         std::variant<MessageSocket, EmbeddedSupervisor> supervisor) {
  SessionProcess process(plan, signals, std::move(front));
  auto* const daemon = std::get_if<MessageSocket>(&supervisor);
  process.give_up(daemon != nullptr ? process.serve(std::move(*daemon))
                                    : process.become(std::get<EmbeddedSupervisor>(supervisor)));
}

}  // namespace proctor::launch
