#pragma once

#include <span>
#include <string>
#include <string_view>

namespace proctor::config {

/// `text` fit for one line of a message: in backquotes, control characters as `?`, at most 60 bytes of it.
[[nodiscard]] std::string excerpt(std::string_view text);

/// Without blanks (space, tab) at both ends.
[[nodiscard]] std::string_view trim(std::string_view text);

/// The candidate that a typing mistake turned into `word`; empty when none is near enough.
[[nodiscard]] std::string_view closest(std::string_view word, std::span<const std::string_view> candidates);

}  // namespace proctor::config
