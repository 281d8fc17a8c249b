#include "kernel/proc_stat.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <memory>
#include <optional>
#include <span>

#include "kernel/numbers.hpp"
#include "kernel/unique_fd.hpp"

namespace proctor::kernel {
namespace {

/// proc(5) numbers its fields from 1; 52 of them since Linux 3.5, later ones would follow.
constexpr std::size_t first_field_after_comm = 3;
constexpr std::size_t last_field = 52;
/// 50 numbers of at most 20 digits and a comm of at most 64 bytes (kernel threads') come to 1.2 kB.
constexpr std::size_t stat_bytes_max = 2048;

Error not_a_stat_line() { return {EPROTO, "parse a line of /proc/PID/stat"}; }

/// The fields after comm, split at single blanks; element 0 is field 3.
using Fields = std::array<std::string_view, last_field - first_field_after_comm + 1>;

std::optional<Fields> split_fields(std::string_view text) {
  Fields fields;
  for (auto& field : fields) {
    const std::size_t end = std::min(text.find_first_of(" \n"), text.size());
    field = text.substr(0, end);
    if (field.empty()) return std::nullopt;
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return fields;
}

/// A file of /proc/PID that is made anew in one piece (seq_file's single_open) and fits: one read is enough.
Result<std::string_view> read_short_file(pid_t pid, const char* name, std::span<char> into) {
  char path[32];
  *fmt::format_to_n(path, sizeof(path) - 1, "/proc/{}/{}", pid, name).out = '\0';
  const UniqueFd fd{::open(path, O_RDONLY | O_CLOEXEC)};
  if (!fd) return Error::last(fmt::format("open {}", path));
  const ssize_t count = ::read(fd.get(), into.data(), into.size());
  if (count < 0) return Error::last(fmt::format("read {}", path));
  return std::string_view{into.data(), static_cast<std::size_t>(count)};
}

struct CloseDirectory {
  void operator()(DIR* directory) const noexcept { ::closedir(directory); }
};

/// The numeric names from `lowest` on in a directory of procfs, ascending.
Result<std::vector<pid_t>> read_numeric_names(const char* path, pid_t lowest = 1) {
  const std::unique_ptr<DIR, CloseDirectory> directory{::opendir(path)};
  if (!directory) return Error::last(fmt::format("open {}", path));
  std::vector<pid_t> numbers;
  for (;;) {
    errno = 0;
    const dirent* const entry = ::readdir(directory.get());
    if (entry == nullptr) break;
    pid_t number = 0;
    if (parse_number(std::string_view{entry->d_name}, number) && number >= lowest) numbers.push_back(number);
  }
  if (errno != 0) return Error::last(fmt::format("list {}", path));
  std::sort(numbers.begin(), numbers.end());
  return numbers;
}

/// Appends the numbers of one `children` file, which may be longer than any buffer.
Result<void> append_children(const char* path, std::vector<pid_t>& children) {
  const UniqueFd fd{::open(path, O_RDONLY | O_CLOEXEC)};
  if (!fd) return Error::last(fmt::format("open {}", path));
  std::array<char, 4096> buffer;  // filled below, and only what was filled is read
  pid_t number = 0;
  for (;;) {
    const ssize_t count = ::read(fd.get(), buffer.data(), buffer.size());
    if (count < 0) return Error::last(fmt::format("read {}", path));
    if (count == 0) return {};
    // As long as there is room the kernel goes on with the next number, so what is not half full holds all.
    const bool is_all = static_cast<std::size_t>(count) <= buffer.size() / 2;
    // Each number is followed by a blank (fs/proc/array.c, children_seq_show), and may be cut in two by
    // the end of a buffer.
    for (const char c : std::string_view{buffer.data(), static_cast<std::size_t>(count)}) {
      if (c >= '0' && c <= '9') {
        number = number * 10 + (c - '0');
      } else if (number != 0) {
        children.push_back(number);
        number = 0;
      }
    }
    if (is_all) return {};
  }
}

/// One pass over the threads of a group. Nothing: a thread ended on the way, and its children may have
/// moved to one that was already asked.
Result<std::optional<std::vector<pid_t>>> read_children_once(pid_t tgid) {
  const auto threads = has_one_thread(tgid) ? Result{std::vector{tgid}} : read_threads(tgid);
  if (!threads) return threads.error();
  std::vector<pid_t> children;
  for (const pid_t tid : *threads) {
    const auto directory = fmt::format("/proc/{}/task/{}", tgid, tid);
    const auto appended = append_children((directory + "/children").c_str(), children);
    if (appended) continue;
    const int number = appended.error().number;
    if (number != ENOENT && number != ESRCH) return appended.error();
    if (number == ENOENT && ::access(directory.c_str(), F_OK) == 0)
      return Error{ENOTSUP, "list children without CONFIG_PROC_CHILDREN"};
    return std::optional<std::vector<pid_t>>{};
  }
  std::sort(children.begin(), children.end());
  children.erase(std::unique(children.begin(), children.end()), children.end());
  return std::optional{std::move(children)};
}

}  // namespace

Result<ProcStat> parse_proc_stat(std::string_view text) {
  // comm may hold blanks, newlines and parentheses, but nothing after it holds a parenthesis.
  const std::size_t open = text.find(" (");
  const std::size_t close = text.rfind(") ");
  if (open == std::string_view::npos || close == std::string_view::npos || close < open + 2)
    return not_a_stat_line();
  const auto fields = split_fields(text.substr(close + 2));
  if (!fields) return not_a_stat_line();
  const auto field = [&](std::size_t number) { return (*fields)[number - first_field_after_comm]; };

  ProcStat stat;
  stat.comm = text.substr(open + 2, close - open - 2);
  stat.state = field(3).front();
  const bool complete =
      field(3).size() == 1 && parse_number(text.substr(0, open), stat.pid) &&
      parse_number(field(4), stat.ppid) && parse_number(field(5), stat.pgrp) &&
      parse_number(field(6), stat.session) && parse_number(field(7), stat.tty_nr) &&
      parse_number(field(8), stat.foreground_group) && parse_number(field(14), stat.user_ticks) &&
      parse_number(field(15), stat.system_ticks) && parse_number(field(16), stat.waited_user_ticks) &&
      parse_number(field(17), stat.waited_system_ticks) && parse_number(field(20), stat.threads) &&
      parse_number(field(22), stat.start_time_ticks) && parse_number(field(23), stat.virtual_bytes) &&
      parse_number(field(24), stat.resident_pages) && parse_number(field(26), stat.start_code) &&
      parse_number(field(28), stat.start_stack) && parse_number(field(47), stat.start_brk) &&
      parse_number(field(48), stat.arg_start) && parse_number(field(52), stat.exit_status);
  if (!complete) return not_a_stat_line();
  return stat;
}

Result<ProcStat> read_proc_stat(pid_t pid) {
  char line[stat_bytes_max];
  const auto text = read_short_file(pid, "stat", line);
  if (!text) return text.error();
  return parse_proc_stat(*text);
}

Result<std::vector<std::uint64_t>> read_socket_inodes(pid_t tid) {
  constexpr std::string_view prefix = "socket:[";
  const auto path = fmt::format("/proc/{}/fd", tid);
  const auto descriptors = read_numeric_names(path.c_str(), 0);
  if (!descriptors) return descriptors.error();
  std::vector<std::uint64_t> inodes;
  for (const int fd : *descriptors) {
    std::array<char, 64> text;
    const ssize_t length = ::readlink(fmt::format("{}/{}", path, fd).c_str(), text.data(), text.size());
    if (length <= 0) continue;  // closed meanwhile
    std::string_view name(text.data(), static_cast<std::size_t>(length));
    if (!name.starts_with(prefix) || !name.ends_with(']')) continue;
    name = name.substr(prefix.size(), name.size() - prefix.size() - 1);
    if (std::uint64_t inode = 0; parse_number(name, inode)) inodes.push_back(inode);
  }
  return inodes;
}

Result<std::vector<pid_t>> read_threads(pid_t tgid) {
  const auto path = fmt::format("/proc/{}/task", tgid);
  auto threads = read_numeric_names(path.c_str());
  // A group that ended after its directory was opened has no threads, which no living one has.
  if (threads && threads->empty()) return Error{ENOENT, "list " + path};
  return threads;
}

std::size_t page_bytes() noexcept {
  static const auto bytes = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  return bytes;
}

bool has_one_thread(pid_t tgid) {
  constexpr nlink_t links_of_a_directory = 2;
  std::array<char, 32> path{};
  *fmt::format_to_n(path.data(), path.size() - 1, "/proc/{}/task", tgid).out = '\0';
  struct stat info {};
  return ::stat(path.data(), &info) == 0 && info.st_nlink == links_of_a_directory + 1;
}

Result<std::vector<pid_t>> read_all_pids() { return read_numeric_names("/proc"); }

Result<std::vector<pid_t>> read_children(pid_t tgid) {
  constexpr int attempts_max = 4;
  for (int attempt = 0; attempt < attempts_max; ++attempt) {
    auto children = read_children_once(tgid);
    if (!children) return children.error();
    if (*children) return std::move(**children);
  }
  return Error{EAGAIN, fmt::format("list the children of {}, whose threads come and go", tgid)};
}

}  // namespace proctor::kernel
