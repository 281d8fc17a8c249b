#pragma once

#include <cstddef>
#include <string>

#include "kernel/result.hpp"
#include "kernel/unique_fd.hpp"

namespace proctor::kernel {

/// What a descriptor gives from where it stands to the end of the file: for files of /proc and /sys, which
/// have no length. EFBIG: it is more than `bytes_max`.
[[nodiscard]] Result<std::string> read_all(const UniqueFd& fd, std::size_t bytes_max);

/// The same of the file at `path`.
[[nodiscard]] Result<std::string> read_all(const std::string& path, std::size_t bytes_max);

}  // namespace proctor::kernel
