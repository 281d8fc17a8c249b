#pragma once

#include <sys/types.h>

#include <charconv>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "kernel/result.hpp"

namespace proctor::kernel {

/// The lines of a /proc/TID/status, proc_pid_status(5): a view of a text that somebody else keeps.
class StatusText {
 public:
  explicit StatusText(std::string_view text) noexcept : text_(text) {}

  /// What follows "NAME:" up to the end of its line; nothing without that line, or where the text is cut off
  /// in it. A hostile process name cannot fake a line: the kernel escapes newlines in Name.
  [[nodiscard]] std::optional<std::string_view> line(std::string_view name) const noexcept;

  /// The numbers of a line, which blanks separate. Nothing: there is no such line, or something else in it.
  template <class Number>
  [[nodiscard]] std::optional<std::vector<Number>> numbers(std::string_view name, int base = 10) const;

  /// The one number of a line.
  template <class Number>
  [[nodiscard]] std::optional<Number> number(std::string_view name, int base = 10) const {
    const auto all = numbers<Number>(name, base);
    return all && all->size() == 1 ? std::optional(all->front()) : std::nullopt;
  }

 private:
  std::string_view text_;
};

/// The text of a thread's status; ENOENT, ESRCH: it is gone.
[[nodiscard]] Result<std::string> read_status(pid_t tid);
/// The calling thread's own.
[[nodiscard]] Result<std::string> read_own_status();

template <class Number>
std::optional<std::vector<Number>> StatusText::numbers(std::string_view name, int base) const {
  const auto found = line(name);
  if (!found) return std::nullopt;
  std::vector<Number> numbers;
  const char* at = found->data();
  const char* const end = at + found->size();
  while (true) {
    while (at != end && (*at == ' ' || *at == '\t')) ++at;
    if (at == end) return numbers;
    const auto [next, error] = std::from_chars(at, end, numbers.emplace_back(), base);
    if (error != std::errc{}) return std::nullopt;
    at = next;
  }
}

}  // namespace proctor::kernel
