#include "cli/ps.hpp"

#include <fmt/format.h>

#include <cstdio>

#include "cli/arguments.hpp"
#include "cli/query.hpp"

namespace proctor::cli {
namespace {

using nlohmann::json;

void print_sandbox(const json& sandbox) {
  fmt::print("{}  {}  {}  {}\n", text_of(sandbox, "name"), text_of(sandbox, "state"),
             age_of(sandbox, "started_unix_ms"), command_of(sandbox, "command"));
  for (const auto& missing : list_of(sandbox, "degraded")) {
    if (missing.is_string()) fmt::print("  DEGRADED: {}\n", printable(missing.get<std::string>()));
  }
  const auto& processes = list_of(sandbox, "processes");
  if (processes.empty()) return;
  fmt::print("  {:>8} {:>8} {:>7} {:>13}  {}\n", "PID", "PPID", "THREADS", "NOTIFICATIONS", "COMMAND");
  for (const auto& process : processes) {
    fmt::print("  {:>8} {:>8} {:>7} {:>13}  {}\n", number_of(process, "pid"), number_of(process, "ppid"),
               number_of(process, "threads"), number_of(process, "notifications"),
               text_of(process, "command"));
  }
}

}  // namespace

int ps(const std::vector<std::string>& arguments) {
  bool as_json = false;
  std::string socket;
  const CommandLine line{"proctor ps",
                         "List a daemon's sandboxes and their processes.",
                         {{"--json", &as_json, "Print the daemon's answer as JSON"}},
                         {{"--socket", &socket, "PATH", "Where the daemon listens"}},
                         false,
                         ""};
  if (const auto status = parse(line, arguments)) return *status;

  const auto answer = ask_daemon(socket, launch::ListRequest{});
  if (!answer) {
    fmt::print(stderr, "proctor ps: {}\n", answer.error().operation);
    return 1;
  }
  if (as_json) {
    fmt::print("{}\n", answer->dump(2, ' ', false, json::error_handler_t::replace));
    return 0;
  }
  const auto& sandboxes = list_of(*answer, "sandboxes");
  if (sandboxes.empty()) fmt::print("no sandboxes\n");
  for (const auto& sandbox : sandboxes) print_sandbox(sandbox);
  return 0;
}

}  // namespace proctor::cli
