#pragma once

#include <string>

namespace proctor::cli {

/// The supervisor of one `proctor run` session: this process forked the target before it became proctord.
/// `json` is a launch::EmbeddedSession. Returns the exit status.
[[nodiscard]] int run_embedded(const std::string& json);

}  // namespace proctor::cli
