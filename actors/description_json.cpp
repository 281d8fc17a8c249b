#include "actors/description_json.hpp"

#include <nlohmann/json.hpp>

#include "procfs/file_rules.hpp"
#include "procfs/passed_files.hpp"
#include "procfs/virtual_files.hpp"

namespace proctor::actors {
namespace {

using nlohmann::json;

json process_json(const messages::ProcessReport& process) {
  return {{"pid", process.key.pid},
          {"ppid", process.parent.pid},
          {"start_time", process.key.start_time},
          {"command", process.command},
          {"notifications", process.notifications},
          {"refused", process.refused},
          {"threads", process.threads},
          {"memory_bytes", process.memory_bytes}};
}

json actor_json(const messages::ActorReport& actor) {
  return {{"kind", actor.kind},
          {"id", actor.id},
          {"parent", actor.parent},
          {"messages", actor.messages},
          {"handled", actor.handled},
          {"depth", actor.depth},
          {"busy_us", actor.busy_ns / 1000},
          {"longest_us", actor.longest_ns / 1000}};
}

json sandbox_json(const messages::SandboxDescription& sandbox) {
  json processes = json::array();
  for (const auto& process : sandbox.processes) processes.push_back(process_json(process));
  return {{"name", sandbox.name},         {"command", sandbox.command},
          {"state", sandbox.state},       {"target", sandbox.target},
          {"init", sandbox.init},         {"started_unix_ms", sandbox.started_unix_ms},
          {"degraded", sandbox.degraded}, {"processes", std::move(processes)}};
}

/// Each limit that is stated, and whether anything holds the sandbox to it.
json limits_json(const policy::StatedLimits& limits) {
  constexpr auto stated = "stated, not enforced";
  const auto limit = [](const auto& value, const char* enforced) {
    return json{{"value", value}, {"enforced", enforced}};
  };
  json object = json::object();
  if (limits.memory_bytes) object["memory"] = limit(*limits.memory_bytes, stated);
  if (limits.cpus) object["cpus"] = limit(*limits.cpus, "by affinity");
  if (limits.processes) object["processes"] = limit(*limits.processes, stated);
  if (!limits.hostname.empty()) object["hostname"] = limit(limits.hostname, "told by every file and call");
  return object;
}

/// Which files of /proc are made for the sandbox, which are refused, and which are the kernel's own.
json procfs_json(const policy::StatedLimits& limits) {
  json made = json::array();
  json passed = json::array();
  for (const auto& file : procfs::virtual_files())
    (procfs::is_told(file, limits) ? made : passed).push_back(file.path);
  for (const auto& file : procfs::passed_files()) passed.push_back(file.path);
  json refused = json::array();
  for (const auto& rule : procfs::refused_system_files())
    refused.push_back("/proc/" + std::string(rule.name));
  return {{"virtual", std::move(made)}, {"refused", std::move(refused)}, {"passed", std::move(passed)}};
}

/// Commands are the target's bytes: what is no UTF-8 becomes U+FFFD.
std::string one_line(const json& value) { return value.dump(-1, ' ', false, json::error_handler_t::replace); }

}  // namespace

std::string list_reply(const std::vector<messages::SandboxDescriptionPtr>& sandboxes) {
  json list = json::array();
  for (const auto& sandbox : sandboxes) list.push_back(sandbox_json(*sandbox));
  return one_line({{"reply", "list"}, {"sandboxes", std::move(list)}});
}

std::string inspect_reply(const messages::SandboxDescription& sandbox,
                          const std::vector<std::string>& features) {
  json actors = json::array();
  for (const auto& actor : sandbox.actors) actors.push_back(actor_json(actor));
  json described = sandbox_json(sandbox);
  described["policy"] = {{"when_command_ends", sandbox.when_command_ends},
                         {"verdict_timeout_ms", sandbox.verdict_timeout_ms},
                         {"accept_degraded", sandbox.accept_degraded},
                         {"proc", sandbox.proc},
                         {"limits", limits_json(sandbox.limits)}};
  described["procfs"] = procfs_json(sandbox.limits);
  described["actors"] = std::move(actors);
  described["features"] = features;
  described["in_flight"] = sandbox.in_flight;
  described["notifications"] = sandbox.notifications;
  described["verdicts"] = {{"continue", sandbox.continued},  {"fail", sandbox.failed},
                           {"return", sandbox.returned},     {"inject", sandbox.injected},
                           {"withdrawn", sandbox.withdrawn}, {"expired", sandbox.expired}};
  return one_line({{"reply", "inspect"}, {"sandbox", std::move(described)}});
}

}  // namespace proctor::actors
