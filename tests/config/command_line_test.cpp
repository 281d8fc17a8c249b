#include "config/command_line.hpp"

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "support/catch.hpp"

namespace proctor::config {

namespace {

/// What the declared options made of a command line.
std::vector<Override> given(std::vector<std::string> arguments) {
  CLI::App app;
  CommandLine line;
  line.add_to(app);
  std::reverse(arguments.begin(), arguments.end());  // CLI11 takes them from the back
  app.parse(arguments);
  return line.overrides();
}

std::string shown(const std::vector<Override>& overrides) {
  std::string text;
  for (const Override& each : overrides) text += each.name + "=<" + each.text + "> ";
  return text;
}

}  // namespace

TEST_CASE("command line: long names, aliases, flags") {
  CHECK(shown(given({})).empty());
  CHECK(shown(given({"--sandbox.verdict-timeout=10m", "--socket", "/a b"})) ==
        "proctord.socket=</a b> sandbox.verdict-timeout=<10m> ");
  CHECK(shown(given({"--accept-degraded"})) == "sandbox.accept-degraded=<true> ");
  CHECK(shown(given({"--sandbox.accept-degraded=false"})) == "sandbox.accept-degraded=<false> ");
}

TEST_CASE("command line: text reaches the judge as typed") {
  CHECK(shown(given({"--introspection.level=[all,off]"})) == "introspection.level=<[all,off]> ");
  CHECK(shown(given({"--introspection.file", ""})) == "introspection.file=<> ");
  CHECK(shown(given({"--sandboxes-max=-1"})) == "proctord.sandboxes-max=<-1> ");
  CHECK(shown(given({"--sandboxes-max", "-1"})) == "proctord.sandboxes-max=<-1> ");
}

TEST_CASE("command line: an option given twice is told, by either name") {
  CHECK(shown(given({"--socket=/a", "--proctord.socket=/b"})) ==
        "proctord.socket=</a> proctord.socket=</b> ");
  CHECK(shown(given({"--accept-degraded", "--accept-degraded"})) ==
        "sandbox.accept-degraded=<true> sandbox.accept-degraded=<true> ");
}

TEST_CASE("command line: an unknown option or a missing value is refused") {
  CHECK_THROWS_AS(given({"--sandbox.programs=x"}), CLI::ParseError);
  CHECK_THROWS_AS(given({"--socket"}), CLI::ParseError);
}

TEST_CASE("command line: the help text has every option, what it takes and its default") {
  CLI::App app;
  CommandLine line;
  line.add_to(app);
  const std::string help = app.help();
  for (const Option& option : options()) {
    INFO(option.name());
    CHECK(help.find("--" + option.name()) != std::string::npos);
    CHECK(help.find(option.help) != std::string::npos);
    CHECK(help.find(expected_value(option, Form::command_line)) != std::string::npos);
    CHECK(help.find("default " + render_default(option)) != std::string::npos);
    CHECK(help.find("[" + std::string(option.section) + "]") != std::string::npos);
  }
}

}  // namespace proctor::config
