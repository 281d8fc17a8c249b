#include "config/options.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>

#include "config/numbers.hpp"
#include "config/text.hpp"
#include "policy/socket_path.hpp"

namespace proctor::config {

namespace {

using namespace std::chrono_literals;

struct Unit {
  std::string_view name;
  std::int64_t nanoseconds;
};

template <class... Handlers>
struct Overloaded : Handlers... {
  using Handlers::operator()...;
};
template <class... Handlers>
Overloaded(Handlers...) -> Overloaded<Handlers...>;

constexpr std::size_t path_bytes_max = 4095;  // PATH_MAX without its NUL

// In the order of RecordLevel, and of SchedulerPolicy.
constexpr std::array<std::string_view, 4> levels{"off", "lifecycle", "verdicts", "all"};
constexpr std::array<std::string_view, 1> scheduler_policies{"sharing"};

constexpr std::array<Unit, 6> units{{{"ns", 1},
                                     {"us", 1'000},
                                     {"ms", 1'000'000},
                                     {"s", 1'000'000'000},
                                     {"min", 60'000'000'000},
                                     {"h", 3'600'000'000'000}}};

bool is_record_file(std::string_view text) {
  return text.empty() || text == "none" || policy::is_absolute_path(text, path_bytes_max);
}

// Where each setting lives.

std::string& socket_path(DaemonConfig& config) { return config.proctord.socket; }
std::uint64_t& sandboxes_max(DaemonConfig& config) { return config.proctord.sandboxes_max; }

std::chrono::milliseconds& verdict_timeout(DaemonConfig& config) { return config.sandbox.verdict_timeout; }
std::uint64_t& processes_max(DaemonConfig& config) { return config.sandbox.processes_max; }
std::uint64_t& pending_max(DaemonConfig& config) { return config.sandbox.pending_max; }
bool& accept_degraded(DaemonConfig& config) { return config.sandbox.accept_degraded; }

std::string& record_file(DaemonConfig& config) { return config.introspection.file; }
std::size_t record_level(const DaemonConfig& config) {
  return static_cast<std::size_t>(config.introspection.level);
}
void set_record_level(DaemonConfig& config, std::size_t index) {
  config.introspection.level = static_cast<policy::RecordLevel>(index);
}
std::chrono::milliseconds& sample_interval(DaemonConfig& config) {
  return config.introspection.sample_interval;
}
std::uint64_t& rotate_bytes(DaemonConfig& config) { return config.introspection.rotate_bytes; }
std::uint64_t& rotate_files(DaemonConfig& config) { return config.introspection.rotate_files; }

std::size_t scheduler_policy(const DaemonConfig& config) {
  return static_cast<std::size_t>(config.scheduler.policy);
}
void set_scheduler_policy(DaemonConfig& config, std::size_t index) {
  config.scheduler.policy = static_cast<SchedulerPolicy>(index);
}
std::uint64_t& scheduler_threads_max(DaemonConfig& config) { return config.scheduler.max_threads; }

const std::array table{
    Option{
        .section = "proctord",
        .key = "socket",
        .alias = "socket",
        .field = TextField{.in = socket_path,
                           .accepts = policy::is_socket_path,
                           .expected = "an absolute path of at most 107 bytes"},
        .help = "The Unix socket on which proctord takes sandboxes in and answers questions about them.",
        .default_words = "\"/run/proctor/proctord.sock\" for root, else \"proctor/proctord.sock\" below "
                         "$XDG_RUNTIME_DIR",
    },
    Option{
        .section = "proctord",
        .key = "sandboxes-max",
        .alias = "sandboxes-max",
        .field = IntegerField{.in = sandboxes_max, .minimum = 1, .maximum = 32768, .unit = "sandboxes"},
        .help = "Sandboxes supervised at once; one more is refused. Each takes two threads.",
    },
    Option{
        .section = "sandbox",
        .key = "verdict-timeout",
        .alias = "verdict-timeout",
        .field = DurationField{.in = verdict_timeout, .minimum = 100ms, .maximum = 5min},
        .reloadable = true,
        .help = "A notification that has no answer for so long is refused. Sandboxes that already run keep "
                "theirs.",
    },
    Option{
        .section = "sandbox",
        .key = "processes-max",
        .alias = "processes-max",
        .field = IntegerField{.in = processes_max, .minimum = 1, .maximum = 4194304, .unit = "processes"},
        .help = "Processes of one sandbox registered at once; the calls of one more are refused.",
    },
    Option{
        .section = "sandbox",
        .key = "pending-max",
        .alias = "pending-max",
        .field = IntegerField{.in = pending_max, .minimum = 1, .maximum = 65536, .unit = "notifications"},
        .help = "Notifications of one sandbox in flight at once: the slots of its journal.",
    },
    Option{
        .section = "sandbox",
        .key = "accept-degraded",
        .alias = "accept-degraded",
        .field = BooleanField{.in = accept_degraded},
        .help = "Whether sandboxes start even where the kernel lacks something that safety needs.",
    },
    Option{
        .section = "introspection",
        .key = "file",
        .field = TextField{.in = record_file,
                           .accepts = is_record_file,
                           .expected = "an absolute path, \"\" for standard error, or \"none\""},
        .help = "Where the introspection record is written.",
        .default_words = "\"\", which is standard error",
    },
    Option{
        .section = "introspection",
        .key = "level",
        .field = ChoiceField{.get = record_level, .set = set_record_level, .choices = levels},
        .reloadable = true,
        .help = "How much the record tells: 'off' is nothing; 'lifecycle' tells of actors, sandboxes and "
                "processes: starts, ends, samples; 'verdicts' also of every verdict that is not a plain "
                "continue; 'all' also of publications of a process index.",
    },
    Option{
        .section = "introspection",
        .key = "sample-interval",
        .field = DurationField{.in = sample_interval, .minimum = 1s, .maximum = 24h, .zero_is_off = true},
        .reloadable = true,
        .help = "How often the actors' own figures (messages, busy time, mailbox depth) are recorded, at "
                "every level but 'off'. 0s: never.",
    },
    Option{
        .section = "introspection",
        .key = "rotate-bytes",
        .field = IntegerField{.in = rotate_bytes, .minimum = 65536, .maximum = 1ULL << 40U, .unit = "bytes"},
        .help = "The record goes on in a new file when the present one has this size.",
    },
    Option{
        .section = "introspection",
        .key = "rotate-files",
        .field = IntegerField{.in = rotate_files, .minimum = 1, .maximum = 1000, .unit = "files"},
        .help = "Older files of the record that are kept.",
    },
    Option{
        .section = "scheduler",
        .key = "policy",
        .field =
            ChoiceField{.get = scheduler_policy, .set = set_scheduler_policy, .choices = scheduler_policies},
        .help = "How CAF runs the actors that belong to no sandbox. CAF's other policy uses CPU even when "
                "idle.",
    },
    Option{
        .section = "scheduler",
        .key = "max-threads",
        .field = IntegerField{.in = scheduler_threads_max, .minimum = 1, .maximum = 64, .unit = "threads"},
        .help = "Threads for the actors that belong to no sandbox. Each sandbox has two of its own beside "
                "these.",
    },
};

/// The leading digits of `text`, and what follows them without blanks.
std::pair<std::string_view, std::string_view> split_number(std::string_view text) {
  const std::size_t end = std::min(text.find_first_not_of("0123456789"), text.size());
  std::string_view rest = text.substr(end);
  rest.remove_prefix(std::min(rest.find_first_not_of(" \t"), rest.size()));
  return {text.substr(0, end), rest};
}

/// "write 10min" for `10m`, `10 min` and the like; empty without an idea.
std::string duration_hint(std::string_view text) {
  const auto [digits, rest] = split_number(text);
  if (digits.empty()) return {};
  if (rest.empty()) return fmt::format(": a unit is missing: {0}s or {0}ms", digits);
  if (rest == "m") return fmt::format(": m is no unit, write {}min", digits);
  for (const auto& [spelling, unit] : {std::pair<std::string_view, std::string_view>{"sec", "s"},
                                       {"secs", "s"},
                                       {"second", "s"},
                                       {"seconds", "s"},
                                       {"msec", "ms"},
                                       {"usec", "us"},
                                       {"mins", "min"},
                                       {"minute", "min"},
                                       {"minutes", "min"},
                                       {"hour", "h"},
                                       {"hours", "h"},
                                       {"ns", "ns"},
                                       {"us", "us"},
                                       {"ms", "ms"},
                                       {"s", "s"},
                                       {"min", "min"},
                                       {"h", "h"}}) {
    if (rest == spelling) return fmt::format(": write {}{}", digits, unit);
  }
  return {};
}

/// "write 67108864" for `64MiB` or `64 MiB`; empty without an idea.
std::string bytes_hint(std::string_view text) {
  const auto [digits, rest] = split_number(text);
  const auto bytes = rest.empty() ? std::nullopt : parse_byte_size(fmt::format("{}{}", digits, rest));
  return bytes ? fmt::format(": write {}", *bytes) : std::string();
}

bool is_signed_number(std::string_view text) {
  return text.size() > 1 && (text.front() == '-' || text.front() == '+') && text[1] >= '0' && text[1] <= '9';
}

/// Puts one value into its place; the complaint's `what` is all it has to find.
class Assignment {
 public:
  Assignment(DaemonConfig& config, std::string_view text) : config_(config), text_(text) {}

  /// Empty when the value was stored; else what is wrong with it.
  std::string operator()(const IntegerField& field) const {
    if (is_signed_number(text_)) return text_.front() == '-' ? negative() : signed_number();
    const auto value = parse_integer(text_);
    if (!value) {
      const bool digits = !text_.empty() && text_.find_first_not_of("0123456789") == std::string_view::npos;
      if (digits && text_.front() != '0') return out_of_range();
      if (digits)
        return fmt::format("{} begins with a zero, which CAF reads as an octal number", excerpt(text_));
      return fmt::format("{} is not a whole number{}", excerpt(text_),
                         field.unit == "bytes" ? bytes_hint(text_) : "");
    }
    if (*value < field.minimum || *value > field.maximum) return out_of_range();
    field.in(config_) = *value;
    return {};
  }

  std::string operator()(const DurationField& field) const {
    if (is_signed_number(text_)) return text_.front() == '-' ? negative() : signed_number();
    const auto value = parse_duration(text_);
    if (!value) {
      const bool zero_first = text_.size() > 1 && text_.front() == '0' && text_[1] >= '0' && text_[1] <= '9';
      if (zero_first)
        return fmt::format("{} begins with a zero, which CAF reads as an octal number", excerpt(text_));
      if (is_duration_shaped()) return out_of_range();
      return fmt::format("{} is not a duration{}", excerpt(text_), duration_hint(text_));
    }
    const auto whole = std::chrono::duration_cast<std::chrono::milliseconds>(*value);
    const bool off = field.zero_is_off && *value == 0ns;
    if (!off && (*value < field.minimum || *value > field.maximum)) return out_of_range();
    if (whole != *value) return fmt::format("{} is not in whole milliseconds", excerpt(text_));
    field.in(config_) = whole;
    return {};
  }

  std::string operator()(const BooleanField& field) const {
    if (text_ != "true" && text_ != "false")
      return fmt::format("{} is neither true nor false", excerpt(text_));
    field.in(config_) = text_ == "true";
    return {};
  }

  std::string operator()(const TextField& field) const {
    if (!field.accepts(text_)) return fmt::format("{} cannot be used", excerpt(text_));
    field.in(config_) = text_;
    return {};
  }

  std::string operator()(const ChoiceField& field) const {
    const auto found = std::find(field.choices.begin(), field.choices.end(), text_);
    if (found == field.choices.end()) return fmt::format("{} is not one of the choices", excerpt(text_));
    field.set(config_, static_cast<std::size_t>(found - field.choices.begin()));
    return {};
  }

 private:
  [[nodiscard]] std::string negative() const { return fmt::format("{} is negative", excerpt(text_)); }
  [[nodiscard]] std::string signed_number() const { return fmt::format("{} has a sign", excerpt(text_)); }
  [[nodiscard]] std::string out_of_range() const { return fmt::format("{} is out of range", excerpt(text_)); }

  /// Digits and a proper unit: then only the size can be wrong.
  [[nodiscard]] bool is_duration_shaped() const {
    const std::size_t end = std::min(text_.find_first_not_of("0123456789"), text_.size());
    return end > 0 && std::any_of(units.begin(), units.end(),
                                  [&](const Unit& unit) { return unit.name == text_.substr(end); });
  }

  DaemonConfig& config_;
  std::string_view text_;
};

/// The largest unit that needs no fraction: 60000ms is 1min, 90s stays 90s.
std::string render_duration(std::chrono::milliseconds value) {
  if (value == 0ms) return "0s";
  if (value % 1h == 0ms) return fmt::format("{}h", value / 1h);
  if (value % 1min == 0ms) return fmt::format("{}min", value / 1min);
  if (value % 1s == 0ms) return fmt::format("{}s", value / 1s);
  return fmt::format("{}ms", value.count());
}

std::string quote_choice(std::string_view choice, Form form) {
  return form == Form::file ? fmt::format("'{}'", choice) : std::string(choice);
}

}  // namespace

std::string Option::name() const { return fmt::format("{}.{}", section, key); }

std::span<const Option> options() { return table; }

std::vector<std::string_view> sections() {
  std::vector<std::string_view> names;
  for (const Option& option : table) {
    if (names.empty() || names.back() != option.section) names.push_back(option.section);
  }
  return names;
}

const Option* find_option(std::string_view section, std::string_view key) {
  const auto* const found = std::find_if(table.begin(), table.end(), [&](const Option& option) {
    return option.section == section && option.key == key;
  });
  return found == table.end() ? nullptr : found;
}

std::string_view section_help(std::string_view section) {
  if (section == "proctord") return "The daemon itself.";
  if (section == "sandbox") return "Limits of every sandbox.";
  if (section == "introspection") return "The record of what the daemon saw and decided.";
  return "The threads that run what belongs to no sandbox.";
}

std::optional<std::chrono::nanoseconds> parse_duration(std::string_view text) {
  const std::size_t end = std::min(text.find_first_not_of("0123456789"), text.size());
  const auto number = parse_integer(text.substr(0, end));
  const auto* const unit =
      std::find_if(units.begin(), units.end(), [&](const Unit& u) { return u.name == text.substr(end); });
  if (!number || unit == units.end()) return std::nullopt;
  const auto limit = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max() / unit->nanoseconds);
  if (*number > limit) return std::nullopt;
  return std::chrono::nanoseconds(static_cast<std::int64_t>(*number) * unit->nanoseconds);
}

std::optional<Complaint> assign(DaemonConfig& config, const Option& option, std::string_view text,
                                Form form) {
  std::string what = std::visit(Assignment(config, text), option.field);
  if (what.empty()) return std::nullopt;
  return Complaint{std::move(what), expected_value(option, form)};
}

std::string expected_value(const Option& option, Form form) {
  return std::visit(
      Overloaded{
          [](const IntegerField& field) {
            return fmt::format("a whole number of {} from {} to {}", field.unit, field.minimum,
                               field.maximum);
          },
          [](const DurationField& field) {
            return fmt::format("a duration from {} to {}{} (units: ns us ms s min h)",
                               render_duration(field.minimum), render_duration(field.maximum),
                               field.zero_is_off ? ", or 0s for never" : "");
          },
          [](const BooleanField&) { return std::string("true or false"); },
          [&](const TextField& field) {
            return fmt::format("{}{}", field.expected, form == Form::file ? ", in double quotes" : "");
          },
          [&](const ChoiceField& field) {
            std::string words;
            for (const std::string_view choice : field.choices) {
              words += fmt::format("{}{}", words.empty() ? "" : ", ", quote_choice(choice, form));
            }
            return fmt::format("{}{}", field.choices.size() > 1 ? "one of " : "", words);
          },
      },
      option.field);
}

std::string render(DaemonConfig config, const Option& option) {
  return std::visit(Overloaded{
                        [&](const IntegerField& field) { return fmt::format("{}", field.in(config)); },
                        [&](const DurationField& field) { return render_duration(field.in(config)); },
                        [&](const BooleanField& field) { return fmt::format("{}", field.in(config)); },
                        [&](const TextField& field) {
                          std::string quoted = "\"";
                          for (const char c : field.in(config)) {
                            if (c == '"' || c == '\\') quoted += '\\';
                            quoted += c;
                          }
                          return quoted + '"';
                        },
                        [&](const ChoiceField& field) {
                          return quote_choice(field.choices[field.get(config)], Form::file);
                        },
                    },
                    option.field);
}

std::string render_default(const Option& option) {
  return option.default_words.empty() ? render(DaemonConfig{}, option) : std::string(option.default_words);
}

void copy_value(DaemonConfig from, DaemonConfig& to, const Option& option) {
  std::visit(Overloaded{
                 [&](const ChoiceField& field) { field.set(to, field.get(from)); },
                 [&](const auto& field) { field.in(to) = field.in(from); },
             },
             option.field);
}

}  // namespace proctor::config
