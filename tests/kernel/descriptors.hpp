#pragma once

#include <fcntl.h>

#include <cerrno>
#include <cstddef>
#include <filesystem>
#include <iterator>
#include <string>

#include "kernel/unique_fd.hpp"

namespace proctor::tests {

/// How many descriptors this process has open.
inline std::size_t open_descriptors() {
  const std::filesystem::directory_iterator all("/proc/self/fd");
  return static_cast<std::size_t>(std::distance(begin(all), end(all)));
}

/// The errno of an open, 0 if it worked.
inline int open_errno(const std::string& path, int flags = O_RDONLY, int directory = AT_FDCWD) {
  const kernel::UniqueFd fd(::openat(directory, path.c_str(), flags | O_CLOEXEC, 0600));
  return fd ? 0 : errno;
}

}  // namespace proctor::tests
