#pragma once

#include <string>
#include <vector>

namespace proctor::cli {

/// `proctor inspect NAME [--json] [--socket PATH]`: all that a daemon knows of one sandbox. Returns 1 without
/// a daemon or such a sandbox.
[[nodiscard]] int inspect(const std::vector<std::string>& arguments);

}  // namespace proctor::cli
