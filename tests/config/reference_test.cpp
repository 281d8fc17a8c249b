#include "config/reference.hpp"

#include <fstream>
#include <sstream>
#include <string>

#include "config/load_helpers.hpp"
#include "support/generated_page.hpp"

namespace proctor::config {

namespace {

/// The example with every setting in force.
std::string uncommented(std::istream&& lines) {
  std::string text;
  std::string line;
  while (std::getline(lines, line)) {
    const bool setting = line.size() > 1 && line[0] == ';' && line[1] != ' ';
    text += (setting ? line.substr(1) : line) + '\n';
  }
  return text;
}

}  // namespace

TEST_CASE("proctord.conf: is what the table of options says") {
  tests::check_generated("config/proctord.conf", example_file());
}

TEST_CASE("configuration.md: is what the table of options says") {
  tests::check_generated("docs/configuration.md", manual());
}

TEST_CASE("proctord.conf: is accepted as it is, and changes nothing") {
  DaemonConfig defaults;
  defaults.proctord.socket = "/run/t.sock";
  const Loaded loaded =
      load_text(example_file(), "f", std::vector<Override>{{"proctord.socket", "/run/t.sock"}});
  REQUIRE(std::holds_alternative<DaemonConfig>(loaded));
  CHECK(std::get<0>(loaded) == defaults);
}

TEST_CASE("proctord.conf: with every setting uncommented it says the defaults, all of them") {
  const std::string text = uncommented(std::istringstream(example_file()));
  DaemonConfig defaults;
  defaults.proctord.socket = "/run/proctor/proctord.sock";
  CHECK(testing::accepted(text) == defaults);
  for (const Option& option : options()) {
    INFO(option.name());
    CHECK(text.find("\n" + std::string(option.key) + " = ") != std::string::npos);
  }
}

TEST_CASE("configuration.md: names every option, and shows a message as it is printed") {
  const std::string text = manual();
  for (const Option& option : options()) CHECK(text.find("`--" + option.name() + "`") != std::string::npos);
  const Loaded loaded =
      load_text(std::string(11, '\n') + "[sandbox]verdict-timeout = 10m\n", "proctord.conf");
  REQUIRE(std::holds_alternative<std::vector<ConfigIssue>>(loaded));
  CHECK(text.find("    " + std::get<1>(loaded).back().message() + "\n") != std::string::npos);
}

}  // namespace proctor::config
