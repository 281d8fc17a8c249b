#include "cli/inspect.hpp"

#include <fmt/format.h>

#include <cstdio>

#include "cli/arguments.hpp"
#include "cli/query.hpp"

namespace proctor::cli {
namespace {

using nlohmann::json;

/// "key  value" lines; a list is given one line an element.
void print_fact(std::string_view key, std::string_view value) { fmt::print("{:<20} {}\n", key, value); }

/// One element of a list whose shape is the daemon's business.
std::string shown(const json& value) {
  return printable(value.is_string() ? value.get<std::string>()
                                     : value.dump(-1, ' ', false, json::error_handler_t::replace));
}

void print_facts(const json& sandbox) {
  print_fact("name", text_of(sandbox, "name"));
  print_fact("state", text_of(sandbox, "state"));
  print_fact("command", command_of(sandbox, "command"));
  print_fact("session parent", std::to_string(number_of(sandbox, "init")));
  print_fact("age", age_of(sandbox, "started_unix_ms"));
  print_fact("in flight", std::to_string(number_of(sandbox, "in_flight")));
  for (const auto& missing : list_of(sandbox, "degraded")) print_fact("DEGRADED", shown(missing));
  for (const auto& feature : list_of(sandbox, "features")) print_fact("feature", shown(feature));
}

/// The members of an object below a heading, whatever they are.
void print_object(std::string_view heading, const json& object) {
  if (object.empty()) return;
  fmt::print("\n{}\n", heading);
  for (const auto& [key, value] : object.items()) fmt::print("  {:<18} {}\n", printable(key), shown(value));
}

/// "536870912 (stated, not enforced)"
std::string limit_line(const json& limit) {
  if (!limit.is_object()) return shown(limit);
  return fmt::format("{} ({})", shown(limit.value("value", json())), text_of(limit, "enforced"));
}

/// The policy; its limits below a heading of their own.
void print_policy(json policy) {
  json limits = object_of(policy, "limits");
  for (auto& limit : limits) limit = limit_line(limit);
  policy.erase("limits");
  print_object("policy", policy);
  print_object("limits", limits);
}

/// Which files are virtual, refused and passed on: lists, in lines of a terminal's width.
void print_procfs(const json& procfs) {
  if (procfs.empty()) return;
  constexpr std::size_t width = 100;
  fmt::print("\nprocfs\n");
  for (const auto& [kind, files] : procfs.items()) {
    std::string line = fmt::format("  {:<18}", printable(kind));
    for (const auto& file : files) {
      const auto word = shown(file);
      if (line.size() + 1 + word.size() > width) {
        fmt::print("{}\n", line);
        line.assign(20, ' ');
      }
      line += " " + word;
    }
    fmt::print("{}\n", line);
  }
}

void print_processes(const json& sandbox) {
  fmt::print("\nprocesses\n  {:>8} {:>8} {:>12} {:>7} {:>13}  {}\n", "PID", "PPID", "START", "THREADS",
             "NOTIFICATIONS", "COMMAND");
  for (const auto& process : list_of(sandbox, "processes")) {
    fmt::print("  {:>8} {:>8} {:>12} {:>7} {:>13}  {}\n", number_of(process, "pid"),
               number_of(process, "ppid"), number_of(process, "start_time"), number_of(process, "threads"),
               number_of(process, "notifications"), text_of(process, "command"));
  }
}

void print_actors(const json& sandbox) {
  const auto& actors = list_of(sandbox, "actors");
  if (actors.empty()) return;
  fmt::print("\nactors\n  {:<18} {:>6} {:>10} {:>10} {:>6} {:>12} {:>11}\n", "KIND", "ID", "MESSAGES",
             "HANDLED", "DEPTH", "BUSY us", "LONGEST us");
  for (const auto& actor : actors) {
    fmt::print("  {:<18} {:>6} {:>10} {:>10} {:>6} {:>12} {:>11}\n", text_of(actor, "kind"),
               number_of(actor, "id"), number_of(actor, "messages"), number_of(actor, "handled"),
               number_of(actor, "depth"), number_of(actor, "busy_us"), number_of(actor, "longest_us"));
  }
}

}  // namespace

int inspect(const std::vector<std::string>& arguments) {
  std::string name;
  std::string socket;
  bool as_json = false;
  const CommandLine line{"proctor inspect",
                         "Show all that a daemon knows of one sandbox.",
                         {{"--json", &as_json, "Print the daemon's answer as JSON"}},
                         {{"name", &name, "NAME", "The sandbox, as 'proctor ps' names it"},
                          {"--socket", &socket, "PATH", "Where the daemon listens"}},
                         false,
                         ""};
  if (const auto status = parse(line, arguments)) return *status;

  const auto answer = ask_daemon(socket, launch::InspectRequest{name});
  if (!answer) {
    fmt::print(stderr, "proctor inspect: {}\n", answer.error().operation);
    return 1;
  }
  if (as_json) {
    fmt::print("{}\n", answer->dump(2, ' ', false, json::error_handler_t::replace));
    return 0;
  }
  const auto sandbox = answer->find("sandbox");
  if (sandbox == answer->end() || !sandbox->is_object()) {
    fmt::print(stderr, "proctor inspect: the daemon's answer has no \"sandbox\"; use --json to see it\n");
    return 1;
  }
  print_facts(*sandbox);
  print_policy(object_of(*sandbox, "policy"));
  print_object("verdicts", object_of(*sandbox, "verdicts"));
  print_procfs(object_of(*sandbox, "procfs"));
  print_processes(*sandbox);
  print_actors(*sandbox);
  return 0;
}

}  // namespace proctor::cli
