#include "launch/session_protocol.hpp"

#include <cerrno>
#include <initializer_list>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>

namespace proctor::launch {
namespace {

using nlohmann::json;

/// Reads the members of one JSON object and remembers the first thing that is wrong: a sentence that names
/// the key, what was expected and what is there.
class ObjectReader {
 public:
  explicit ObjectReader(json object, std::string what) : object_(std::move(object)), what_(std::move(what)) {}

  void take(const char* key, std::string& out) {
    if (const auto value = member(key, "a string", &json::is_string)) out = value->get<std::string>();
  }

  void take(const char* key, bool& out) {
    if (const auto value = member(key, "true or false", &json::is_boolean)) out = value->get<bool>();
  }

  /// Any whole number from `least` to the largest of `Integer`.
  template <class Integer>
  void take_number(const char* key, Integer& out, std::int64_t least) {
    const auto value = member(key, "a whole number", &json::is_number_integer);
    if (!value) return;
    // A number above 2^63 is stored unsigned; get<int64_t> would wrap it around.
    const bool huge =
        value->is_number_unsigned() &&
        value->get<std::uint64_t>() > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
    const auto number = huge ? std::numeric_limits<std::int64_t>::max() : value->get<std::int64_t>();
    if (huge || number < least || number > static_cast<std::int64_t>(std::numeric_limits<Integer>::max())) {
      return fail("\"" + std::string(key) + "\" is out of range: " + value->dump());
    }
    out = static_cast<Integer>(number);
  }

  void take(const char* key, std::vector<std::string>& out) {
    const auto value = member(key, "a list of strings", &json::is_array);
    if (!value) return;
    out.reserve(value->size());
    for (const auto& element : *value) {
      if (!element.is_string()) return fail("\"" + std::string(key) + "\" is not a list of strings");
      out.push_back(element.get<std::string>());
    }
  }

  std::optional<json> take_object(const char* key) { return member(key, "an object", &json::is_object); }

  void fail(std::string sentence) {
    if (wrong_.empty()) wrong_ = std::move(sentence);
  }

  /// To be called when all known keys are taken. Nothing is wrong: an empty string.
  [[nodiscard]] std::string finish() {
    if (wrong_.empty() && !object_.empty()) fail("unknown key \"" + object_.begin().key() + "\"");
    return wrong_.empty() ? std::string() : what_ + ": " + wrong_;
  }

 private:
  std::optional<json> member(const char* key, const char* expected, bool (json::*is_right)() const noexcept) {
    const auto it = object_.find(key);
    if (it == object_.end()) {
      fail("\"" + std::string(key) + "\" is missing");
      return std::nullopt;
    }
    json value = std::move(*it);
    object_.erase(it);
    if ((value.*is_right)()) return value;
    fail("\"" + std::string(key) + "\" is not " + expected);
    return std::nullopt;
  }

