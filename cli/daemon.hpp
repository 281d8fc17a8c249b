#pragma once

#include <optional>
#include <string>
#include <vector>

#include "config/loader.hpp"

namespace proctor::cli {

/// Runs the daemon until SIGTERM or SIGINT: sandboxes end in order, then it. SIGHUP reloads `file` with the
/// same `overrides`. Returns the exit status.
[[nodiscard]] int run_daemon(const config::DaemonConfig& config, const std::optional<std::string>& file,
                             const std::vector<config::Override>& overrides);

}  // namespace proctor::cli
