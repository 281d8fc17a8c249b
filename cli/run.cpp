#include "cli/run.hpp"

#include <fmt/format.h>

#include <cstdio>

#include "cli/arguments.hpp"
#include "launch/session.hpp"
#include "launch/session_parent.hpp"

namespace proctor::cli {
namespace {

constexpr auto footer = R"(
CMD sees the files, terminal, environment and signals it would see without proctor, but only the processes of
its own sandbox. The exit status is CMD's; 128+n when signal n ended it; 125 when proctor itself failed, 126
when CMD cannot be executed, 127 when it is not there. What CMD leaves running is ended with it.

Examples:
  proctor run make -j8                  a build that sees only its own processes
  proctor run --name ci-17 -- ./t.sh    under the daemon, if there is one, by a name of its own
  proctor run --linger -- ./start.sh    goes on until the last process that start.sh left has ended
  proctor run --embedded --log run.jsonl -- ./plugin
                                        without a daemon, and with a record of what was asked and answered
)";

/// What the options say, still as text.
struct RunArguments {
  std::string name;
  std::string socket;
  std::string log;
  bool embedded = false;
  bool linger = false;
  bool accept_degraded = false;
};

CommandLine declare(RunArguments& out) {
  return {"proctor run",
          "Run CMD in a sandbox. Options end at CMD or at --.",
          {{"--embedded", &out.embedded, "Supervise from a process of this session's own"},
           {"--linger", &out.linger, "When CMD ends, wait for what it left running instead of ending it"},
           {"--accept-degraded", &out.accept_degraded,
            "Start even where this kernel lacks something that safety needs"}},
          {{"--daemon", &out.socket, "SOCKET", "Supervise from the daemon that listens at SOCKET"},
           {"--name", &out.name, "NAME", "The sandbox's name; default: made from CMD"},
           {"--log", &out.log, "FILE", "Write an embedded session's introspection record to FILE"}},
          true,
          footer};
}

launch::SessionOptions to_session(const RunArguments& given, std::vector<std::string> command) {
  launch::SessionOptions options;
  options.command = std::move(command);
  options.policy.name = given.name;
  options.policy.accept_degraded = given.accept_degraded;
  if (given.linger) options.policy.when_command_ends = policy::WhenCommandEnds::linger;
  options.log = given.log;
  if (given.embedded || !given.log.empty()) options.supervision = launch::Supervision::embedded;
  if (!given.socket.empty()) {
    options.supervision = launch::Supervision::daemon;
    options.socket = given.socket;
  }
  return options;
}

int usage_error(const std::string& what) {
  fmt::print(stderr, "proctor run: {}\nTry 'proctor run --help'.\n", what);
  return launch::exit_proctor_failed;
}

}  // namespace

int run(const std::vector<std::string>& arguments) {
  RunArguments given;
  const auto line = declare(given);
  const auto own = count_own_options(line, arguments);
  const auto split = arguments.begin() + static_cast<std::ptrdiff_t>(own);
  if (const auto status = parse(line, {arguments.begin(), split})) return *status;

  const bool marked = split != arguments.end() && *split == "--";
  std::vector<std::string> command(marked ? split + 1 : split, arguments.end());
  if (command.empty()) return usage_error("what shall be run? CMD is missing");
  if (!given.name.empty()) {
    if (const auto valid = policy::validate_name(given.name); !valid) {
      return usage_error("--name: " + valid.error().operation);
    }
  }
  if (given.embedded && !given.socket.empty())
    return usage_error("--embedded and --daemon exclude each other");
  if (!given.log.empty() && !given.socket.empty()) {
    return usage_error("--log is for embedded sessions: the daemon keeps its own record");
  }
  return launch::run_session(to_session(given, std::move(command)));
}

}  // namespace proctor::cli