  json object_;
  std::string what_;
  std::string wrong_;
};

/// Lines are text for people; a byte that is no UTF-8 (a command line may hold any) is shown as U+FFFD.
std::string dump(const json& object) { return object.dump(-1, ' ', false, json::error_handler_t::replace); }

kernel::Error protocol_error(std::string sentence) { return {EPROTO, std::move(sentence)}; }

struct RequestWriter {
  json operator()(const AttachRequest& request) const {
    return {{"op", "attach"},
            {"version", session_protocol_version},
            {"policy", json::parse(policy::to_json(request.policy), nullptr, false)},
            {"command", request.command},
            {"target", request.target},
            {"init", request.init},
            {"landlocked", request.landlocked},
            {"signals_scoped", request.signals_scoped},
            {"ungranted_directories", request.ungranted_directories},
            {"degraded", request.degraded}};
  }
  json operator()(const CommandEnded& ended) const {
    return {{"op", "command-ended"}, {"status", ended.status}};
  }
  json operator()(const SessionEnded&) const { return {{"op", "session-ended"}}; }
  json operator()(const ListRequest&) const { return {{"op", "list"}}; }
  json operator()(const InspectRequest& request) const { return {{"op", "inspect"}, {"name", request.name}}; }
};

struct ReplyWriter {
  json operator()(const Armed& armed) const { return {{"reply", "armed"}, {"name", armed.name}}; }
  json operator()(const Refused& refused) const { return {{"reply", "refused"}, {"reason", refused.reason}}; }
  json operator()(const Ended&) const { return {{"reply", "ended"}}; }
  json operator()(const EndSession& end) const { return {{"reply", "end-session"}, {"reason", end.reason}}; }
};

kernel::Result<Request> read_attach(ObjectReader reader) {
  AttachRequest request;
  int version = 0;
  reader.take_number("version", version, 0);
  if (version != session_protocol_version) {
    reader.fail("version " + std::to_string(version) + " of the session protocol; this side speaks " +
                std::to_string(session_protocol_version) + ": use proctor and proctord of one release");
  }
  if (const auto object = reader.take_object("policy")) {
    auto policy = policy::sandbox_policy_from_json(dump(*object));
    if (policy) {
      request.policy = std::move(*policy);
    } else {
      reader.fail(policy.error().operation);
    }
  }
  reader.take("command", request.command);
  reader.take_number("target", request.target, 1);
  reader.take_number("init", request.init, 1);
  reader.take("landlocked", request.landlocked);
  reader.take("signals_scoped", request.signals_scoped);
  reader.take("ungranted_directories", request.ungranted_directories);
  reader.take("degraded", request.degraded);
  if (auto wrong = reader.finish(); !wrong.empty()) return protocol_error(std::move(wrong));
  return Request(std::move(request));
}

/// Parses `line` as an object and takes the string that says what it is (`discriminator`).
kernel::Result<std::pair<std::string, json>> open_object(std::string_view line, const char* discriminator) {
  json object = json::parse(line, nullptr, false);
  if (!object.is_object()) return protocol_error("a line that is not a JSON object");
  const auto it = object.find(discriminator);
  if (it == object.end() || !it->is_string()) {
    return protocol_error("\"" + std::string(discriminator) + "\" is missing or not a string");
  }
  auto name = it->get<std::string>();
  object.erase(it);
  return std::pair{std::move(name), std::move(object)};
}

template <class Variant, class Content>
kernel::Result<Variant> finish(ObjectReader& reader, Content content) {
  if (auto wrong = reader.finish(); !wrong.empty()) return protocol_error(std::move(wrong));
  return Variant(std::move(content));
}

}  // namespace

std::string to_json(const Request& request) { return dump(std::visit(RequestWriter{}, request)); }

std::string to_json(const Reply& reply) { return dump(std::visit(ReplyWriter{}, reply)); }

kernel::Result<Request> parse_request(std::string_view line) {
  auto opened = open_object(line, "op");
  if (!opened) return opened.error();
  auto& [op, object] = *opened;
  ObjectReader reader(std::move(object), op);
  if (op == "attach") return read_attach(std::move(reader));
  if (op == "command-ended") {
    CommandEnded ended;
    reader.take_number("status", ended.status, 0);
    return finish<Request>(reader, ended);
  }
  if (op == "session-ended") return finish<Request>(reader, SessionEnded{});
  if (op == "list") return finish<Request>(reader, ListRequest{});
  if (op == "inspect") {
    InspectRequest request;
    reader.take("name", request.name);
    return finish<Request>(reader, std::move(request));
  }
  return protocol_error("unknown op; expected attach, command-ended, session-ended, list or inspect");
}

kernel::Result<Reply> parse_reply(std::string_view line) {
  auto opened = open_object(line, "reply");
  if (!opened) return opened.error();
  auto& [name, object] = *opened;
  ObjectReader reader(std::move(object), name);
  if (name == "armed") {
    Armed armed;
    reader.take("name", armed.name);
    return finish<Reply>(reader, std::move(armed));
  }
  if (name == "refused") {
    Refused refused;
    reader.take("reason", refused.reason);
    return finish<Reply>(reader, std::move(refused));
  }
  if (name == "ended") return finish<Reply>(reader, Ended{});
  if (name == "end-session") {
    EndSession end;
    reader.take("reason", end.reason);
    return finish<Reply>(reader, std::move(end));
  }
  return protocol_error("unknown reply; expected armed, refused, ended or end-session");
}

}  // namespace proctor::launch
