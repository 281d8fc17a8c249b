#include "procfs/generators/text.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

namespace proctor::procfs::generators {

std::vector<std::string_view> lines(std::string_view text) {
  std::vector<std::string_view> found;
  while (!text.empty()) {
    const std::size_t length = std::min(text.find('\n'), text.size());
    found.push_back(text.substr(0, length));
    text.remove_prefix(std::min(length + 1, text.size()));
  }
  return found;
}

std::vector<std::string_view> words(std::string_view line) {
  // Not find_first_of(), which searches its set anew for each character.
  const auto is_blank = [](char c) { return c == ' ' || c == '\t'; };
  std::vector<std::string_view> found;
  for (const char *at = line.begin(), *const end = line.end();;) {
    at = std::find_if_not(at, end, is_blank);
    if (at == end) return found;
    const char* const start = std::exchange(at, std::find_if(at, end, is_blank));
    found.emplace_back(start, at - start);
  }
}

std::optional<std::uint64_t> number(std::string_view text) {
  const char* const end = text.data() + text.size();
  std::uint64_t value = 0;
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (text.empty() || error != std::errc{} || stop != end) return std::nullopt;
  return value;
}

void append_right(std::string& text, std::string_view value, std::size_t width) {
  text.append(width - std::min(width, value.size()), ' ');
  text += value;
}

void append_right(std::string& text, std::uint64_t value, std::size_t width) {
  append_right(text, std::to_string(value), width);
}

std::string with_word(std::string_view line, std::size_t index, std::string_view value) {
  const auto all = words(line);
  if (index >= all.size()) return std::string(line);
  const auto start = static_cast<std::size_t>(all[index].data() - line.data());
  std::string text(line);
  return text.replace(start, all[index].size(), value);
}

std::string with_word_right(std::string_view line, std::size_t index, std::string_view value) {
  const auto all = words(line);
  if (index >= all.size()) return std::string(line);
  const auto start = static_cast<std::size_t>(all[index].data() - line.data());
  const std::size_t end = start + all[index].size();
  // One blank at least stays between two words.
  const auto before = static_cast<std::size_t>(
      index == 0 ? 0 : all[index - 1].data() + all[index - 1].size() - line.data() + 1);
  std::string text(line.substr(0, before));
  append_right(text, value, end - before);
  return text.append(line.substr(end));
}

std::string with_zeros(std::string_view line) {
  constexpr std::string_view digits = "0123456789";
  constexpr std::string_view in_names = "_ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  std::string text;
  while (!line.empty()) {
    const std::size_t start = std::min(line.find_first_of(digits), line.size());
    const std::size_t end = std::min(line.find_first_not_of(digits, start), line.size());
    text += line.substr(0, start);
    const bool in_name = !text.empty() && in_names.find(text.back()) != std::string_view::npos;
    text += in_name ? line.substr(start, end - start) : std::string_view("0").substr(0, end - start);
    line.remove_prefix(end);
  }
  return text;
}

bool has_cpu(const View& view, std::string_view digits) {
  const auto cpu = number(digits);
  return cpu && std::binary_search(view.cpus.begin(), view.cpus.end(), *cpu);
}

std::string ranges_of(const std::vector<unsigned>& numbers) {
  std::string text;
  for (std::size_t i = 0; i < numbers.size();) {
    std::size_t last = i;
    while (last + 1 < numbers.size() && numbers[last + 1] == numbers[last] + 1) ++last;
    if (i > 0) text += ',';
    text += std::to_string(numbers[i]);
    if (last > i) text += '-' + std::to_string(numbers[last]);
    i = last + 1;
  }
  return text;
}

}  // namespace proctor::procfs::generators
