#pragma once

#include <string>
#include <vector>

namespace proctor::cli {

/// `proctor check [--json]`: what this kernel can do, each feature tried for real. Returns 1 when a feature
/// is missing without which there is no sandbox.
[[nodiscard]] int check(const std::vector<std::string>& arguments);

}  // namespace proctor::cli
