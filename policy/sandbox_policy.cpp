#include "policy/sandbox_policy.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>
#include <vector>

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

Result<void> read_proc(const json& value, SandboxPolicy& policy) {
  if (!value.is_string()) return wrong_type("proc", "a string", value);
  auto mode = proc_mode_of(value.get_ref<const std::string&>());
  if (!mode) return invalid("policy: proc: " + mode.error().operation);
  policy.proc = *mode;
  return {};
}

Result<void> read_accept_degraded(const json& value, SandboxPolicy& policy) {
  if (!value.is_boolean()) return wrong_type("accept_degraded", "true or false", value);
  policy.accept_degraded = value.get<bool>();
  return {};
}

Result<void> read_verdict_timeout(const json& value, SandboxPolicy& policy) {
  if (!value.is_number_integer()) return wrong_type("verdict_timeout_ms", "a whole number", value);
  // Json compares it as a signed number: one of 2^63 or more becomes negative, and so is never in the range.
  if (value < verdict_timeout_min.count() || value > verdict_timeout_max.count()) {
    return invalid("policy: verdict_timeout_ms must be between " +
                   std::to_string(verdict_timeout_min.count()) + " and " +
                   std::to_string(verdict_timeout_max.count()) + ", not " + value.dump());
  }
  policy.verdict_timeout = std::chrono::milliseconds(value.get<std::int64_t>());
  return {};
}

/// Stores a whole number from `minimum` to `maximum`. JSON without a sign is unsigned here, so that nothing
/// can wrap round into the range.
template <class Number>
Result<void> read_whole(std::string_view key, const json& value, std::uint64_t minimum, std::uint64_t maximum,
                        std::optional<Number>& out) {
  if (!value.is_number_integer()) return wrong_type(key, "a whole number", value);
  const auto number = value.is_number_unsigned() ? std::optional{value.get<std::uint64_t>()} : std::nullopt;
  if (!number || *number < minimum || *number > maximum) {
    return invalid("policy: " + std::string(key) + " must be between " + std::to_string(minimum) + " and " +
                   std::to_string(maximum) + ", not " + value.dump());
  }
  out = static_cast<Number>(*number);
  return {};
}

Result<void> read_memory_bytes(const json& value, StatedLimits& limits) {
  return read_whole("limits.memory_bytes", value, memory_bytes_min, memory_bytes_max, limits.memory_bytes);
}

Result<void> read_cpus(const json& value, StatedLimits& limits) {
  return read_whole("limits.cpus", value, 1, cpus_max, limits.cpus);
}

Result<void> read_processes(const json& value, StatedLimits& limits) {
  return read_whole("limits.processes", value, 1, processes_max, limits.processes);
}

Result<void> read_hostname(const json& value, StatedLimits& limits) {
  if (!value.is_string()) return wrong_type("limits.hostname", "a string", value);
  const auto& hostname = value.get_ref<const std::string&>();
  if (const auto valid = validate_hostname(hostname); !valid)
    return invalid("policy: limits.hostname: " + valid.error().operation);
  limits.hostname = hostname;
  return {};
}

/// Who reads which key of an object into a struct.
template <class Struct, std::size_t Count>
using Readers = std::array<std::pair<std::string_view, Result<void> (*)(const json&, Struct&)>, Count>;

/// "a, b and c"
template <class Struct, std::size_t Count>
std::string keys_of(const Readers<Struct, Count>& readers) {
  std::string words;
  for (std::size_t i = 0; i < Count; ++i) {
    if (i > 0) words += i + 1 < Count ? ", " : " and ";
    words += readers[i].first;
  }
  return words;
}

/// Has each member read by its reader; `where` goes before a key in a message: "limits.".
template <class Struct, std::size_t Count>
Result<void> read_members(const json& object, std::string_view where, const Readers<Struct, Count>& readers,
                          Struct& out) {
  for (const auto& [key, value] : object.items()) {
    const auto* const reader = std::ranges::find(readers, key, &Readers<Struct, Count>::value_type::first);
    if (reader == readers.end()) {
      return invalid("policy: unknown key " + in_quotes(std::string(where) + key) + "; known are " +
                     keys_of(readers));
    }
    if (auto done = reader->second(value, out); !done) return done;
  }
  return {};
}

