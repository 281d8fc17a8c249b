#pragma once

#include <string>
#include <vector>

namespace proctor::cli {

/// `proctor ps [--json] [--socket PATH]`: the sandboxes of a daemon and their processes. Returns 1 without a
/// daemon.
[[nodiscard]] int ps(const std::vector<std::string>& arguments);

}  // namespace proctor::cli
