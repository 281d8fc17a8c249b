#include "cli/embedded.hpp"

#include <fmt/format.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <caf/all.hpp>
#include <cstdio>
#include <thread>
#include <utility>

#include "cli/supervisor_host.hpp"
#include "config/caf_config.hpp"
#include "launch/embedded_session.hpp"
#include "launch/harden.hpp"
#include "launch/session_parent.hpp"

namespace proctor::cli {

int run_embedded(const std::string& json) {
  launch::harden_supervisor();  // exec made this process dumpable again
  launch::raise_descriptor_limit();
  ::umask(077);  // the record tells what its user runs
  const auto session = launch::parse_embedded_session(json);
  if (!session) {
    fmt::print(stderr, "proctord: --session is for proctor itself: {}\n", session.error().message());
    return launch::exit_proctor_failed;
  }
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, nullptr);  // before the actor system: its threads inherit the mask

  config::DaemonConfig config;
  config.introspection.file = session->log.empty() ? "none" : session->log;
  auto to_parent = std::make_shared<kernel::MessageSocket>(kernel::UniqueFd{session->supervisor_fd});

  caf::actor_system_config caf_config;
  config::set_up_caf(caf_config, config);
  caf::actor_system system{caf_config};
  auto loop = actors::Loop::create(system);
  if (!loop) {
    fmt::print(stderr, "proctord: {}\n", loop.error().message());
    return launch::exit_proctor_failed;
  }
  SupervisorHost host{system, config, nullptr, std::move(to_parent), {}, *loop};
  std::thread control{[loop = *loop] { loop->run(); }};
  const int status = launch::run_session_parent(*session);
  // The sandbox is gone and its record written; nobody waits for an orderly teardown, and the user waits
  // for this process.
  ::_exit(status);
}

}  // namespace proctor::cli
