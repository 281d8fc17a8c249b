#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <optional>

#include "kernel/status_text.hpp"
#include "procfs/generators/generators.hpp"
#include "procfs/generators/text.hpp"

namespace proctor::procfs::generators {
namespace {

bool is_reader(const View& view, std::string_view id) {
  return view.reader > 0 && number(id) == static_cast<std::uint64_t>(view.reader);
}

/// The value of a line of /proc/PID/status; empty without it.
std::string_view value_of(std::string_view status, std::string_view name) {
  const auto values = words(kernel::StatusText(status).line(name).value_or(""));
  return values.empty() ? std::string_view{} : values.front();
}

/// A task's number as the kernel writes it: 0 for nobody, -1 for one that has ended. Nothing: no number.
std::optional<pid_t> parse_id(std::string_view id) {
  const char* const end = id.data() + id.size();
  pid_t value = 0;
  const auto [stop, error] = std::from_chars(id.data(), end, value);
  if (id.empty() || error != std::errc{} || stop != end || value < -1) return std::nullopt;
  return value;
}

/// The id as the sandbox may see it: a member's, 0 or -1 as it stands; another's, and what is no number, as
/// 0.
std::string_view own_or_zero(const View& view, std::string_view id) {
  const auto value = parse_id(id);
  return value && (*value <= 0 || (view.is_member && view.is_member(*value))) ? id : "0";
}

/// The number of the group, or of the session, that one of the sandbox's processes is in: 0 for the one that
/// is not the sandbox's.
std::string_view unless_foreign(std::string_view id, pid_t foreign) {
  const auto value = parse_id(id);
  return value && (*value <= 0 || *value != foreign) ? id : "0";
}

/// The foreground group of a terminal, which may be shared with others.
std::string_view foreground_group(const View& view, std::string_view id) {
  const std::string_view told = unless_foreign(id, view.foreign_group);
  const auto value = parse_id(told);
  return value && (*value <= 0 || (view.is_in_group && view.is_in_group(*value))) ? told : "0";
}

bool is_own(const View& view, std::string_view id) {
  return number(id).value_or(0) > 0 && own_or_zero(view, id) == id;
}

/// A line of /proc/locks, lock_get_status(): "1: POSIX  ADVISORY  WRITE 123 08:01:42 0 EOF". One that waits
/// has "-> " behind its number, and a blank more for each waiter that it waits behind.
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

/// A field of /proc/PID/stat by its number in proc_pid_stat(5), as the sandbox may see it.
std::string_view stat_field(const View& view, unsigned field, std::string_view value) {
  constexpr unsigned parent = 4, group = 5, session = 6, foreground = 8;
  switch (field) {
    case parent:
      return own_or_zero(view, value);
    case group:
      return unless_foreign(value, view.foreign_group);
    case session:
      return unless_foreign(value, view.foreign_session);
    case foreground:
      return foreground_group(view, value);
    default:
      return value;
  }
}

/// Whether a line of /proc/PID/status has the ids of other tasks, of groups or sessions.
bool names_task(std::string_view name) {
  return name == "Ngid" || name == "PPid" || name == "TracerPid" || name == "NSpgid" || name == "NSsid";
}

/// The first id of such a line, as the sandbox may see it; where that is 0, so are the others. NSpgid and
/// NSsid have an id for each pid namespace, and the first is of the namespace that this procfs shows.
std::string_view status_id(const View& view, std::string_view name, std::string_view id) {
  if (name == "NSpgid") return unless_foreign(id, view.foreign_group);
  if (name == "NSsid") return unless_foreign(id, view.foreign_session);
  return own_or_zero(view, id);
}

/// How many signals wait in a mask of /proc/PID/status.
int count_pending(std::string_view status, std::string_view name) {
  const std::string_view mask = value_of(status, name);
  std::uint64_t signals = 0;
  std::from_chars(mask.data(), mask.data() + mask.size(), signals, 16);
  return std::popcount(signals);
}

/// "SigQ: queued/limit". The kernel counts what is queued to all processes of the user, on the whole machine;
/// told are the signals that wait for this one.
std::string queued_signals(std::string_view status, std::string_view line) {
  const std::size_t slash = std::min(line.find('/'), line.size());
  const int queued = count_pending(status, "SigPnd") + count_pending(status, "ShdPnd");
  return "SigQ:\t" + std::to_string(queued) + std::string(line.substr(slash));
}

}  // namespace

std::string process_stat(const View& view, std::string_view host) {
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
    text += field == 3 && of_reader ? "R" : stat_field(view, field, word);
  }
  return text + (ended ? "\n" : "");
}

