#pragma once

#include <string>
#include <utility>
#include <vector>

#include "config/loader.hpp"

namespace CLI {  // NOLINT(readability-identifier-naming): not ours
class App;
class Option;
}  // namespace CLI

namespace proctor::config {

/// The declared options as long options of a CLI11 program: `--sandbox.verdict-timeout=10s`, for some also
/// `--verdict-timeout`; true-or-false ones also without a value. CLI11 only collects the text: load() judges
/// it, by the same rules and in the same words as a file's.
class CommandLine {
 public:
  /// Adds every option to `app`, which must outlive this object's use. Its help text comes from the table.
  void add_to(CLI::App& app);

  /// After app.parse(): what was given, in the table's order; an option given twice appears twice.
  [[nodiscard]] std::vector<Override> overrides() const;

 private:
  std::vector<std::pair<const Option*, CLI::Option*>> added_;
};

}  // namespace proctor::config
