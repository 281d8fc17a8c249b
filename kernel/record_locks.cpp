#include "kernel/record_locks.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <fstream>
#include <iterator>
#include <optional>
#include <utility>

#include "kernel/numbers.hpp"

namespace proctor::kernel {
namespace {

/// lock_get_status(): number, kind, mode, access, pid, file, start, end.
constexpr std::size_t fields_of_line = 8;

/// Nothing: fewer fields, or one that is not a lock but a wait for it ("->").
std::optional<std::array<std::string_view, fields_of_line>> split(std::string_view line) {
  std::array<std::string_view, fields_of_line> fields;
  for (auto& field : fields) {
    const auto start = line.find_first_not_of(' ');
    if (start == std::string_view::npos) return std::nullopt;
    line.remove_prefix(start);
    field = line.substr(0, line.find(' '));
    line.remove_prefix(field.size());
  }
  if (fields[1] == "->") return std::nullopt;
  return fields;
}

std::optional<RecordLock> parse_line(std::string_view line) {
  const auto fields = split(line);
  if (!fields) return std::nullopt;
  const auto& [number, kind, mode, access, pid, file, first, last] = *fields;
  if (kind != "POSIX" && kind != "OFDLCK") return std::nullopt;
  RecordLock lock;
  lock.file = file;
  lock.exclusive = access == "WRITE";
  const bool complete =
      parse_number(pid, lock.holder) && parse_number(file.substr(file.rfind(':') + 1), lock.inode) &&
      parse_number(first, lock.range.first) && (last == "EOF" || parse_number(last, lock.range.last));
  return complete ? std::optional{std::move(lock)} : std::nullopt;
}

}  // namespace

std::vector<RecordLock> parse_record_locks(std::string_view text) {
  std::vector<RecordLock> locks;
  while (!text.empty()) {
    const auto line = text.substr(0, text.find('\n'));
    if (auto lock = parse_line(line)) locks.push_back(*std::move(lock));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
  }
  return locks;
}

Result<std::vector<RecordLock>> read_record_locks() {
  // The kernel begins anew for each page of it, and holds a lock of the whole machine meanwhile.
  constexpr std::size_t bytes_max = std::size_t{1} << 20U;
  std::ifstream file("/proc/locks", std::ios::binary);
  std::string text(bytes_max, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (file.bad() || !file.is_open()) return Error{EIO, "read /proc/locks"};
  if (!file.eof()) return Error{EFBIG, "read /proc/locks"};
  text.resize(static_cast<std::size_t>(file.gcount()));
  return parse_record_locks(text);
}

}  // namespace proctor::kernel
