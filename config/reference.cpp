#include "config/reference.hpp"

#include <fmt/format.h>

#include <string_view>

#include "config/options.hpp"
#include "policy/socket_path.hpp"

namespace proctor::config {

namespace {

constexpr std::size_t comment_columns = 96;

/// `words` as comment lines of at most comment_columns.
std::string comment(std::string_view words) {
  std::string lines;
  std::string line = ";";
  while (!words.empty()) {
    const std::size_t end = std::min(words.find(' '), words.size());
    if (line.size() > 1 && line.size() + 1 + end > comment_columns) {
      lines += line + '\n';
      line = ";";
    }
    line += fmt::format(" {}", words.substr(0, end));
    words.remove_prefix(std::min(end + 1, words.size()));
  }
  return lines + line + '\n';
}

/// What the example shows: the default, and for the socket root's.
std::string example_value(const Option& option) {
  if (option.section == "proctord" && option.key == "socket") {
    return fmt::format("\"{}\"", policy::default_socket_path(0, nullptr).value_or(""));
  }
  return render(DaemonConfig{}, option);
}

std::string capitalised(std::string words) {
  if (!words.empty() && words.front() >= 'a' && words.front() <= 'z') {
    words.front() = static_cast<char>(words.front() - 'a' + 'A');
  }
  return words;
}

constexpr std::string_view example_head =
    R"(; The configuration of proctord. A line that begins with ; is a comment. Each setting stands here
; with its default: take the ; in front of it away to change it.
;
; A file with a mistake is refused as a whole, each mistake with its line: proctord does not start,
; or on SIGHUP goes on as it was. SIGHUP changes the settings marked so; the others need a restart.
; A setting on the command line (--sandbox.verdict-timeout=10s) counts more than one in this file.
)";

constexpr std::string_view manual_head = R"(# The configuration of proctord

proctord takes its settings from built-in defaults, then from its configuration file, then from its command line; the
later counts more. [config/proctord.conf](../config/proctord.conf) has every setting with its default.

## The file

    ; the only kind of comment
    [sandbox]
    verdict-timeout = 10s

- Each setting stands below its `[section]`, each on a line of its own.
- Whole numbers are plain decimal digits: no sign, no leading zero, no `0x`, no `64MiB`.
- Durations are digits and a unit without a blank between: `ns us ms s min h`. `10m` is refused, `10min` is meant.
- Strings stand in double quotes, with `\\ \" \n \r \t` as escapes; words to choose from stand in single quotes.
- The file is UTF-8 with lines that end in `\n`, at most 1 MiB, a regular file, and not empty.

The form is that of CAF's configuration files, read by CAF's grammar. CAF itself forgives a file much: an unknown or
repeated key, a wrong type, an unclosed list, a number out of range all pass, and the default stays in force without a
word. proctord refuses all of these, each with its line:

    proctord.conf:12: sandbox.verdict-timeout: `10m` is not a duration: m is no unit, write 10min; expected a duration from 100ms to 5min (units: ns us ms s min h)

With one mistake or many nothing of the file is used. A syntax error hides only what follows it on its line (behind a
broken header, list or map: what follows up to the next section).

## The command line

Each setting is an option of `proctord`, named `--section.key`; those with a second name below also take that. There are
no quotes beyond the shell's: `--introspection.level=all`. Each may be given once.

## Reloading

SIGHUP makes proctord read the file again. Settings marked *reloadable* are in force from then on; for the others it
says on standard error that a restart is needed. A file with a mistake changes nothing.

## The settings
)";

std::string manual_entry(const Option& option) {
  std::string text = fmt::format("\n#### `{}`\n\n{}\n\n", option.key, option.help);
  text += fmt::format("- {}\n", capitalised(expected_value(option, Form::file)));
  text += fmt::format("- Default: {}\n", option.default_words.empty()
                                             ? fmt::format("`{}`", render(DaemonConfig{}, option))
                                             : std::string(option.default_words));
  text += fmt::format("- Command line: `--{}`", option.name());
  if (!option.alias.empty()) text += fmt::format(", `--{}`", option.alias);
  return text + fmt::format("\n- {}\n", option.reloadable ? "Reloadable" : "Needs a restart");
}

}  // namespace

std::string example_file() {
  std::string text(example_head);
  for (const std::string_view section : sections()) {
    text += fmt::format("\n{}[{}]\n", comment(section_help(section)), section);
    for (const Option& option : options()) {
      if (option.section != section) continue;
      text += '\n' + comment(option.help);
      text += comment(fmt::format("{}.{}", capitalised(expected_value(option, Form::file)),
                                  option.reloadable ? " SIGHUP changes it." : ""));
      if (!option.default_words.empty()) text += comment(fmt::format("Default: {}.", option.default_words));
      text += fmt::format(";{} = {}\n", option.key, example_value(option));
    }
  }
  return text;
}

std::string manual() {
  std::string text(manual_head);
  for (const std::string_view section : sections()) {
    text += fmt::format("\n### `[{}]`\n\n{}\n", section, section_help(section));
    for (const Option& option : options()) {
      if (option.section == section) text += manual_entry(option);
    }
  }
  return text;
}

}  // namespace proctor::config
