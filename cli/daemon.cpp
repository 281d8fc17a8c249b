#include "cli/daemon.hpp"

#include <fmt/format.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <caf/all.hpp>
#include <cstdio>
#include <utility>

#include "cli/supervisor_host.hpp"
#include "config/caf_config.hpp"
#include "kernel/probe.hpp"
#include "launch/harden.hpp"

namespace proctor::cli {
namespace {

constexpr int exit_failed = 1;

/// "landlock: present", "pidfd-thread: missing: ..."
std::vector<std::string> describe(const kernel::Capabilities& capabilities) {
  std::vector<std::string> features;
  for (const auto& feature : capabilities.features)
    features.push_back(feature.present ? fmt::format("{}: present", feature.name)
                                       : fmt::format("{}: missing, {}", feature.name, feature.without));
  return features;
}

void reload(SupervisorHost& host, config::DaemonConfig& running, const std::optional<std::string>& file,
            const std::vector<config::Override>& overrides) {
  auto loaded = config::load(file, overrides);
  if (const auto* issues = std::get_if<std::vector<config::ConfigIssue>>(&loaded)) {
    for (const auto& issue : *issues) fmt::print(stderr, "proctord: {}\n", issue.message());
    fmt::print(stderr, "proctord: reload refused, the old configuration stays in force\n");
    host.reconfigure(running);  // the record is reopened all the same
    return;
  }
  auto change = config::reload(running, std::get<config::DaemonConfig>(loaded));
  for (const auto& name : change.needs_restart)
    fmt::print(stderr, "proctord: {} changes with a restart only\n", name);
  for (const auto& name : change.changed) fmt::print(stderr, "proctord: {} reloaded\n", name);
  running = std::move(change.config);
  host.reconfigure(running);
}

}  // namespace

int run_daemon(const config::DaemonConfig& config, const std::optional<std::string>& file,
               const std::vector<config::Override>& overrides) {
  const auto capabilities = kernel::probe();
  if (const auto missing = capabilities.missing(); !missing.empty()) {
    fmt::print(stderr, "proctord: this kernel ({}) lacks {}; `proctor check` tells more\n",
               capabilities.kernel_release, fmt::join(missing, ", "));
    return exit_failed;
  }
  if (config.introspection.file != "none")
    if (const auto writable = actors::check_record_file({config.introspection.file}); !writable) {
      fmt::print(stderr, "proctord: {}\n", writable.error().message());
      return exit_failed;
    }
  if (const auto enough = launch::check_descriptor_limit(); !enough) {
    fmt::print(stderr, "proctord: {}\n", enough.error().message());
    return exit_failed;
  }
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, nullptr);  // before the actor system: its threads inherit the mask
  auto server = kernel::ServerSocket::listen(config.proctord.socket);
  if (!server) {
    fmt::print(stderr, "proctord: {}\n", server.error().message());
    return exit_failed;
  }
  const kernel::UniqueFd signals{::signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK)};
  launch::raise_descriptor_limit();
  launch::harden_supervisor();
  ::umask(077);  // the record tells what others run

  caf::actor_system_config caf_config;
  config::set_up_caf(caf_config, config);
  caf::actor_system system{caf_config};
  auto loop = actors::Loop::create(system);
  if (!loop || !signals) {
    fmt::print(stderr, "proctord: out of descriptors\n");
    return exit_failed;
  }
  SupervisorHost host{system,
                      config,
                      std::make_shared<kernel::ServerSocket>(*std::move(server)),
                      nullptr,
                      describe(capabilities),
                      *loop};
  config::DaemonConfig running = config;
  (*loop)->watch(signals.get(), [&](short) {
    signalfd_siginfo info{};
    while (::read(signals.get(), &info, sizeof info) == static_cast<ssize_t>(sizeof info)) {
      if (info.ssi_signo == SIGHUP) reload(host, running, file, overrides);
      if (info.ssi_signo == SIGTERM || info.ssi_signo == SIGINT)
        caf::anon_send(host.control(), messages::StopDaemon{"the daemon stops"});
    }
  });
  fmt::print(stderr, "proctord: ready at {}\n", config.proctord.socket);
  (*loop)->run();
  host.finish();
  return 0;
}

}  // namespace proctor::cli
