#pragma once

#include <sys/un.h>

#include <filesystem>

#include "kernel/result.hpp"

namespace proctor::kernel::detail {

/// The address of a socket in the file system: unix(7). ENAMETOOLONG: over 107 bytes. EINVAL: empty, or
/// with a NUL inside (it would name an abstract or another socket).
[[nodiscard]] Result<sockaddr_un> unix_address(const std::filesystem::path& path);

}  // namespace proctor::kernel::detail