std::string process_status(const View& view, std::string_view host) {
  std::string text;
  text.reserve(host.size());
  const bool of_reader = is_reader(view, value_of(host, "Pid"));
  // The kernel escapes a newline in Name's value, so a line starts with a name.
  for (const std::string_view line : lines(host)) {
    if (of_reader && line.starts_with("State:")) {
      text += "State:\tR (running)\n";
      continue;
    }
    if (line.starts_with("SigQ:")) {
      text += queued_signals(host, line) + "\n";
      continue;
    }
    const std::size_t colon = std::min(line.find(':'), line.size());
    const std::string_view name = line.substr(0, colon);
    const auto ids = names_task(name) ? words(line.substr(std::min(colon + 1, line.size())))
                                      : std::vector<std::string_view>();
    if (ids.empty() || status_id(view, name, ids.front()) == ids.front()) {
      text += line;
    } else {
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

std::string process_limits(const View& view, std::string_view host) {
  if (!view.limits.processes) return std::string(host);
  std::string text;
  for (const std::string_view line : lines(host)) {
    const auto fields = words(line);
    // proc_pid_limits() (fs/proc/base.c): "%-25s %-20s %-20s %-10s".
    if (line.starts_with("Max processes ") && fields.size() == 5) {
      const auto told = [&](std::string_view limit) {
        return std::min<std::uint64_t>(number(limit).value_or(UINT64_MAX), *view.limits.processes);
      };
      text += fmt::format("{:<25} {:<20} {:<20} {:<10}\n", "Max processes", told(fields[2]), told(fields[3]),
                          fields[4]);
    } else {
      text.append(line).append("\n");
    }
  }
  return text;
}

std::string process_fdinfo(const View& view, std::string_view host) {
  std::string text;
  for (const std::string_view line : lines(host)) {
    const auto fields = words(line);
    const std::string_view name = fields.empty() ? std::string_view() : fields.front();
    if (fields.size() > 1 && (name == "Pid:" || name == "NSpid:" || name == "SqThread:")) {
      // The first number is that of the pid namespace that this procfs shows; the rest is below it.
      const bool told = own_or_zero(view, fields[1]) == fields[1];
      text += told ? std::string(line) : std::string(name) + "\t0";
    } else if (name == "lock:") {
      // "lock:" and a line of /proc/locks: number, kind, mode, access, pid, ...
      constexpr std::size_t pid_field = 5;
      const bool told =
          fields.size() <= pid_field || own_or_zero(view, fields[pid_field]) == fields[pid_field];
      text += told ? std::string(line) : with_word(line, pid_field, "0");
    } else {
      text += line;
    }
    text += '\n';
  }
  return text;
}

std::string own_pid(const View& view, std::string_view host) {
  const auto fields = words(host.substr(0, host.find('\n')));
  return fields.empty() ? std::string() : std::string(own_or_zero(view, fields.front())) + "\n";
}

std::string ipc_objects(const View& view, std::string_view host) {
  constexpr std::array names = {std::string_view{"cpid"}, std::string_view{"lpid"}, std::string_view{"lspid"},
                                std::string_view{"lrpid"}};
  std::string text;
  std::vector<std::size_t> pid_columns;
  for (const std::string_view line : lines(host)) {
    const auto fields = words(line);
    std::string told(line);
    if (text.empty()) {  // the header
      for (std::size_t column = 0; column < fields.size(); ++column)
        if (std::find(names.begin(), names.end(), fields[column]) != names.end())
          pid_columns.push_back(column);
    } else {
      for (const std::size_t column : pid_columns)
        if (column < fields.size() && own_or_zero(view, fields[column]) != fields[column])
          told = with_word_right(told, column, "0");
    }
    text += told + "\n";
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
