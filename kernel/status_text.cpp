#include "kernel/status_text.hpp"

#include <fmt/format.h>

#include <cstddef>

#include "kernel/file_text.hpp"

namespace proctor::kernel {
namespace {

constexpr std::size_t status_bytes_max = std::size_t{1} << 20U;  // 65536 groups of 10 digits fit

}  // namespace

std::optional<std::string_view> StatusText::line(std::string_view name) const noexcept {
  for (std::size_t at = text_.find(name); at != std::string_view::npos; at = text_.find(name, at + 1)) {
    const std::size_t value = at + name.size();
    if ((at != 0 && text_[at - 1] != '\n') || value >= text_.size() || text_[value] != ':') continue;
    const std::string_view rest = text_.substr(value + 1);
    const std::size_t end = rest.find('\n');
    if (end == std::string_view::npos) return std::nullopt;
    return rest.substr(0, end);
  }
  return std::nullopt;
}

Result<std::string> read_status(pid_t tid) {
  return read_all(fmt::format("/proc/{}/status", tid), status_bytes_max);
}

Result<std::string> read_own_status() { return read_all("/proc/thread-self/status", status_bytes_max); }

}  // namespace proctor::kernel
