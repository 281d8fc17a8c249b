#pragma once

#include <string>

namespace proctor::config {

/// The text of config/proctord.conf: every option with its help, commented out at its default. Uncommenting a
/// setting (a line that begins with ; and no blank) changes nothing but that later defaults no longer reach
/// it.
[[nodiscard]] std::string example_file();

/// The text of docs/configuration.md.
[[nodiscard]] std::string manual();

}  // namespace proctor::config
