#pragma once

#include <string>
#include <vector>

namespace proctor::cli {

/// `proctor run [OPTIONS] [--] CMD [ARG...]`: runs CMD in a sandbox. `arguments` are those after "run".
/// Returns the exit status: CMD's, or 125 for what is proctor's own failure.
[[nodiscard]] int run(const std::vector<std::string>& arguments);

}  // namespace proctor::cli
