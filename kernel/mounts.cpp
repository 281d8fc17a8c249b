#include "kernel/mounts.hpp"

#include <fmt/format.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <cstddef>
#include <optional>
#include <utility>

#include "kernel/file_text.hpp"
#include "kernel/numbers.hpp"

namespace proctor::kernel {
namespace {

constexpr std::size_t mountinfo_bytes_max = std::size_t{64} << 20U;

/// Undoes mangle_path(): blanks and backslashes of a path stand there as \ooo.
std::string unescape_octal(std::string_view escaped) {
  const auto is_octal = [](char digit) { return digit >= '0' && digit <= '7'; };
  std::string plain;
  for (std::size_t i = 0; i < escaped.size(); ++i) {
    if (escaped[i] == '\\' && i + 3 < escaped.size() && is_octal(escaped[i + 1]) &&
        is_octal(escaped[i + 2]) && is_octal(escaped[i + 3])) {
      const int value = (escaped[i + 1] - '0') * 64 + (escaped[i + 2] - '0') * 8 + (escaped[i + 3] - '0');
      plain.push_back(static_cast<char>(value));
      i += 3;
    } else {
      plain.push_back(escaped[i]);
    }
  }
  return plain;
}

/// Cuts the next field off `rest`, up to the separator.
std::string_view next_field(std::string_view& rest, char separator = ' ') {
  const std::string_view field = rest.substr(0, rest.find(separator));
  rest.remove_prefix(std::min(rest.size(), field.size() + 1));
  return field;
}

/// id, parent, major:minor, root, mount point, options, optional fields, "-", type, source, options.
std::optional<Mount> parse_mount(std::string_view line) {
  Mount mount;
  if (!parse_number(next_field(line), mount.id)) return std::nullopt;
  next_field(line);
  std::string_view device = next_field(line);
  unsigned major_number = 0;
  unsigned minor_number = 0;
  if (!parse_number(next_field(device, ':'), major_number) || !parse_number(device, minor_number))
    return std::nullopt;
  mount.device = makedev(major_number, minor_number);
  mount.root = unescape_octal(next_field(line));
  mount.mount_point = unescape_octal(next_field(line));
  while (!line.empty() && next_field(line) != "-") {
  }
  mount.type = next_field(line);
  return mount.type.empty() ? std::nullopt : std::optional(std::move(mount));
}

Result<std::vector<Mount>> read(const std::string& path) {
  const auto text = read_all(path, mountinfo_bytes_max);
  if (!text) return text.error();
  return parse_mounts(*text);
}

}  // namespace

std::vector<Mount> parse_mounts(std::string_view mountinfo) {
  std::vector<Mount> mounts;
  while (!mountinfo.empty())
    if (auto mount = parse_mount(next_field(mountinfo, '\n'))) mounts.push_back(*std::move(mount));
  return mounts;
}

Result<std::vector<Mount>> read_mounts(pid_t tid) { return read(fmt::format("/proc/{}/mountinfo", tid)); }

Result<std::vector<Mount>> read_own_mounts() { return read("/proc/thread-self/mountinfo"); }

}  // namespace proctor::kernel
