#pragma once

#include <cstdint>

#include "procfs/view.hpp"

namespace proctor::procfs::generators {

/// How many TCP connections of the sandbox stand, of both versions of IP.
[[nodiscard]] std::uint64_t count_connections(const View& view);

}  // namespace proctor::procfs::generators
