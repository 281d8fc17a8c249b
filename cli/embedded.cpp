#include "cli/embedded.hpp"

#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <caf/all.hpp>
#include <exception>
#include <thread>
#include <utility>

#include "cli/supervisor_host.hpp"
#include "config/caf_config.hpp"
#include "kernel/block_signals.hpp"
#include "kernel/bounded_write.hpp"
#include "launch/embedded_session.hpp"
#include "launch/front_channel.hpp"
#include "launch/harden.hpp"
#include "launch/own_limits.hpp"
#include "launch/session_parent.hpp"

namespace proctor::cli {
namespace {

/// The way to the user's side, for the handler of std::terminate.
int front_of_session = -1;

/// Tells the user's side why there is no session. The target ends with this process.
int end_session(std::string why) {
  kernel::MessageSocket front{kernel::UniqueFd{front_of_session}};
  (void)front.send(launch::to_json(
      launch::FrontEvent{launch::FrontEvent::Kind::failed, launch::exit_proctor_failed, std::move(why)}));
  return launch::exit_proctor_failed;
}

[[noreturn]] void end_at_once() { ::_exit(end_session("the supervisor cannot go on: " + why_terminated())); }

}  // namespace

int run_embedded(const std::string& json) {
  launch::harden_supervisor();  // exec made this process dumpable again
  launch::raise_own_limits();
  ::umask(077);  // the record tells what its user runs
  const auto session = launch::parse_embedded_session(json);
  if (!session) {
    kernel::say("proctord: --session is for proctor itself: " + session.error().message());
    return launch::exit_proctor_failed;
  }
  front_of_session = session->front_fd;
  std::set_terminate(end_at_once);
  kernel::block_all_signals();  // before the actor system: its threads inherit the mask

  config::DaemonConfig config;
  config.introspection.file = session->log.empty() ? "none" : session->log;
  auto to_parent = std::make_shared<kernel::MessageSocket>(kernel::UniqueFd{session->supervisor_fd});

  caf::actor_system_config caf_config;
  config::set_up_caf(caf_config, config);
  caf::actor_system system{caf_config};
  auto loop = actors::Loop::create(system);
  if (!loop) return end_session(loop.error().message());
  SupervisorHost host{system, config, nullptr, std::move(to_parent), {}, *loop};
  std::thread control{[loop = *loop] { loop->run(); }};
  const int status = launch::run_session_parent(*session);
  // The sandbox is gone and its record written; nobody waits for an orderly teardown, and the user waits
  // for this process.
  ::_exit(status);
}

}  // namespace proctor::cli
