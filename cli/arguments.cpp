#include "cli/arguments.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <string_view>

#include "launch/session_end.hpp"

namespace proctor::cli {
namespace {

/// Whether `argument` is one of the names "-m,--memory".
bool is_named(std::string_view names, std::string_view argument) {
  for (;;) {
    const auto comma = names.find(',');
    if (names.substr(0, comma) == argument) return true;
    if (comma == std::string_view::npos) return false;
    names.remove_prefix(comma + 1);
  }
}

std::string refuse_empty(const std::string& text) { return text.empty() ? "the value is empty" : ""; }

}  // namespace

std::optional<int> parse(const CommandLine& line, const std::vector<std::string>& arguments) {
  CLI::App app(line.purpose, line.name);
  app.footer(line.footer);
  for (const auto& flag : line.flags) app.add_flag(flag.name, *flag.out, flag.help);
  for (const auto& value : line.values) {
    auto* option = app.add_option(value.name, *value.out, value.help)->type_name(value.type);
    if (!value.name.starts_with('-')) option->required();
    if (value.empty == Empty::mistake) option->check(refuse_empty);
  }
  std::vector<std::string> command;  // for the help; its words are never given to CLI11
  if (line.takes_command) app.add_option("CMD", command, "What to run, with its arguments")->type_name("");

  std::vector<std::string> last_first(arguments.rbegin(), arguments.rend());  // CLI11 takes them from the end
  try {
    app.parse(std::move(last_first));
  } catch (const CLI::CallForHelp&) {
    fmt::print("{}", app.help());
    return 0;
  } catch (const CLI::ParseError& error) {
    fmt::print(stderr, "{}: {}\nTry '{} --help'.\n", line.name, error.what(), line.name);
    return launch::exit_proctor_failed;
  }
  return std::nullopt;
}

std::size_t count_own_options(const CommandLine& line, const std::vector<std::string>& arguments) {
  // "--memory" and "-m" do; "--memory=1G" and "-m1G" are one argument, and none of the names.
  const auto takes_next = [&](const std::string& argument) {
    return std::ranges::any_of(line.values,
                               [&](const Value& value) { return is_named(value.name, argument); });
  };
  std::size_t count = 0;
  while (count < arguments.size()) {
    const auto& argument = arguments[count];
    if (argument == "--" || argument == "-" || !argument.starts_with('-')) break;
    count += takes_next(argument) ? 2U : 1U;
  }
  return std::min(count, arguments.size());
}

}  // namespace proctor::cli
