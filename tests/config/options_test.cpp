#include "config/options.hpp"

#include <string>
#include <vector>

#include "config/text.hpp"
#include "support/catch.hpp"

namespace proctor::config {

using namespace std::chrono_literals;

TEST_CASE("options: every default is a value its own rule accepts") {
  for (const Option& option : options()) {
    INFO(option.name());
    if (!option.default_words.empty() && option.key == "socket") continue;  // depends on the user
    DaemonConfig config;
    std::string text = render(config, option);
    if (text.front() == '"' || text.front() == '\'') text = text.substr(1, text.size() - 2);
    CHECK_FALSE(assign(config, option, text, Form::file).has_value());
    CHECK(config == DaemonConfig{});
  }
}

TEST_CASE("options: each one reaches a field of its own") {
  const std::vector<std::pair<std::string, std::string>> other_values{{"proctord.socket", "/a"},
                                                                      {"proctord.sandboxes-max", "7"},
                                                                      {"sandbox.verdict-timeout", "7s"},
                                                                      {"sandbox.processes-max", "7"},
                                                                      {"sandbox.pending-max", "7"},
                                                                      {"sandbox.accept-degraded", "true"},
                                                                      {"introspection.file", "none"},
                                                                      {"introspection.level", "all"},
                                                                      {"introspection.sample-interval", "7s"},
                                                                      {"introspection.rotate-bytes", "70000"},
                                                                      {"introspection.rotate-files", "7"},
                                                                      {"scheduler.max-threads", "7"}};
  CHECK(other_values.size() + 1 == options().size());  // scheduler.policy has one value only
  for (const auto& [name, text] : other_values) {
    INFO(name);
    const std::size_t dot = name.find('.');
    const Option* option = find_option(name.substr(0, dot), name.substr(dot + 1));
    REQUIRE(option != nullptr);
    DaemonConfig config;
    REQUIRE_FALSE(assign(config, *option, text, Form::command_line).has_value());
    for (const Option& any : options()) {
      INFO(any.name());
      CHECK((render(config, any) != render(DaemonConfig{}, any)) == (any.name() == name));
    }
  }
}

TEST_CASE("options: a complaint leaves the configuration as it was") {
  for (const Option& option : options()) {
    INFO(option.name());
    DaemonConfig config;
    const auto complaint = assign(config, option, "\x01 no value of anything", Form::file);
    REQUIRE(complaint.has_value());
    CHECK_FALSE(complaint->what.empty());
    CHECK_FALSE(complaint->expected.empty());
    CHECK(complaint->what.find('\x01') == std::string::npos);
    CHECK(config == DaemonConfig{});
  }
}

TEST_CASE("options: names and aliases are unique, each has a help text") {
  std::vector<std::string> names;
  for (const Option& option : options()) {
    names.push_back(option.name());
    if (!option.alias.empty()) names.emplace_back(option.alias);
    CHECK_FALSE(option.help.empty());
    CHECK(find_option(option.section, option.key) == &option);
  }
  std::sort(names.begin(), names.end());
  CHECK(std::adjacent_find(names.begin(), names.end()) == names.end());
  CHECK(find_option("sandbox", "programs") == nullptr);
}

TEST_CASE("durations: digits and a unit, nothing else") {
  CHECK(parse_duration("1ns") == 1ns);
  CHECK(parse_duration("2us") == 2us);
  CHECK(parse_duration("3ms") == 3ms);
  CHECK(parse_duration("4s") == 4s);
  CHECK(parse_duration("5min") == 5min);
  CHECK(parse_duration("6h") == 6h);
  CHECK(parse_duration("0s") == 0s);
  for (const char* text :
       {"", "5", "s", "5 s", " 5s", "5s ", "-5s", "+5s", "05s", "0x5s", "5m", "5S", "5.5s", "5sec"}) {
    INFO(text);
    CHECK_FALSE(parse_duration(text).has_value());
  }
}

TEST_CASE("durations: one that overflows is refused, it does not wrap round") {
  CHECK(parse_duration("9223372036s") == 9223372036s);
  CHECK_FALSE(parse_duration("9223372037s").has_value());
  CHECK(parse_duration("2562047h") == 2562047h);
  CHECK_FALSE(parse_duration("2562048h").has_value());
  CHECK_FALSE(parse_duration("18446744073709551616ns").has_value());
}

TEST_CASE("socket: a path longer than a socket's address is refused") {
  const Option& socket = *find_option("proctord", "socket");
  DaemonConfig config;
  CHECK_FALSE(assign(config, socket, "/" + std::string(106, 'x'), Form::file).has_value());
  CHECK(assign(config, socket, "/" + std::string(107, 'x'), Form::file).has_value());
  for (const char* text : {"", "/", "relative", "/dir/", "/new\nline", "/bell\a", "/del\x7f"}) {
    CHECK(assign(config, socket, text, Form::file).has_value());
  }
}

TEST_CASE("closest: a slip finds its word, another word finds nothing") {
  const std::vector<std::string_view> words{"sandboxes-max", "socket", "file"};
  CHECK(closest("sandbox-max", words) == "sandboxes-max");
  CHECK(closest("Sandboxes_Max", words) == "sandboxes-max");
  CHECK(closest("scoket", words) == "socket");
  CHECK(closest("fiel", words) == "file");
  CHECK(closest("programs", words).empty());
  CHECK(closest(std::string(100'000, 's'), words).empty());
}

TEST_CASE("excerpt: one line, bounded, whole characters") {
  CHECK(excerpt("a\tb\x1b[2J\n") == "`a?b?[2J?`");
  CHECK(excerpt(std::string(60, 'x')) == "`" + std::string(60, 'x') + "`");
  CHECK(excerpt(std::string(59, 'x') + "\xC3\xA4") == "`" + std::string(59, 'x') + "...`");
}

}  // namespace proctor::config
