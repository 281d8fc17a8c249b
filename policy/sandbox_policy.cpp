#include "policy/sandbox_policy.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

namespace proctor::policy {
namespace {

using kernel::Error;
using kernel::Result;
using nlohmann::json;

constexpr std::array<std::pair<WhenCommandEnds, std::string_view>, 2> endings{{
    {WhenCommandEnds::end_tree, "end-tree"},
    {WhenCommandEnds::linger, "linger"},
}};

Error invalid(std::string sentence) { return {EINVAL, std::move(sentence)}; }

/// Text from outside as it may stand in a sentence: short, on one line, ASCII.
std::string in_quotes(std::string_view text) {
  constexpr std::size_t shown_max = 80;
  std::string shown = "\"";
  for (const char c : text.substr(0, shown_max)) shown += c >= ' ' && c <= '~' ? c : '?';
  if (text.size() > shown_max) shown += "...";
  return shown + "\"";
}

Error wrong_type(std::string_view key, std::string_view expected, const json& value) {
  return invalid("policy: " + std::string(key) + " must be " + std::string(expected) + ", not " +
                 value.type_name());
}

Result<void> read_name(const json& value, SandboxPolicy& policy) {
  if (!value.is_string()) return wrong_type("name", "a string", value);
  const auto& name = value.get_ref<const std::string&>();
  if (!name.empty()) {
    if (auto valid = validate_name(name); !valid) return valid;
  }
  policy.name = name;
  return {};
}

Result<void> read_when_command_ends(const json& value, SandboxPolicy& policy) {
  constexpr std::string_view expected = R"("end-tree" or "linger")";
  if (!value.is_string()) return wrong_type("when_command_ends", expected, value);
  const auto& word = value.get_ref<const std::string&>();
  const auto* const found = std::ranges::find(endings, word, &decltype(endings)::value_type::second);
  if (found == endings.end()) {
    return invalid("policy: when_command_ends must be " + std::string(expected) + ", not " + in_quotes(word));
  }
  policy.when_command_ends = found->first;
  return {};
}

Result<void> read_accept_degraded(const json& value, SandboxPolicy& policy) {
  if (!value.is_boolean()) return wrong_type("accept_degraded", "true or false", value);
  policy.accept_degraded = value.get<bool>();
  return {};
}

Result<void> read_verdict_timeout(const json& value, SandboxPolicy& policy) {
  if (!value.is_number_integer()) return wrong_type("verdict_timeout_ms", "a whole number", value);
  // Compared as json, which knows signed from unsigned: a conversion first could wrap round into the range.
  if (value < verdict_timeout_min.count() || value > verdict_timeout_max.count()) {
    return invalid("policy: verdict_timeout_ms must be between " +
                   std::to_string(verdict_timeout_min.count()) + " and " +
                   std::to_string(verdict_timeout_max.count()) + ", not " + value.dump());
  }
  policy.verdict_timeout = std::chrono::milliseconds(value.get<std::int64_t>());
  return {};
}

using Reader = Result<void> (*)(const json&, SandboxPolicy&);
constexpr std::array<std::pair<std::string_view, Reader>, 4> readers{{
    {"name", read_name},
    {"when_command_ends", read_when_command_ends},
    {"accept_degraded", read_accept_degraded},
    {"verdict_timeout_ms", read_verdict_timeout},
}};

/// Parses an object; of a key that is there twice, json itself would silently keep the last.
Result<json> parse_object(std::string_view text) {
  std::set<std::string> seen;
  std::string twice;
  const auto note_keys = [&](int depth, json::parse_event_t event, json& parsed) {
    if (event == json::parse_event_t::key && depth == 1) {
      const auto& key = parsed.get_ref<const std::string&>();
      if (!seen.insert(key).second) twice = key;
    }
    return true;
  };
  json value = json::parse(text, note_keys, /*allow_exceptions=*/false);
  if (value.is_discarded()) return invalid("policy: not valid JSON");
  if (!value.is_object()) return invalid(std::string("policy: must be an object, not ") + value.type_name());
  if (!twice.empty()) return invalid("policy: key " + in_quotes(twice) + " is there twice");
  return value;
}

}  // namespace

Result<void> validate_name(std::string_view name) {
  constexpr std::string_view first = "abcdefghijklmnopqrstuvwxyz0123456789";
  constexpr std::string_view later = "abcdefghijklmnopqrstuvwxyz0123456789_.-";
  if (name.empty()) return invalid("a sandbox's name must not be empty");
  if (name.size() > name_bytes_max) {
    return invalid("the name " + in_quotes(name) + " has " + std::to_string(name.size()) +
                   " bytes, at most " + std::to_string(name_bytes_max) + " are allowed");
  }
  if (first.find(name.front()) == std::string_view::npos) {
    return invalid("the name " + in_quotes(name) + " must begin with a to z or 0 to 9");
  }
  if (const auto bad = name.find_first_not_of(later); bad != std::string_view::npos) {
    return invalid("the name " + in_quotes(name) + " must not contain " + in_quotes(name.substr(bad, 1)) +
                   ": only a to z, 0 to 9, '_', '.' and '-'");
  }
  return {};
}

std::string to_json(const SandboxPolicy& policy) {
  const auto* const ending =
      std::ranges::find(endings, policy.when_command_ends, &decltype(endings)::value_type::first);
  const json value{{"name", policy.name},
                   {"when_command_ends", ending->second},
                   {"accept_degraded", policy.accept_degraded},
                   {"verdict_timeout_ms", policy.verdict_timeout.count()}};
  return value.dump(-1, ' ', /*ensure_ascii=*/false, json::error_handler_t::replace);
}

Result<SandboxPolicy> sandbox_policy_from_json(std::string_view text) {
  const auto parsed = parse_object(text);
  if (!parsed) return parsed.error();
  SandboxPolicy policy;
  for (const auto& [key, value] : parsed->items()) {
    const auto* const reader = std::ranges::find(readers, key, &decltype(readers)::value_type::first);
    if (reader == readers.end()) {
      return invalid("policy: unknown key " + in_quotes(key) +
                     "; known are name, when_command_ends, accept_degraded and verdict_timeout_ms");
    }
    if (auto done = reader->second(value, policy); !done) return done.error();
  }
  return policy;
}

}  // namespace proctor::policy