constexpr Readers<StatedLimits, 4> limit_readers{{
    {"memory_bytes", read_memory_bytes},
    {"cpus", read_cpus},
    {"processes", read_processes},
    {"hostname", read_hostname},
}};

Result<void> read_limits(const json& value, SandboxPolicy& policy) {
  if (!value.is_object()) return wrong_type("limits", "an object", value);
  return read_members(value, "limits.", limit_readers, policy.limits);
}

constexpr Readers<SandboxPolicy, 6> policy_readers{{
    {"name", read_name},
    {"when_command_ends", read_when_command_ends},
    {"accept_degraded", read_accept_degraded},
    {"verdict_timeout_ms", read_verdict_timeout},
    {"proc", read_proc},
    {"limits", read_limits},
}};

json limits_json(const StatedLimits& limits) {
  json value = json::object();
  if (limits.memory_bytes) value["memory_bytes"] = *limits.memory_bytes;
  if (limits.cpus) value["cpus"] = *limits.cpus;
  if (limits.processes) value["processes"] = *limits.processes;
  if (!limits.hostname.empty()) value["hostname"] = limits.hostname;
  return value;
}

/// Parses an object; of a key that is there twice, json itself would silently keep the last.
Result<json> parse_object(std::string_view text) {
  std::vector<std::set<std::string>> seen;  // the keys so far, of each object that is still open
  std::string twice;
  const auto note_keys = [&](int /*depth*/, json::parse_event_t event, json& parsed) {
    if (event == json::parse_event_t::object_start) {
      seen.emplace_back();
    } else if (event == json::parse_event_t::object_end) {
      seen.pop_back();
    } else if (event == json::parse_event_t::key) {
      const auto& key = parsed.get_ref<const std::string&>();
      if (!seen.back().insert(key).second) twice = key;
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

std::string_view name_of(WhenCommandEnds ending) {
  return std::ranges::find(endings, ending, &decltype(endings)::value_type::first)->second;
}

std::string_view name_of(ProcMode mode) { return mode == ProcMode::strict ? "strict" : "private"; }

Result<ProcMode> proc_mode_of(std::string_view word) {
  for (const auto mode : {ProcMode::private_view, ProcMode::strict})
    if (word == name_of(mode)) return mode;
  return invalid(R"("private" or "strict" is expected, not )" + in_quotes(word));
}

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

Result<void> validate_hostname(std::string_view hostname) {
  constexpr std::string_view allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._";
  constexpr std::string_view not_at_ends = "-.";
  if (hostname.empty()) return invalid("a hostname must not be empty");
  if (hostname.size() > hostname_bytes_max) {
    return invalid("the hostname " + in_quotes(hostname) + " has " + std::to_string(hostname.size()) +
                   " bytes, at most " + std::to_string(hostname_bytes_max) + " are allowed");
  }
  if (const auto bad = hostname.find_first_not_of(allowed); bad != std::string_view::npos) {
    return invalid("the hostname " + in_quotes(hostname) + " must not contain " +
                   in_quotes(hostname.substr(bad, 1)) + ": only letters, digits, '-', '.' and '_'");
  }
  for (const char end : {hostname.front(), hostname.back()}) {
    if (not_at_ends.find(end) != std::string_view::npos)
      return invalid("the hostname " + in_quotes(hostname) + " must not begin or end with '-' or '.'");
  }
  return {};
}

std::string to_json(const SandboxPolicy& policy) {
  json value{{"name", policy.name},
             {"when_command_ends", name_of(policy.when_command_ends)},
             {"accept_degraded", policy.accept_degraded}};
  if (policy.verdict_timeout) value["verdict_timeout_ms"] = policy.verdict_timeout->count();
  if (policy.proc != ProcMode::private_view) value["proc"] = name_of(policy.proc);
  if (policy.limits != StatedLimits{}) value["limits"] = limits_json(policy.limits);
  return value.dump(-1, ' ', /*ensure_ascii=*/false, json::error_handler_t::replace);
}

Result<SandboxPolicy> sandbox_policy_from_json(std::string_view text) {
  const auto parsed = parse_object(text);
  if (!parsed) return parsed.error();
  SandboxPolicy policy;
  if (const auto done = read_members(*parsed, "", policy_readers, policy); !done) return done.error();
  return policy;
}

}  // namespace proctor::policy
