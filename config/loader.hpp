#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "config/options.hpp"

namespace proctor::config {

/// One reason why the daemon does not start with this configuration.
struct ConfigIssue {
  std::string file;      ///< the path as given, or "command line"
  int line = 0;          ///< from 1; 0: the whole file, or the command line
  std::string what;      ///< "sandbox.verdict-timeout: `10m` is not a duration: m is no unit, write 10min"
  std::string expected;  ///< "a duration from 100ms to 5min"; may be empty

  /// "FILE:LINE: WHAT; expected EXPECTED", on one line.
  [[nodiscard]] std::string message() const;

  bool operator==(const ConfigIssue&) const = default;
};

/// One option of the command line, as typed: {"sandbox.verdict-timeout", "10s"}. No quotes.
struct Override {
  std::string name;
  std::string text;
};

/// A configuration that is right in every point, or everything that is wrong with it (by line, the command
/// line last; a syntax error hides what stands behind it on its line, and 100 of them end the reading).
using Loaded = std::variant<DaemonConfig, std::vector<ConfigIssue>>;

/// A file larger than this is no configuration.
inline constexpr std::size_t file_bytes_max = 1U << 20U;

/// Defaults, then the file (if one is named), then the command line. Never partly: with any issue there is no
/// configuration. Blocks on the file system; only regular files are read, so that a fifo cannot hold it up.
/// Also what SIGHUP calls.
[[nodiscard]] Loaded load(const std::optional<std::string>& path,
                          std::span<const Override> command_line = {});

/// The same for a text already read; `file` only names it in the issues.
[[nodiscard]] Loaded load_text(std::string_view text, const std::string& file,
                               std::span<const Override> command_line = {});

/// What SIGHUP changes: `config` is `running` with the reloadable options of `loaded`.
struct Reload {
  DaemonConfig config;
  std::vector<std::string> changed;        ///< "sandbox.verdict-timeout": in force from now
  std::vector<std::string> needs_restart;  ///< differ in `loaded`, but only a restart changes them
};
[[nodiscard]] Reload reload(const DaemonConfig& running, const DaemonConfig& loaded);

}  // namespace proctor::config
