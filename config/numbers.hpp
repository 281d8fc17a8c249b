#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace proctor::config {

/// Exactly digits without a leading zero, without overflow.
[[nodiscard]] std::optional<std::uint64_t> parse_integer(std::string_view text);

/// Bytes, as an integer with nothing or a unit behind it: B; K, M, G, T (also k, m, g, t, Ki, KiB), which are
/// powers of 1024; kB, KB, MB, GB, TB, which are powers of 1000. No blanks, no fraction, no overflow.
[[nodiscard]] std::optional<std::uint64_t> parse_byte_size(std::string_view text);

}  // namespace proctor::config
