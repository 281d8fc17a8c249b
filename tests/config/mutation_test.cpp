#include <chrono>
#include <map>
#include <random>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "config/load_helpers.hpp"

// Thousands of damaged configurations. None may crash the reader, and one that is accepted must mean what a
// second, naive reader says that its lines mean: no key may fall back to its default without a word.

namespace proctor::config {

namespace {

const std::string good_file = R"(; a configuration
[proctord]
socket = "/run/a;b \"c\" \\d.sock" ; with everything in it
sandboxes-max = 77

[sandbox]
verdict-timeout = 1500ms
processes-max = 4711
	pending-max = 99
accept-degraded = true
[introspection]
file = "none"
level = 'all'
sample-interval=10min
rotate-bytes = 123456
rotate-files = 3
[ scheduler ]
policy = 'sharing'
max-threads = 2
)";

using Settings = std::map<std::string, std::string>;

std::string stripped(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t");
  return first == std::string_view::npos
             ? ""
             : std::string(text.substr(first, text.find_last_not_of(" \t") - first + 1));
}

std::string without_comment(const std::string& line) {
  bool quoted = false;
  for (std::size_t i = 0; i < line.size(); ++i) {
    if (quoted && line[i] == '\\') {
      ++i;
    } else if (line[i] == '"') {
      quoted = !quoted;
    } else if (line[i] == ';' && !quoted) {
      return line.substr(0, i);
    }
  }
  return line;
}

/// A value in one spelling: durations in ms, strings without escapes.
std::string normal(const std::string& value) {
  static const std::map<std::string, std::uint64_t> in_ms{
      {"ms", 1}, {"s", 1000}, {"min", 60'000}, {"h", 3'600'000}};
  const std::size_t end = std::min(value.find_first_not_of("0123456789"), value.size());
  if (end > 0 && end < value.size()) {
    const std::string unit = value.substr(end);
    const auto number = std::stoull(value.substr(0, end));
    if (unit == "ns") return std::to_string(number / 1'000'000) + " ms";
    if (unit == "us") return std::to_string(number / 1'000) + " ms";
    return std::to_string(number * in_ms.at(unit)) + " ms";
  }
  std::string text;
  for (std::size_t i = 0; i < value.size(); ++i) {
    if (value[i] == '\\' && i + 1 < value.size()) {
      ++i;
      text += value[i] == 'n' ? '\n' : value[i] == 't' ? '\t' : value[i] == 'r' ? '\r' : value[i];
    } else {
      text += value[i];
    }
  }
  return text;
}

/// What a reader that knows nothing of CAF takes a file for.
Settings naive_reading(const std::string& text) {
  Settings settings;
  std::istringstream lines(text);
  std::string line;
  std::string section;
  while (std::getline(lines, line)) {
    const std::string content = stripped(without_comment(line));
    if (content.empty()) continue;
    if (content.front() == '[') {
      section = stripped(std::string_view(content).substr(1, content.size() - 2));
    } else {
      const std::size_t equals = content.find('=');
      if (equals == std::string::npos) return {{"line without =", content}};
      settings[section + "." + stripped(std::string_view(content).substr(0, equals))] =
          normal(stripped(std::string_view(content).substr(equals + 1)));
    }
  }
  return settings;
}

/// What the configuration says, in the same spelling; defaults for what the file leaves out.
void check_means_the_same(const DaemonConfig& config, const std::string& text) {
  Settings left = naive_reading(text);
  for (const Option& option : options()) {
    const auto found = left.find(option.name());
    const bool is_default_socket = found == left.end() && option.name() == "proctord.socket";
    const std::string expected = found != left.end() ? found->second : normal(render(DaemonConfig{}, option));
    INFO(option.name());
    if (!is_default_socket) CHECK(normal(render(config, option)) == expected);
    if (found != left.end()) left.erase(found);
  }
  CHECK(left.empty());
}

/// One damage to `text`.
std::string damaged(std::string text, std::mt19937& random) {
  static const std::vector<std::string> tokens{"[",
                                               "]",
                                               "{",
                                               "}",
                                               "=",
                                               ";",
                                               "\"",
                                               "'",
                                               "\\",
                                               ",",
                                               "<",
                                               ">",
                                               "\n",
                                               " ",
                                               "\t",
                                               "-",
                                               "+",
                                               ".",
                                               "0",
                                               "9",
                                               "x",
                                               "e",
                                               "s",
                                               "ms",
                                               "min",
                                               "h",
                                               "ns",
                                               "true",
                                               "false",
                                               "99999999999",
                                               "[sandbox]",
                                               "[a.b]",
                                               "global",
                                               "0x",
                                               "\r",
                                               "#",
                                               std::string(1, '\0'),
                                               "\xFF",
                                               "\xC3\xA4",
                                               "socket = \"/x\"\n",
                                               "level = 'off'\n",
                                               "{a = [1, 2]}",
                                               "<u:v>",
                                               "1e9"};
  const auto below = [&](std::size_t limit) {
    return std::uniform_int_distribution<std::size_t>(0, limit - 1)(random);
  };
  if (text.empty()) return tokens[below(tokens.size())];
  const std::size_t at = below(text.size());
  const std::size_t length = std::min(1 + below(1 + below(30)), text.size() - at);
  switch (below(7)) {
    case 0:
      text.insert(at, tokens[below(tokens.size())]);
      break;
    case 1:
      text.replace(at, 1, tokens[below(tokens.size())]);
      break;
    case 2:
      text.erase(at, length);
      break;
    case 3:
      text.insert(below(text.size()), text.substr(at, length));
      break;
    case 4:
      text.resize(at);
      break;
    case 5:
      text[at] = static_cast<char>(below(256));
      break;
    default:
      std::swap(text[at], text[below(text.size())]);
      break;
  }
  return text;
}

}  // namespace

TEST_CASE("mutations: the undamaged file means what the naive reader says") {
  check_means_the_same(testing::accepted(good_file), good_file);
}

TEST_CASE("mutations: a damaged file is refused with a line, or means what it says") {
  std::mt19937 random(20240607);  // NOLINT(cert-msc51-cpp): the same files in each run
  std::size_t accepted = 0;
  std::size_t refused = 0;
  for (int round = 0; round < 20'000; ++round) {
    std::string text = good_file;
    for (int damage = 0; damage < 1 + round % 5 / 2; ++damage) text = damaged(std::move(text), random);
    INFO(text);
    const Loaded loaded = load_text(text, "f");
    if (const auto* config = std::get_if<DaemonConfig>(&loaded)) {
      ++accepted;
      check_means_the_same(*config, text);
      continue;
    }
    ++refused;
    for (const ConfigIssue& issue : std::get<1>(loaded)) {
      const auto lines = 1 + std::count(text.begin(), text.end(), '\n');
      if (issue.line < 0 || issue.line > lines || issue.what.empty())
        FAIL("a bad issue: " << issue.message());
    }
  }
  INFO(accepted << " accepted, " << refused << " refused");
  CHECK(accepted > 1000);
  CHECK(refused > 5000);
}

}  // namespace proctor::config
