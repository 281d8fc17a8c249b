#include "config/loader.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <system_error>
#include <utility>

#include "config/ini_reader.hpp"
#include "config/text.hpp"
#include "kernel/unique_fd.hpp"
#include "policy/socket_path.hpp"

namespace proctor::config {

namespace {

/// Collects the issues of one file.
class Report {
 public:
  explicit Report(std::string file) : file_(std::move(file)) {}

  void add(std::size_t line, std::string what, std::string expected) {
    issues_.push_back({file_, static_cast<int>(line), std::move(what), std::move(expected)});
  }
  [[nodiscard]] bool empty() const { return issues_.empty(); }
  [[nodiscard]] std::vector<ConfigIssue> take() {
    std::stable_sort(issues_.begin(), issues_.end(),
                     [](const auto& a, const auto& b) { return a.line < b.line; });
    return std::move(issues_);
  }

 private:
  std::string file_;
  std::vector<ConfigIssue> issues_;
};

std::size_t line_at(std::string_view text, std::size_t offset) {
  return 1 + static_cast<std::size_t>(
                 std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(offset), '\n'));
}

/// The offset of the first byte that is not part of well-formed UTF-8 (RFC 3629: no surrogates, nothing
/// overlong, nothing above U+10FFFF); npos when all is well.
std::size_t find_bad_utf8(std::string_view text) {
  std::size_t i = 0;
  while (i < text.size()) {
    const auto byte = [&](std::size_t at) {
      return at < text.size() ? static_cast<unsigned char>(text[at]) : static_cast<unsigned char>(0);
    };
    const unsigned lead = byte(i);
    const std::size_t length = lead < 0x80   ? 1
                               : lead < 0xC2 ? 0
                               : lead < 0xE0 ? 2
                               : lead < 0xF0 ? 3
                               : lead < 0xF5 ? 4
                                             : 0;
    if (length == 0) return i;
    for (std::size_t k = 1; k < length; ++k) {
      if ((byte(i + k) & 0xC0U) != 0x80U) return i;
    }
    const unsigned second = byte(i + 1);
    const bool forbidden = (lead == 0xE0 && second < 0xA0) || (lead == 0xED && second > 0x9F) ||
                           (lead == 0xF0 && second < 0x90) || (lead == 0xF4 && second > 0x8F);
    if (forbidden) return i;
    i += length;
  }
  return std::string_view::npos;
}

/// What makes a file unfit to be read at all. True when it may be read.
bool screen(std::string_view text, Report& report) {
  if (text.empty()) {
    report.add(0, "the file is empty", "at least a comment: an empty file is a lost one");
    return false;
  }
  if (text.size() > file_bytes_max) {
    report.add(0, "the file is larger than 1 MiB", "a configuration file");
    return false;
  }
  if (const auto at = text.find('\0'); at != std::string_view::npos) {
    report.add(line_at(text, at), "there is a NUL byte", "text");
  }
  if (const auto at = text.find('\r'); at != std::string_view::npos) {
    report.add(line_at(text, at), "there is a carriage return (the line ends of Windows)",
               "lines that end in \\n alone");
  }
  if (text.starts_with("\xEF\xBB\xBF")) report.add(1, "there is a byte order mark", "UTF-8 without one");
  if (const auto at = find_bad_utf8(text); at != std::string_view::npos) {
    report.add(line_at(text, at), "there is a byte that is not UTF-8", "UTF-8");
  }
  return report.empty();
}

std::string joined(std::span<const std::string_view> words) {
  std::string all;
  for (const std::string_view word : words) all += fmt::format("{}{}", all.empty() ? "" : ", ", word);
  return all;
}

std::vector<std::string_view> keys_of(std::string_view section) {
  std::vector<std::string_view> keys;
  for (const Option& option : options()) {
    if (option.section == section) keys.push_back(option.key);
  }
  return keys;
}

/// Where a key that is in the wrong section belongs; empty when no section has it.
std::string_view home_of(std::string_view key) {
  for (const Option& option : options()) {
    if (option.key == key) return option.section;
  }
  return {};
}

std::string suggestion(std::string_view word, std::span<const std::string_view> candidates) {
  const std::string_view near = closest(word, candidates);
  return near.empty() ? fmt::format("one of: {}", joined(candidates))
                      : fmt::format("{} (did you mean that?)", near);
}

void refuse_unknown_key(const Entry& entry, Report& report) {
  const std::string_view home = home_of(entry.key);
  const auto line = static_cast<std::size_t>(entry.line);
  if (entry.section.empty()) {
    const auto names = sections();
    const bool is_section = std::find(names.begin(), names.end(), entry.key) != names.end();
    report.add(line, fmt::format("{} stands above the first [section]", excerpt(entry.key)),
               is_section     ? fmt::format("[{}] on a line of its own, without braces", entry.key)
               : home.empty() ? std::string("every key to follow its [section]")
                              : fmt::format("it below [{}]", home));
    return;
  }
  report.add(
      line, fmt::format("there is no option {} in [{}]", excerpt(entry.key), entry.section),
      home.empty() ? suggestion(entry.key, keys_of(entry.section)) : fmt::format("it below [{}]", home));
}

bool takes_string(const Option& option) { return std::holds_alternative<TextField>(option.field); }
bool takes_atom(const Option& option) { return std::holds_alternative<ChoiceField>(option.field); }

/// What is wrong with a value's outer form: quotes, lists, nothing at all.
std::string form_problem(const Entry& entry, const Option& option) {
  if (entry.raw.empty()) return "the value is missing";
  if (entry.kind == ValueKind::other)
    return fmt::format("{} is a list, a map or a <uri>", excerpt(entry.raw));
  if (takes_string(option) && entry.kind != ValueKind::string) {
    const bool begun = entry.raw.front() == '"';
    return fmt::format(
        "{} is not a string{}", excerpt(entry.raw),
        begun ? ": it is not closed, or has an escape other than \\\\ \\\" \\n \\r \\t, or something "
                "follows it"
              : " in double quotes");
  }
  if (takes_atom(option) && entry.kind != ValueKind::atom) {
    return fmt::format("{} is not a word in single quotes", excerpt(entry.raw));
  }
  if (!takes_string(option) && !takes_atom(option)) {
    DaemonConfig scratch;
    const bool quoted = entry.kind == ValueKind::string || entry.kind == ValueKind::atom;
    if (quoted && !assign(scratch, option, entry.text, Form::file))
      return fmt::format("{} is quoted", excerpt(entry.raw));
  }
  return {};
}

void take_value(DaemonConfig& config, const Entry& entry, const Option& option, Report& report) {
  const auto line = static_cast<std::size_t>(entry.line);
  const auto refuse = [&](std::string_view what) {
    report.add(line, fmt::format("{}: {}", option.name(), what), expected_value(option, Form::file));
  };
  if (const std::string problem = form_problem(entry, option); !problem.empty()) return refuse(problem);
  const bool quoted = takes_string(option) || takes_atom(option);
  DaemonConfig changed = config;
  if (const auto complaint = assign(changed, option, quoted ? entry.text : entry.raw, Form::file)) {
    return refuse(complaint->what);
  }
  // The grammar has the last word: what it could not read is never taken, however it looks.
  if (entry.kind == ValueKind::unreadable) return refuse(fmt::format("cannot read {}", excerpt(entry.raw)));
  config = changed;
}

void refuse_unknown_sections(const IniContent& content, Report& report) {
  const auto known = sections();
  for (const SectionHeader& header : content.sections) {
    if (std::find(known.begin(), known.end(), header.name) != known.end()) continue;
    report.add(static_cast<std::size_t>(header.line),
               fmt::format("there is no section {}", excerpt(header.name)), suggestion(header.name, known));
  }
}

void take_file(DaemonConfig& config, std::string_view text, Report& report) {
  if (!screen(text, report)) return;
  const IniContent content = read_ini(text);
  for (const SyntaxError& error : content.errors) {
    report.add(static_cast<std::size_t>(error.line), error.what, error.expected);
  }
  refuse_unknown_sections(content, report);
  const auto known = sections();
  std::map<std::pair<std::string, std::string>, int> seen;
  for (const Entry& entry : content.entries) {
    // One issue for an unknown section, not one for each of its lines.
    const bool known_section = std::find(known.begin(), known.end(), entry.section) != known.end();
    if (!known_section && !entry.section.empty()) continue;
    const Option* const option = find_option(entry.section, entry.key);
    if (option == nullptr) {
      refuse_unknown_key(entry, report);
      continue;
    }
    const auto [first, is_first] = seen.emplace(std::pair(entry.section, entry.key), entry.line);
    if (!is_first) {
      report.add(static_cast<std::size_t>(entry.line), fmt::format("{} is set a second time", option->name()),
                 fmt::format("it only once (line {})", first->second));
    }
    take_value(config, entry, *option, report);
  }
}

void take_command_line(DaemonConfig& config, std::span<const Override> command_line, Report& report) {
  std::vector<std::string_view> seen;
  for (const Override& given : command_line) {
    const std::size_t dot = std::min(given.name.find('.'), given.name.size());
    const std::string_view name = given.name;
    const Option* const option =
        dot == name.size() ? nullptr : find_option(name.substr(0, dot), name.substr(dot + 1));
    if (option == nullptr) {
      report.add(0, fmt::format("there is no option --{}", given.name), {});
      continue;
    }
    if (std::find(seen.begin(), seen.end(), name) != seen.end()) {
      report.add(0, fmt::format("--{} is given a second time", name), "it only once");
    }
    seen.push_back(name);
    if (const auto complaint = assign(config, *option, given.text, Form::command_line)) {
      report.add(0, fmt::format("--{}: {}", name, complaint->what), complaint->expected);
    }
  }
}

/// The whole file, or why not, as a sentence.
struct FileText {
  std::string text;
  std::string problem;
};

std::string reason() { return fmt::format("cannot be read: {}", std::generic_category().message(errno)); }

FileText read_file(const std::string& path) {
  // O_NONBLOCK: opening a fifo would wait for its writer.
  const kernel::UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!fd) return {{}, reason()};
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0) return {{}, reason()};
  if (S_ISDIR(status.st_mode)) return {{}, "is a directory"};
  if (!S_ISREG(status.st_mode)) return {{}, "is not a regular file"};
  FileText result;
  // One byte more than allowed tells that there is more. st_size is not asked: the file may grow meanwhile.
  result.text.resize(file_bytes_max + 1);
  std::size_t size = 0;
  while (size < result.text.size()) {
    const ssize_t got = ::read(fd.get(), result.text.data() + size, result.text.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return {{}, reason()};
    if (got == 0) break;
    size += static_cast<std::size_t>(got);
  }
  result.text.resize(size);
  return result;
}

