#include <algorithm>
#include <array>
#include <charconv>

#include "procfs/generators/generators.hpp"
#include "procfs/generators/text.hpp"

namespace proctor::procfs::generators {
namespace {

bool is_reader(const View& view, std::string_view id) {
  return view.reader > 0 && number(id) == static_cast<std::uint64_t>(view.reader);
}

/// The value of a line of /proc/PID/status; empty without it.
std::string_view value_of(std::string_view status, std::string_view name) {
  for (const std::string_view line : lines(status)) {
    if (line.size() <= name.size() || !line.starts_with(name) || line[name.size()] != ':') continue;
    const auto values = words(line.substr(name.size() + 1));
    return values.empty() ? std::string_view{} : values.front();
  }
  return {};
}

/// The id as the sandbox may see it: a member's, 0 or -1 as it stands; another's, and what is no number, as
/// 0.
std::string_view own_or_zero(const View& view, std::string_view id) {
  const char* const end = id.data() + id.size();
  pid_t value = 0;
  const auto [stop, error] = std::from_chars(id.data(), end, value);
  if (id.empty() || error != std::errc{} || stop != end) return "0";
  if (value == 0 || value == -1) return id;
  return value > 0 && view.is_member && view.is_member(value) ? id : "0";
}

bool is_own(const View& view, std::string_view id) {
  return number(id).value_or(0) > 0 && own_or_zero(view, id) == id;
}

/// A line of /proc/locks, lock_get_status(): "1: POSIX  ADVISORY  WRITE 123 08:01:42 0 EOF". One that waits
/// has
/// "-> " behind its number, and a blank more for each waiter that it waits behind.
struct Lock {
  std::string_view text;  ///< behind "1: "
  std::string_view pid;
  std::size_t depth = 0;  ///< 0: held; 1: waits for a lock; 2: waits behind such a waiter; ...
};

/// `pid` is empty for any other line.
Lock parse_lock(std::string_view line) {
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos || !line.substr(colon).starts_with(": ")) return {};
  Lock lock{line.substr(colon + 2), {}, 0};
  auto fields = words(lock.text);
  if (!fields.empty() && fields.front() == "->") {
    lock.depth = lock.text.find('-') + 1;
    fields.erase(fields.begin());
  }
  // Kind, mode and access, each of which is one word for every kind of lock.
  if (fields.size() > 3) lock.pid = fields[3];
  return lock;
}

}  // namespace

std::string process_stat(const View& view, std::string_view host) {
  constexpr std::array ids = {4U, 5U, 6U, 8U};  // ppid, pgrp, session, tpgid: proc_pid_stat(5)
  // The command's name may hold anything, a ")" and a newline too; what follows it is numbers and a letter.
  const std::size_t name_end = host.rfind(')');
  if (name_end == std::string_view::npos) return {};
  std::string text(host.substr(0, name_end + 1));
  const std::string_view rest = host.substr(name_end + 1);
  const bool ended = rest.ends_with('\n');
  const bool of_reader = is_reader(view, host.substr(0, host.find(' ')));
  unsigned field = 2;
  for (const std::string_view word : words(rest.substr(0, rest.size() - (ended ? 1 : 0)))) {
    ++field;
    text += ' ';
    if (field == 3 && of_reader) {
      text += "R";
    } else {
      text += std::find(ids.begin(), ids.end(), field) != ids.end() ? own_or_zero(view, word) : word;
    }
  }
  return text + (ended ? "\n" : "");
}

std::string process_status(const View& view, std::string_view host) {
  constexpr std::array names = {std::string_view{"Ngid"}, std::string_view{"PPid"},
                                std::string_view{"TracerPid"}, std::string_view{"NSpgid"},
                                std::string_view{"NSsid"}};
  std::string text;
  const bool of_reader = is_reader(view, value_of(host, "Pid"));
  // The kernel escapes a newline in Name's value, so a line starts with a name.
  for (const std::string_view line : lines(host)) {
    if (of_reader && line.starts_with("State:")) {
      text += "State:\tR (running)\n";
      continue;
    }
    const std::size_t colon = std::min(line.find(':'), line.size());
    const std::string_view name = line.substr(0, colon);
    const bool names_process = std::find(names.begin(), names.end(), name) != names.end();
    const auto ids = names_process ? words(line.substr(std::min(colon + 1, line.size())))
                                   : std::vector<std::string_view>{};
    if (ids.empty() || own_or_zero(view, ids.front()) == ids.front()) {
      text += line;
    } else {
      // NSpgid and NSsid have a number for each pid namespace; the first is the one that this procfs shows.
      text += std::string(name) + ":";
      for (std::size_t i = 0; i < ids.size(); ++i) text += "\t0";
    }
    text += '\n';
  }
  return text;
}

std::string process_sched(const View& view, std::string_view host) {
  constexpr std::string_view group = "numa_group_id=";
  std::string text;
  for (const std::string_view line : lines(host)) {
    const std::size_t at = line.find(group);
    if (at == std::string_view::npos) {
      text += line;
    } else {
      const std::size_t id = at + group.size();
      text += line.substr(0, id);
      text += own_or_zero(view, line.substr(id));
    }
    text += '\n';
  }
  return text;
}

std::string process_timers(const View& view, std::string_view host) {
  std::string text;
  for (const std::string_view line : lines(host)) {
    if (line.starts_with("notify: ")) {  // "notify: signal/pid.123"
      const std::size_t dot = line.rfind('.');
      if (dot == std::string_view::npos) continue;
      text += line.substr(0, dot + 1);
      text += own_or_zero(view, line.substr(dot + 1));
    } else if (line.starts_with("ID: ") || line.starts_with("signal: ") || line.starts_with("ClockID: ")) {
      text += line;
    } else {
      continue;
    }
    text += '\n';
  }
  return text;
}

std::string locks(const View& view, std::string_view host) {
  std::string text;
  std::uint64_t locks_shown = 0;
  std::size_t depth_max = 0;  // deeper lines wait behind one that is not shown
  for (const std::string_view line : lines(host)) {
    const Lock lock = parse_lock(line);
    if (lock.depth > depth_max) continue;
    if (!is_own(view, lock.pid)) {
      depth_max = lock.depth;
      continue;
    }
    depth_max = lock.depth + 1;
    if (lock.depth == 0) ++locks_shown;
    text += std::to_string(locks_shown) + ": " + std::string(lock.text) + "\n";
  }
  return text;
}

}  // namespace proctor::procfs::generators
