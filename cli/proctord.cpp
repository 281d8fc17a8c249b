#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <exception>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "cli/daemon.hpp"
#include "cli/embedded.hpp"
#include "cli/supervisor_host.hpp"
#include "config/command_line.hpp"
#include "config/loader.hpp"
#include "kernel/bounded_write.hpp"
#include "launch/descriptors.hpp"

namespace {

constexpr int exit_failed = 1;
constexpr int exit_bad_configuration = 2;

int run(int argc, char** argv) {
  CLI::App app{"proctord: supervises many sandboxes for months. `proctor run` finds it at its socket."};
  std::string session;
  std::string file;
  bool check_only = false;
  const auto* const given =
      app.add_option("--config-file", file, "Configuration, in CAF's own format (see config/proctord.conf)");
  app.add_flag("--check-config", check_only,
               "Say what is wrong with the configuration, or nothing, and exit");
  app.add_option("--session", session)->group("");  // proctor run's own
  app.set_version_flag("--version", std::string("proctord ") + PROCTOR_VERSION);
  proctor::config::CommandLine options;
  options.add_to(app);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : exit_bad_configuration;
  }
  if (!session.empty()) return proctor::cli::run_embedded(session);

  const auto path = given->count() == 0 ? std::nullopt : std::optional{file};
  const auto overrides = options.overrides();
  const auto loaded = proctor::config::load(path, overrides);
  if (const auto* issues = std::get_if<std::vector<proctor::config::ConfigIssue>>(&loaded)) {
    for (const auto& issue : *issues) proctor::kernel::say(fmt::format("proctord: {}", issue.message()));
    return exit_bad_configuration;
  }
  if (check_only) {
    fmt::print("{}: the configuration is good\n", path.value_or("command line"));
    return 0;
  }
  return proctor::cli::run_daemon(std::get<proctor::config::DaemonConfig>(loaded), path, overrides);
}

/// What is thrown and not caught ends the process where it stands. It is not unwound up to main: the end of
/// an actor system that could not be made waits for ever for the threads that it has.
[[noreturn]] void end_at_once() {
  proctor::kernel::say(fmt::format("proctord: cannot go on: {}", proctor::cli::why_terminated()));
  ::_exit(1);
}

}  // namespace

int main(int argc, char** argv) {
  std::set_terminate(end_at_once);
  if (const auto opened = proctor::launch::open_closed_standard_streams(); !opened) {
    proctor::kernel::say(fmt::format("proctord: {}", opened.error().message()));
    return exit_failed;
  }
  return run(argc, argv);
}