Loaded finish(DaemonConfig config, Report file_report, std::span<const Override> command_line,
              const std::string& file) {
  Report line_report("command line");
  take_command_line(config, command_line, line_report);
  if (config.proctord.socket.empty() && file_report.empty() && line_report.empty()) {
    // getenv: nothing of ours ever calls setenv.
    const auto socket = policy::default_socket_path(
        ::geteuid(), std::getenv("XDG_RUNTIME_DIR"));  // NOLINT(concurrency-mt-unsafe)
    if (!socket) {
      Report report(file);
      report.add(0, "proctord.socket is not set, and XDG_RUNTIME_DIR gives no usable default",
                 expected_value(options().front(), Form::file));
      return report.take();
    }
    config.proctord.socket = *socket;
  }
  std::vector<ConfigIssue> issues = file_report.take();
  for (ConfigIssue& issue : line_report.take()) issues.push_back(std::move(issue));
  if (!issues.empty()) return issues;
  return config;
}

}  // namespace

std::string ConfigIssue::message() const {
  return fmt::format("{}{}: {}{}{}", file, line > 0 ? fmt::format(":{}", line) : "", what,
                     expected.empty() ? "" : "; expected ", expected);
}

Loaded load(const std::optional<std::string>& path, std::span<const Override> command_line) {
  if (!path) return finish({}, Report("command line"), command_line, "command line");
  FileText file = read_file(*path);
  if (file.problem.empty()) return load_text(file.text, *path, command_line);
  Report report(*path);
  report.add(0, std::move(file.problem), "a readable configuration file");
  return finish({}, std::move(report), command_line, *path);
}

Loaded load_text(std::string_view text, const std::string& file, std::span<const Override> command_line) {
  DaemonConfig config;
  Report report(file);
  take_file(config, text, report);
  return finish(std::move(config), std::move(report), command_line, file);
}

Reload reload(const DaemonConfig& running, const DaemonConfig& loaded) {
  Reload result{running, {}, {}};
  for (const Option& option : options()) {
    if (render(running, option) == render(loaded, option)) continue;
    if (option.reloadable) copy_value(loaded, result.config, option);
    (option.reloadable ? result.changed : result.needs_restart).push_back(option.name());
  }
  return result;
}

}  // namespace proctor::config
