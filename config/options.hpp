#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "policy/settings.hpp"

namespace proctor::config {

/// Who runs the actors that are bound to no sandbox. One answer only: CAF's other scheduler burns 1 % of a
/// CPU when idle. It is an option so that a file that asks for the other is refused, not ignored.
enum class SchedulerPolicy : std::uint8_t { sharing };

/// Every setting of proctord. The initial values are the defaults; `options()` says what each may be.
struct DaemonConfig {
  struct Proctord {
    std::string socket;  ///< absolute path; load() never leaves it empty
    std::uint64_t sandboxes_max = policy::sandboxes_max_default;

    bool operator==(const Proctord&) const = default;
  };
  struct Sandbox {
    std::chrono::milliseconds verdict_timeout = policy::verdict_timeout_default;
    std::uint64_t processes_max = policy::processes_max_default;  ///< registered at once, per sandbox
    /// Notifications in flight (slots of the journal), per sandbox.
    std::uint64_t pending_max = policy::pending_max_default;
    bool accept_degraded = false;

    bool operator==(const Sandbox&) const = default;
  };
  struct Introspection {
    std::string file;  ///< absolute path; empty: standard error; "none": no record
    policy::RecordLevel level = policy::RecordLevel::verdicts;
    std::chrono::milliseconds sample_interval{0};               ///< 0: no samples
    std::uint64_t rotate_bytes = policy::rotate_bytes_default;  ///< the record starts a new file at this size
    std::uint64_t rotate_files = policy::rotate_files_default;  ///< older files that are kept

    bool operator==(const Introspection&) const = default;
  };
  struct Scheduler {
    SchedulerPolicy policy = SchedulerPolicy::sharing;
    std::uint64_t max_threads = 1;

    bool operator==(const Scheduler&) const = default;
  };

  Proctord proctord;
  Sandbox sandbox;
  Introspection introspection;
  Scheduler scheduler;

  bool operator==(const DaemonConfig&) const = default;
};

// Where an option lives in DaemonConfig, and what it may be. The alternative of Field is the option's type.

struct IntegerField {
  std::uint64_t& (*in)(DaemonConfig&);
  std::uint64_t minimum;
  std::uint64_t maximum;
  std::string_view unit;  ///< "bytes", "threads"
};
struct DurationField {
  std::chrono::milliseconds& (*in)(DaemonConfig&);
  std::chrono::milliseconds minimum;
  std::chrono::milliseconds maximum;
  bool zero_is_off = false;  ///< 0s is allowed beside the range
};
struct BooleanField {
  bool& (*in)(DaemonConfig&);
};
struct TextField {
  std::string& (*in)(DaemonConfig&);
  bool (*accepts)(std::string_view);
  std::string_view expected;  ///< in words
};
struct ChoiceField {
  std::size_t (*get)(const DaemonConfig&);
  void (*set)(DaemonConfig&, std::size_t index);
  std::span<const std::string_view> choices;
};
using Field = std::variant<IntegerField, DurationField, BooleanField, TextField, ChoiceField>;

/// One declared option: the one place from which the validation, the command line, the commented
/// proctord.conf and docs/configuration.md are made.
struct Option {
  std::string_view section;
  std::string_view key;
  std::string_view alias = {};  ///< a second long option of the command line, without dashes; may be empty
  Field field;
  bool reloadable = false;  ///< SIGHUP changes it; else a restart does
  std::string_view help;
  std::string_view default_words = {};  ///< when the default is more than DaemonConfig's initial value

  /// "sandbox.verdict-timeout"
  [[nodiscard]] std::string name() const;
};

/// All options, grouped by section in the order of the documentation.
[[nodiscard]] std::span<const Option> options();
/// The section names, in that order.
[[nodiscard]] std::vector<std::string_view> sections();
/// Nothing when there is no such option.
[[nodiscard]] const Option* find_option(std::string_view section, std::string_view key);
[[nodiscard]] std::string_view section_help(std::string_view section);

/// What a value may be, in words: "a duration from 100ms to 5min". `Form` decides about quotes.
enum class Form : std::uint8_t {
  file,          ///< strings in double quotes, choices in single quotes
  command_line,  ///< neither: the shell takes quotes away
};
[[nodiscard]] std::string expected_value(const Option& option, Form form);

/// The option's value as a config file writes it: `5s`, `"/run/x"`, `'all'`.
[[nodiscard]] std::string render(DaemonConfig config, const Option& option);
/// Its default in words, for documentation.
[[nodiscard]] std::string render_default(const Option& option);

/// Why a value is refused.
struct Complaint {
  std::string what;
  std::string expected;
};

/// Reads `text` as the value of `option` and stores it in `config`; on a complaint `config` is as before.
/// `text` is without quotes. Numbers are plain decimal digits: what CAF forgives or misreads (010 is eight,
/// an overflowing duration wraps round) is refused here.
[[nodiscard]] std::optional<Complaint> assign(DaemonConfig& config, const Option& option,
                                              std::string_view text, Form form);

/// Makes `option` in `to` what it is in `from`.
void copy_value(DaemonConfig from, DaemonConfig& to, const Option& option);

/// Exactly digits and one of ns us ms s min h, without overflow of 64-bit nanoseconds.
[[nodiscard]] std::optional<std::chrono::nanoseconds> parse_duration(std::string_view text);

}  // namespace proctor::config
