#include "cli/daemon.hpp"

#include <fmt/format.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <caf/all.hpp>
#include <string_view>
#include <utility>

#include "cli/supervisor_host.hpp"
#include "config/caf_config.hpp"
#include "kernel/block_signals.hpp"
#include "kernel/bounded_write.hpp"
#include "kernel/probe.hpp"
#include "launch/harden.hpp"
#include "launch/own_limits.hpp"
#include "launch/signals.hpp"

namespace proctor::cli {
namespace {

constexpr int exit_failed = 1;

void say(std::string_view what) { kernel::say(fmt::format("proctord: {}", what)); }

int fail(std::string_view why) {
  say(why);
  return exit_failed;
}

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
    for (const auto& issue : *issues) say(issue.message());
    say("reload refused, the old configuration stays in force");
    host.reconfigure(running);  // the record is reopened all the same
    return;
  }
  auto change = config::reload(running, std::get<config::DaemonConfig>(loaded));
  for (const auto& name : change.needs_restart) say(fmt::format("{} changes with a restart only", name));
  for (const auto& name : change.changed) say(fmt::format("{} reloaded", name));
  running = std::move(change.config);
  host.reconfigure(running);
}

/// The record's file, for a clear error at the start instead of a lost record; nothing if it has no file.
kernel::Result<kernel::UniqueFd> open_at_start(const config::DaemonConfig::Introspection& introspection) {
  if (introspection.file.empty() || introspection.file == "none") return kernel::UniqueFd{};
  return actors::open_record(introspection.file);
}

/// What a daemon was started with.
struct Start {
  const config::DaemonConfig& config;
  const std::optional<std::string>& file;
  const std::vector<config::Override>& overrides;
  std::vector<std::string> features;
  const kernel::UniqueFd& signals;
  std::shared_ptr<kernel::ServerSocket> server;
  kernel::UniqueFd record;
};

/// Runs the daemon's actors until it is told to stop.
int serve(caf::actor_system& system, Start start) {
  auto loop = actors::Loop::create(system);
  if (!loop) return fail(loop.error().message());
  SupervisorHost host{system, start.config, std::move(start.server), nullptr, std::move(start.features),
                      *loop};
  // Held until then: the reader of a FIFO that nobody writes sees its end.
  host.await_record();
  start.record.reset();
  config::DaemonConfig running = start.config;
  (*loop)->watch(start.signals.get(), [&](short) {
    signalfd_siginfo info{};
    while (::read(start.signals.get(), &info, sizeof info) == static_cast<ssize_t>(sizeof info)) {
      if (info.ssi_signo == SIGHUP) reload(host, running, start.file, start.overrides);
      if (info.ssi_signo == SIGTERM || info.ssi_signo == SIGINT)
        caf::anon_send(host.control(), messages::StopDaemon{"the daemon stops"});
    }
  });
  say(fmt::format("ready at {}", start.config.proctord.socket));
  (*loop)->run();
  if (host.finish()) return 0;
  ::_exit(fail("a sandbox does not end, for a file system that hangs perhaps: the daemon ends without it"));
}

}  // namespace

int run_daemon(const config::DaemonConfig& config, const std::optional<std::string>& file,
               const std::vector<config::Override>& overrides) {
  if (const auto enough = launch::check_own_limits(); !enough) return fail(enough.error().message());
  const auto capabilities = kernel::probe();
  if (const auto missing = capabilities.missing(); !missing.empty())
    return fail(fmt::format("this kernel ({}) lacks {}; `proctor check` tells more",
                            capabilities.kernel_release, fmt::join(missing, ", ")));
  auto record = open_at_start(config.introspection);
  if (!record) return fail(record.error().message());
  kernel::block_all_signals();  // before the actor system: its threads inherit the mask
  auto server = kernel::ServerSocket::listen(config.proctord.socket);
  if (!server) return fail(server.error().message());
  const auto signals = launch::open_signalfd();
  if (!signals) return fail(signals.error().message());
  launch::raise_own_limits();
  launch::harden_supervisor();
  ::umask(077);  // the record tells what others run

  caf::actor_system_config caf_config;
  config::set_up_caf(caf_config, config);
  caf::actor_system system{caf_config};
  return serve(system, {config, file, overrides, describe(capabilities), *signals,
                        std::make_shared<kernel::ServerSocket>(*std::move(server)), *std::move(record)});
}

}  // namespace proctor::cli
