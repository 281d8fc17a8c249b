#include "cli/run.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <optional>
#include <string_view>
#include <utility>

#include "cli/arguments.hpp"
#include "config/numbers.hpp"
#include "config/text.hpp"
#include "kernel/result.hpp"
#include "launch/session.hpp"
#include "launch/session_end.hpp"

namespace proctor::cli {
namespace {

constexpr auto footer = R"(
CMD sees the files, terminal, environment and signals it would see without proctor, but only the processes of
its own sandbox. The exit status is CMD's; 128+n when signal n ended it; 125 when proctor itself failed, 126
when CMD cannot be executed, 127 when it is not there. What CMD leaves running may finish within a tenth of a
second, and is then ended.

-m, -c, -P and --hostname say what CMD is told it has. The CPUs are kept by affinity; memory and processes are
stated, not enforced: a cgroup does that. SIZE is in bytes, or has a unit: K, M, G, T (or KiB, MiB, ...) of
1024, kB, MB, GB, TB of 1000.

Examples:
  proctor run make -j8                  a build that sees only its own processes
  proctor run --name ci-17 -- ./t.sh    under the daemon, if there is one, by a name of its own
  proctor run --linger -- ./start.sh    goes on until the last process that start.sh left has ended
  proctor run -m 2G -c 2 -- make check  a build that finds a machine of 2 GiB and two CPUs
  proctor run --embedded --log run.jsonl -- ./plugin
                                        without a daemon, and with a record of what was asked and answered
)";

/// What the options say, still as text.
struct RunArguments {
  std::string name;
  std::string socket;
  std::string log;
  std::string proc = "private";
  std::string memory;
  std::string cpus;
  std::string processes;
  std::string hostname;
  bool embedded = false;
  bool linger = false;
  bool accept_degraded = false;
};

CommandLine declare(RunArguments& out) {
  return {
      "proctor run",
      "Run CMD in a sandbox. Options end at CMD or at --.",
      {{"--embedded", &out.embedded, "Supervise from a process of this session's own"},
       {"--linger", &out.linger, "When CMD ends, wait for what it left running instead of ending it"},
       {"--accept-degraded", &out.accept_degraded,
        "Start even where this kernel lacks something that safety needs"}},
      {{"--daemon", &out.socket, "SOCKET", "Supervise from the daemon that listens at SOCKET",
        Empty::mistake},
       {"--name", &out.name, "NAME", "The sandbox's name; default: made from CMD", Empty::mistake},
       {"--log", &out.log, "FILE", "Write an embedded session's introspection record to FILE",
        Empty::mistake},
       {"--proc", &out.proc, "MODE",
        "private (the default): what opens, lists or follows links shows own processes only; strict: "
        "stat and access too, at the price of a round trip each"},
       {"-m,--memory", &out.memory, "SIZE", "State SIZE of memory (512M, 2G); not enforced", Empty::mistake},
       {"-c,--cpus", &out.cpus, "N", "State N CPUs, and run on no more", Empty::mistake},
       {"-P,--processes", &out.processes, "N", "State N processes and threads at most; not enforced",
        Empty::mistake},
       {"--hostname", &out.hostname, "NAME", "State NAME as the hostname", Empty::mistake}},
      true,
      footer};
}

// What is not given, is not limited. EINVAL with a sentence that names the option, its value, what was
// expected.

kernel::Error refusal(std::string_view option, std::string_view text, std::string_view expected) {
  return {EINVAL, fmt::format("{}: {} cannot be used; expected {}", option, config::excerpt(text), expected)};
}

kernel::Result<void> read_memory(const std::string& text, std::optional<std::uint64_t>& out) {
  if (text.empty()) return {};
  out = config::parse_byte_size(text);
  if (out && *out >= policy::memory_bytes_min && *out <= policy::memory_bytes_max) return {};
  return refusal("--memory", text,
                 fmt::format("{}M to {}T, in bytes or with a unit, such as 512M or 2G",
                             policy::memory_bytes_min >> 20U, policy::memory_bytes_max >> 40U));
}

kernel::Result<void> read_count(std::string_view option, const std::string& text, std::uint32_t maximum,
                                std::optional<std::uint32_t>& out) {
  if (text.empty()) return {};
  const auto count = config::parse_integer(text);
  if (!count || *count < 1 || *count > maximum)
    return refusal(option, text, fmt::format("a whole number from 1 to {}", maximum));
  out = static_cast<std::uint32_t>(*count);
  return {};
}

kernel::Result<policy::StatedLimits> read_limits(const RunArguments& given) {
  policy::StatedLimits limits;
  if (auto done = read_memory(given.memory, limits.memory_bytes); !done) return done.error();
  if (auto done = read_count("--cpus", given.cpus, policy::cpus_max, limits.cpus); !done) return done.error();
  if (auto done = read_count("--processes", given.processes, policy::processes_max, limits.processes); !done)
    return done.error();
  if (!given.hostname.empty()) {
    if (const auto valid = policy::validate_hostname(given.hostname); !valid)
      return kernel::Error{EINVAL, "--hostname: " + valid.error().operation};
    limits.hostname = given.hostname;
  }
  return limits;
}

launch::SessionOptions to_session(const RunArguments& given, policy::ProcMode proc,
                                  policy::StatedLimits limits, std::vector<std::string> command) {
  launch::SessionOptions options;
  options.command = std::move(command);
  options.policy.name = given.name;
  options.policy.accept_degraded = given.accept_degraded;
  options.policy.proc = proc;
  options.policy.limits = std::move(limits);
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
  const auto proc = policy::proc_mode_of(given.proc);
  if (!proc) return usage_error("--proc: " + proc.error().operation);
  auto limits = read_limits(given);
  if (!limits) return usage_error(limits.error().operation);
  if (given.embedded && !given.socket.empty())
    return usage_error("--embedded and --daemon exclude each other");
  if (!given.log.empty() && !given.socket.empty()) {
    return usage_error("--log is for embedded sessions: the daemon keeps its own record");
  }
  return launch::run_session(to_session(given, *proc, *std::move(limits), std::move(command)));
}

}  // namespace proctor::cli
