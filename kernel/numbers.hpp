#pragma once

#include <charconv>
#include <string_view>
#include <system_error>

namespace proctor::kernel {

/// A number that is all of `text`; if it is none, or one that does not fit, no, and `into` may have changed.
template <class Number>
[[nodiscard]] bool parse_number(std::string_view text, Number& into) {
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, into);
  return error == std::errc{} && stop == end;
}

}  // namespace proctor::kernel
