#include "config/options.hpp"

#include <fmt/format.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <limits>

#include "config/numbers.hpp"
#include "config/text.hpp"

namespace proctor::config {

namespace {

using namespace std::chrono_literals;

constexpr std::size_t path_bytes_max = 4095;                                 // PATH_MAX without its NUL
constexpr std::size_t socket_bytes_max = sizeof(sockaddr_un::sun_path) - 1;  // unix(7)

constexpr std::array<std::string_view, 4> levels{"off", "lifecycle", "verdicts", "all"};
constexpr std::array<std::string_view, 1> scheduler_policies{"sharing"};

// A control character in a path is a broken file or an attack on whoever reads the log.
bool is_absolute_path(std::string_view text, std::size_t bytes_max) {
  return text.size() > 1 && text.size() <= bytes_max && text.front() == '/' && text.back() != '/' &&
         std::none_of(text.begin(), text.end(), [](char c) {
           const auto byte = static_cast<unsigned char>(c);
           return byte < 0x20 || byte == 0x7f;
         });
}

bool is_socket_path(std::string_view text) { return is_absolute_path(text, socket_bytes_max); }

bool is_record_file(std::string_view text) {
  return text.empty() || text == "none" || is_absolute_path(text, path_bytes_max);
}

constexpr IntegerField integer(std::uint64_t& (*in)(DaemonConfig&), std::uint64_t minimum,
                               std::uint64_t maximum, std::string_view unit) {
  return {in, minimum, maximum, unit};
}

const std::array<Option, 13> table{
    {{"proctord", "socket", "socket",
      TextField{[](DaemonConfig& c) -> std::string& { return c.proctord.socket; }, is_socket_path,
                "an absolute path of at most 107 bytes"},
      false, "The Unix socket on which proctord takes sandboxes in and answers questions about them.",
      "\"/run/proctor/proctord.sock\" for root, else \"proctor/proctord.sock\" below $XDG_RUNTIME_DIR"},
     {"proctord",
      "sandboxes-max",
      "sandboxes-max",
      integer(
          [](DaemonConfig& c) -> auto& { return c.proctord.sandboxes_max; }, 1, 32768, "sandboxes"),
      false,
      "Sandboxes supervised at once; one more is refused. Each takes a thread.",
      {}},
     {"sandbox", "verdict-timeout", "verdict-timeout",
      DurationField{[](DaemonConfig & c) -> auto& {return c.sandbox.verdict_timeout;
}  // namespace
, 100ms, 5min, false
}  // namespace proctor::config
, true, "A notification that has no answer for so long is refused. Sandboxes that already run keep theirs.",
{}
}
,
    {"sandbox",
     "processes-max",
     "processes-max",
     integer(
         [](DaemonConfig& c) -> auto& { return c.sandbox.processes_max; }, 1, 4194304, "processes"),
     false,
     "Processes of one sandbox registered at once; the calls of one more are refused.",
     {}},
    {"sandbox",
     "pending-max",
     "pending-max",
     integer(
         [](DaemonConfig& c) -> auto& { return c.sandbox.pending_max; }, 1, 65536, "notifications"),
     false,
     "Notifications of one sandbox in flight at once: the slots of its journal.",
     {}},
    {"sandbox",
     "accept-degraded",
     "accept-degraded",
     BooleanField{[](DaemonConfig& c) -> bool& { return c.sandbox.accept_degraded; }},
     false,
     "Whether sandboxes start even where the kernel lacks something that safety needs.",
     {}},
    {"introspection",
     "file",
     {},
     TextField{[](DaemonConfig& c) -> std::string& { return c.introspection.file; }, is_record_file,
               "an absolute path, \"\" for standard error, or \"none\""},
     false,
     "Where the introspection record is written.",
     "\"\", which is standard error"},
    {"introspection",
     "level",
     {},
     ChoiceField{
         [](const DaemonConfig& c) { return static_cast<std::size_t>(c.introspection.level); },
         [](DaemonConfig& c, std::size_t i) { c.introspection.level = static_cast<IntrospectionLevel>(i); },
         levels},
     true,
     "How much the record tells: 'off' is nothing; 'lifecycle' tells of sandboxes and processes that come "
     "and "
     "go, and of faults; 'verdicts' also of every verdict; 'all' also of what a developer of proctor asks "
     "for.",
     {}},
    {"introspection", "sample-interval", {},
     DurationField{[](DaemonConfig & c) -> auto& {return c.introspection.sample_interval;
}
, 1s, 24h, true
}
, true,
    "How often the actors' own figures (messages, busy time, mailbox depth) are recorded, at every level but "
    "'off'. 0s: never.",
{}
}
,
    {"introspection",
     "rotate-bytes",
     {},
     integer(
         [](DaemonConfig& c) -> auto& { return c.introspection.rotate_bytes; }, 65536, 1ULL << 40U, "bytes"),
     false,
     "The record goes on in a new file when the present one has this size.",
     {}},
    {"introspection",
     "rotate-files",
     {},
     integer(
         [](DaemonConfig& c) -> auto& { return c.introspection.rotate_files; }, 1, 1000, "files"),
     false,
     "Older files of the record that are kept.",
     {}},
    {"scheduler",
     "policy",
     {},
     ChoiceField{[](const DaemonConfig& c) { return static_cast<std::size_t>(c.scheduler.policy); },
                 [](DaemonConfig& c, std::size_t i) { c.scheduler.policy = static_cast<SchedulerPolicy>(i); },
                 scheduler_policies},
     false,
     "How CAF runs the actors that belong to no sandbox. CAF's other policy uses CPU even when idle.",
     {}},
    {"scheduler",
     "max-threads",
     {},
     integer(
         [](DaemonConfig& c) -> auto& { return c.scheduler.max_threads; }, 1, 64, "threads"),
     false,
     "Threads for the actors that belong to no sandbox. Each sandbox has its own thread beside these.",
     {}},
}
}
;

struct Unit {
  std::string_view name;
  std::int64_t nanoseconds;
};
constexpr std::array<Unit, 6> units{{{"ns", 1},
                                     {"us", 1'000},
                                     {"ms", 1'000'000},
                                     {"s", 1'000'000'000},
                                     {"min", 60'000'000'000},
                                     {"h", 3'600'000'000'000}}};

/// The largest unit that needs no fraction: 60000ms is 1min, 90s stays 90s.
std::string render_duration(std::chrono::milliseconds value) {
  if (value == 0ms) return "0s";
  if (value % 1h == 0ms) return fmt::format("{}h", value / 1h);
  if (value % 1min == 0ms) return fmt::format("{}min", value / 1min);
  if (value % 1s == 0ms) return fmt::format("{}s", value / 1s);
  return fmt::format("{}ms", value.count());
}

template <class... Handlers>
struct Overloaded : Handlers... {
  using Handlers::operator()...;
};
template <class... Handlers>
Overloaded(Handlers...) -> Overloaded<Handlers...>;

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

namespace {

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

}  // namespace

std::optional<Complaint> assign(DaemonConfig& config, const Option& option, std::string_view text,
                                Form form) {
  std::string what = std::visit(Assignment(config, text), option.field);
  if (what.empty()) return std::nullopt;
  return Complaint{std::move(what), expected_value(option, form)};
}

void copy_value(DaemonConfig from, DaemonConfig& to, const Option& option) {
  std::visit(Overloaded{
                 [&](const ChoiceField& field) { field.set(to, field.get(from)); },
                 [&](const auto& field) { field.in(to) = field.in(from); },
             },
             option.field);
}

std::optional<std::string> default_socket_path(uid_t user, const char* xdg_runtime_dir) {
  if (user == 0) return "/run/proctor/proctord.sock";
  if (xdg_runtime_dir == nullptr) return std::nullopt;
  std::string path = fmt::format("{}/proctor/proctord.sock", xdg_runtime_dir);
  if (!is_socket_path(path)) return std::nullopt;
  return path;
}

}  // namespace proctor::config
