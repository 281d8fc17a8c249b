#include "config/numbers.hpp"

#include <algorithm>
#include <cstddef>
#include <limits>

namespace proctor::config {

namespace {

/// What one of a unit is in bytes, as base^power.
struct Unit {
  std::uint64_t base = 1024;
  std::size_t power = 0;
};

std::optional<Unit> parse_unit(std::string_view text) {
  if (text.empty() || text == "B") return Unit{};
  constexpr std::string_view capitals = "KMGT";
  constexpr std::string_view smalls = "kmgt";
  const std::size_t power = std::min(capitals.find(text.front()), smalls.find(text.front()));
  if (power == std::string_view::npos) return std::nullopt;
  const std::string_view tail = text.substr(1);
  if (tail.empty() || tail == "i" || tail == "iB") return Unit{1024, power + 1};
  if (tail == "B") return Unit{1000, power + 1};
  return std::nullopt;
}

}  // namespace

std::optional<std::uint64_t> parse_integer(std::string_view text) {
  if (text.empty() || (text.size() > 1 && text.front() == '0')) return std::nullopt;
  std::uint64_t value = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    const auto digit = static_cast<std::uint64_t>(c - '0');
    if (value > (std::numeric_limits<std::uint64_t>::max() - digit) / 10) return std::nullopt;
    value = value * 10 + digit;
  }
  return value;
}

std::optional<std::uint64_t> parse_byte_size(std::string_view text) {
  const std::size_t end = std::min(text.find_first_not_of("0123456789"), text.size());
  const auto number = parse_integer(text.substr(0, end));
  const auto unit = parse_unit(text.substr(end));
  if (!number || !unit) return std::nullopt;
  std::uint64_t bytes = *number;
  for (std::size_t i = 0; i < unit->power; ++i) {
    if (bytes > std::numeric_limits<std::uint64_t>::max() / unit->base) return std::nullopt;
    bytes *= unit->base;
  }
  return bytes;
}

}  // namespace proctor::config
