#include "config/command_line.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>

namespace proctor::config {

namespace {

const char* type_name(const Option& option) {
  if (std::holds_alternative<IntegerField>(option.field)) return "NUMBER";
  if (std::holds_alternative<DurationField>(option.field)) return "DURATION";
  if (std::holds_alternative<TextField>(option.field)) return "PATH";
  return "WORD";
}

std::string description(const Option& option) {
  return fmt::format("{} Expects {}; default {}.", option.help, expected_value(option, Form::command_line),
                     render_default(option));
}

}  // namespace

void CommandLine::add_to(CLI::App& app) {
  for (const Option& option : options()) {
    std::string names = fmt::format("--{}", option.name());
    if (!option.alias.empty()) names += fmt::format(",--{}", option.alias);
    CLI::Option* added = nullptr;
    if (std::holds_alternative<BooleanField>(option.field)) {
      added = app.add_flag(names);
    } else {
      added = app.add_option(names)->type_name(type_name(option))->expected(1);
    }
    added->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    added->description(description(option));
    added->group(fmt::format("[{}]", option.section));
    added_.emplace_back(&option, added);
  }
}

std::vector<Override> CommandLine::overrides() const {
  std::vector<Override> given;
  for (const auto& [option, added] : added_) {
    for (const std::string& text : added->results()) given.push_back({option->name(), text});
  }
  return given;
}

}  // namespace proctor::config
