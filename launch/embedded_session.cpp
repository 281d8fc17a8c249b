#include "launch/embedded_session.hpp"

#include <cerrno>
#include <nlohmann/json.hpp>

namespace proctor::launch {
namespace {

using nlohmann::json;

kernel::Error refuse(const std::string& what) { return {EPROTO, "read the handed-over session: " + what}; }

/// Takes `key` out of `object` into `out`. Returns a sentence when it is missing or is not a number that
/// `out` can hold.
std::string take_number(json& object, const char* key, int& out) {
  const auto it = object.find(key);
  if (it == object.end()) return std::string("\"") + key + "\" is missing";
  if (!it->is_number_integer() || *it < 0 || *it > 0x7fffffff) {
    return std::string("\"") + key + "\" is not a number from 0 to 2147483647";
  }
  out = it->get<int>();
  object.erase(it);
  return {};
}

}  // namespace

std::string to_json(const EmbeddedSession& session) {
  const json object{{"front_fd", session.front_fd},
                    {"parent_fd", session.parent_fd},
                    {"supervisor_fd", session.supervisor_fd},
                    {"target_pid", session.target_pid},
                    {"target_pidfd", session.target_pidfd},
                    {"exec_report_fd", session.exec_report_fd},
                    {"linger", session.linger},
                    {"log", session.log}};
  return object.dump(-1, ' ', false, json::error_handler_t::replace);
}

kernel::Result<EmbeddedSession> parse_embedded_session(std::string_view text) {
  json object = json::parse(text, nullptr, false);
  if (!object.is_object()) return refuse("a JSON object is expected");
  EmbeddedSession session;
  const std::pair<const char*, int*> numbers[] = {
      {"front_fd", &session.front_fd},           {"parent_fd", &session.parent_fd},
      {"supervisor_fd", &session.supervisor_fd}, {"target_pid", &session.target_pid},
      {"target_pidfd", &session.target_pidfd},   {"exec_report_fd", &session.exec_report_fd}};
  for (const auto& [key, out] : numbers) {
    if (const auto wrong = take_number(object, key, *out); !wrong.empty()) return refuse(wrong);
  }
  if (const auto it = object.find("linger"); it != object.end() && it->is_boolean()) {
    session.linger = it->get<bool>();
    object.erase(it);
  } else {
    return refuse("\"linger\" is not true or false");
  }
  if (const auto it = object.find("log"); it != object.end() && it->is_string()) {
    session.log = it->get<std::string>();
    object.erase(it);
  } else {
    return refuse("\"log\" is not a string");
  }
  if (!object.empty()) return refuse("unknown key \"" + object.begin().key() + "\"");
  return session;
}

}  // namespace proctor::launch
