#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "procfs/view.hpp"

namespace proctor::procfs::generators {

/// The lines of a text, without their newlines; a last one that has none counts too.
[[nodiscard]] std::vector<std::string_view> lines(std::string_view text);

/// What stands between the blanks and tabs of a line.
[[nodiscard]] std::vector<std::string_view> words(std::string_view line);

/// A number that is all of `text`, without a sign.
[[nodiscard]] std::optional<std::uint64_t> number(std::string_view text);

/// Appends `value` at the right end of a column of `width` characters; what is longer takes more.
void append_right(std::string& text, std::string_view value, std::size_t width);
void append_right(std::string& text, std::uint64_t value, std::size_t width);

/// The line with another word in the place of one, counted from 0; as it is when it has fewer words.
[[nodiscard]] std::string with_word(std::string_view line, std::size_t index, std::string_view value);
/// The same in a column of which the right end is kept, as long as there is room at its left.
[[nodiscard]] std::string with_word_right(std::string_view line, std::size_t index, std::string_view value);

/// The line with every number as 0; digits that are part of a name stay.
[[nodiscard]] std::string with_zeros(std::string_view line);

/// Numbers, ascending, as the kernel lists CPUs: "0-3,8".
[[nodiscard]] std::string ranges_of(const std::vector<unsigned>& numbers);

/// Whether `digits` are the number of a CPU that the sandbox may run on.
[[nodiscard]] bool has_cpu(const View& view, std::string_view digits);

}  // namespace proctor::procfs::generators
