#pragma once

#include <sys/types.h>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace proctor::policy {

/// Whether a text names a file from the root: at most `bytes_max` bytes, no slash at its end, no control
/// character, which is a broken file or an attack on whoever reads the log.
[[nodiscard]] bool is_absolute_path(std::string_view text, std::size_t bytes_max);

/// Whether a daemon can listen there: unix(7).
[[nodiscard]] bool is_socket_path(std::string_view text);

/// Where the daemon of a user listens, and is looked for: /run/proctor/proctord.sock for root, else
/// proctor/proctord.sock below XDG_RUNTIME_DIR; nothing when that is not an absolute path or too long.
[[nodiscard]] std::optional<std::string> default_socket_path(uid_t user, const char* xdg_runtime_dir);

}  // namespace proctor::policy
