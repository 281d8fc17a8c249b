#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace proctor::cli {

struct Flag {
  std::string name;  ///< "--json"
  bool* out = nullptr;
  std::string help;
};

/// What an option means whose value is "".
enum class Empty : std::uint8_t {
  left_out,  ///< the same as if it were not there
  mistake,   ///< a usage error: an unset variable of a script must not become "not limited"
};

struct Value {
  /// "--socket", or "-m,--memory" with a short name; without dashes: a required argument that is no option.
  std::string name;
  std::string* out = nullptr;
  std::string type;  ///< what the help calls it: "PATH"
  std::string help;
  Empty empty = Empty::left_out;
};

/// What one subcommand takes. CLI11 stays behind this: it takes long to compile, so one file does.
struct CommandLine {
  std::string name;  ///< "proctor ps"
  std::string purpose;
  std::vector<Flag> flags;
  std::vector<Value> values;
  /// Takes a command of the user's after the options; parse() is given the options only.
  bool takes_command = false;
  std::string footer;  ///< the end of the help
};

/// Parses `arguments`. Something to return: the exit status after --help (0) or after a usage error (125),
/// which has been said on standard error.
[[nodiscard]] std::optional<int> parse(const CommandLine& line, const std::vector<std::string>& arguments);

/// How many of `arguments` are `line`'s own options and their values: the rest begins with "--" or with
/// the first argument that is no option. CLI11 cannot tell by itself: it goes on looking for options,
/// and for the names of subcommands, among the arguments of CMD.
[[nodiscard]] std::size_t count_own_options(const CommandLine& line,
                                            const std::vector<std::string>& arguments);

}  // namespace proctor::cli
