#include "config/ini_reader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <caf/atom.hpp>
#include <caf/detail/parser/read_ini.hpp>
#include <caf/pec.hpp>
#include <cstddef>
#include <string>
#include <type_traits>
#include <utility>

#include "config/numbers.hpp"
#include "config/options.hpp"
#include "config/text.hpp"

namespace proctor::config {

namespace {

constexpr std::size_t errors_max = 100;
constexpr std::size_t nesting_max = 16;  // CAF's parser recurses: its depth is the input's

constexpr std::string_view expected_line = "[section], key = value, or a comment that begins with ;";

/// The text by lines. Offsets are bytes, lines count from 1.
class Lines {
 public:
  explicit Lines(std::string_view text) : text_(text) {
    starts_.push_back(0);
    for (std::size_t i = 0; i < text.size(); ++i) {
      if (text[i] == '\n') starts_.push_back(i + 1);
    }
  }

  /// A newline belongs to the line it ends.
  [[nodiscard]] std::size_t line_of(std::size_t offset) const {
    return static_cast<std::size_t>(std::upper_bound(starts_.begin(), starts_.end(), offset) -
                                    starts_.begin());
  }
  [[nodiscard]] std::size_t count() const { return starts_.size(); }
  [[nodiscard]] std::size_t start(std::size_t line) const { return starts_[line - 1]; }
  [[nodiscard]] std::string_view content(std::size_t line) const {
    const std::size_t end = line < starts_.size() ? starts_[line] - 1 : text_.size();
    return text_.substr(start(line), end - start(line));
  }

 private:
  std::string_view text_;
  std::vector<std::size_t> starts_;
};

/// The length of `line` before its comment, if it has one.
std::size_t comment_start(std::string_view line) {
  char quote = 0;
  for (std::size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    if (quote != 0) {
      if (c == '\\' && quote == '"') ++i;
      if (c == quote) quote = 0;
    } else if (c == '"' || c == '\'') {
      quote = c;
    } else if (c == ';') {
      return i;
    }
  }
  return line.size();
}

/// Whether `line` is what a [section] header looks like: where reading can start again.
bool looks_like_header(std::string_view line) {
  const std::string_view head = trim(line.substr(0, comment_start(line)));
  return head.size() > 2 && head.front() == '[' && head.back() == ']' &&
         head.find_first_of("[]{}=\"',<> \t", 1) == head.size() - 1;
}

bool is_token_char(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '-' ||
         c == '+' || c == '.';
}

/// `text` with every number that is not plain decimal digits, with or without a unit, made unreadable in
/// place. None of them is a value of ours, and CAF's arithmetic overflows on some
/// (2562048h, 1.5e-2147483648), which is undefined behaviour and then a wrong value.
std::string mask_odd_numbers(std::string_view text) {
  std::string masked(text);
  char quote = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '\n') {
      quote = 0;  // neither strings nor atoms nor comments cross lines
    } else if (quote == ';') {
      continue;
    } else if (quote != 0) {
      if (c == '\\' && quote == '"' && i + 1 < text.size() && text[i + 1] != '\n') ++i;
      if (c == quote) quote = 0;
    } else if (c == '"' || c == '\'' || c == ';') {
      quote = c;
    } else if (is_token_char(c)) {
      std::size_t end = i;
      while (end < text.size() && is_token_char(text[end])) ++end;
      const std::string_view token = text.substr(i, end - i);
      const bool number = (c >= '0' && c <= '9') || c == '-' || c == '+' || c == '.';
      if (number && !parse_integer(token) && !parse_duration(token))
        std::fill_n(masked.begin() + static_cast<std::ptrdiff_t>(i), token.size(), '?');
      i = end - 1;
    }
  }
  return masked;
}

/// The State of CAF's parsers: a position, a code, and an end that the consumer can bring about.
class State {
 public:
  explicit State(std::string_view text) : text_(text) {}

  [[nodiscard]] char current() const noexcept {
    return stopped_ || position_ >= text_.size() ? '\0' : text_[position_];
  }
  char next() noexcept {
    if (position_ < text_.size()) ++position_;
    return current();
  }

  [[nodiscard]] std::size_t position() const { return position_; }
  [[nodiscard]] char previous() const { return position_ == 0 ? '\0' : text_[position_ - 1]; }
  [[nodiscard]] bool at_end() const { return position_ >= text_.size(); }
  [[nodiscard]] bool stopped() const { return stopped_; }
  void stop() { stopped_ = true; }
  void restart(std::size_t position) {
    position_ = position;
    stopped_ = false;
    code = caf::pec::success;
  }

  caf::pec code = caf::pec::success;  // CAF's parsers read and write it by this name

 private:
  std::string_view text_;
  std::size_t position_ = 0;
  bool stopped_ = false;
};

/// Notes what CAF's parser finds, and where. The parser tells of a thing when it has just read past it.
class EntryCollector {
 public:
  EntryCollector(std::string_view text, const Lines& lines, State& state)
      : text_(text), lines_(lines), state_(state) {}

  // What the parser calls, through Scope.

  void key(std::string name) {
    if (containers_ > 0) return;
    pending_.key = std::move(name);
    pending_.line = static_cast<int>(current_line());
    value_start_ = state_.position() + (state_.current() == '=' ? 1U : 0U);
    has_key_ = true;
  }

  void begin_map() {
    if (containers_ > 0 || (has_key_ && in_section_ && state_.previous() == '{')) {
      open_container();
    } else {
      open_section();
    }
  }
  void begin_list() { open_container(); }

  void end_list() { close_container(); }
  void end_map() {
    if (containers_ > 0) {
      close_container();
    } else if (in_section_) {
      in_section_ = false;
    }
  }

  void value(ValueKind kind, std::string text) {
    if (containers_ > 0) return;
    finish_entry(kind, std::move(text), state_.position());
  }

  // What the loop around the parser calls.

  /// After a run that ended in an error or was stopped: notes the error, says where to go on.
  /// Nothing is left to read when it returns the end of the text.
  std::size_t recover();

  /// The parser is inside a section's lines again, though it has not read its header just now.
  void resume_section() { in_section_ = true; }
  [[nodiscard]] bool has_section() const { return !section_.empty(); }

  [[nodiscard]] IniContent take() { return std::move(content_); }
  [[nodiscard]] bool is_full() const { return content_.errors.size() >= errors_max; }

 private:
  [[nodiscard]] std::size_t current_line() const { return lines_.line_of(state_.position()); }

  void open_section();
  void open_container();
  void close_container();
  void finish_entry(ValueKind kind, std::string text, std::size_t end);
  void fail(std::size_t line, std::string what, std::string_view expected);
  void note_unreadable_value();

  // What recover() does for each thing that the parser cannot read: notes it, and says where to go on.
  std::size_t recover_from_container(std::size_t line);
  std::size_t recover_from_value(std::size_t line);
  std::size_t recover_from_text_behind_value(std::size_t line);
  std::size_t recover_from_header(std::size_t line);
  std::size_t recover_from_line(std::size_t line);

  [[nodiscard]] std::string_view trimmed(std::size_t line) const { return trim(lines_.content(line)); }
  [[nodiscard]] std::size_t next_line(std::size_t line) const;
  [[nodiscard]] std::size_t next_header(std::size_t after_line) const;

  std::string_view text_;
  const Lines& lines_;
  State& state_;
  IniContent content_;

  std::string section_;      // the one whose lines are being read; empty above the first
  bool in_section_ = false;  // inside a section's lines, or the global ones
  std::size_t header_line_ = 0;
  bool has_key_ = false;  // pending_ awaits its value
  Entry pending_;
  std::size_t value_start_ = 0;
  std::size_t last_value_start_ = 0;
  std::size_t value_line_ = 0;  // where the last finished value ended
  std::size_t containers_ = 0;  // open lists and maps
  std::size_t section_depth_ = 0;
};

void EntryCollector::open_section() {
  const std::size_t line = current_line();
  // CAF takes text behind a value, and keys behind a header's line, for the start of something new.
  const bool behind_value = value_line_ == line;
  const bool is_header = state_.previous() == ']' || state_.previous() == '.';
  has_key_ = false;
  if (behind_value) return state_.stop();
  if (in_section_) {
    // [a.b] arrives as a, then b.
    if (++section_depth_ > nesting_max) return state_.stop();
    section_ += '.';
  } else {
    if (is_header && header_line_ == line) return state_.stop();
    section_.clear();
    section_depth_ = 0;
  }
  in_section_ = true;
  if (!is_header) return;
  section_ += pending_.key;
  header_line_ = line;
  if (state_.previous() == ']') content_.sections.push_back({section_, static_cast<int>(line)});
}

void EntryCollector::open_container() {
  if (++containers_ > nesting_max) state_.stop();
}

void EntryCollector::close_container() {
  // The parser still stands on the bracket.
  if (containers_ > 0 && --containers_ == 0) finish_entry(ValueKind::other, {}, state_.position() + 1);
}

void EntryCollector::finish_entry(ValueKind kind, std::string text, std::size_t end) {
  if (!has_key_) return;
  pending_.section = section_;
  pending_.kind = kind;
  pending_.raw = trim(text_.substr(value_start_, end - value_start_));
  pending_.text = std::move(text);
  content_.entries.push_back(std::move(pending_));
  pending_ = {};
  has_key_ = false;
  value_line_ = current_line();
  last_value_start_ = value_start_;
  if (header_line_ == static_cast<std::size_t>(content_.entries.back().line)) {
    fail(header_line_,
         fmt::format("{} stands on the line of its [section]", excerpt(content_.entries.back().key)),
         "a line of its own for each");
  }
}

void EntryCollector::fail(std::size_t line, std::string what, std::string_view expected) {
  content_.errors.push_back({static_cast<int>(line), std::move(what), std::string(expected)});
}

/// The value of pending_, or what stands behind the last value, is unreadable: what counts is the rest of the
/// line.
void EntryCollector::note_unreadable_value() {
  const std::size_t line = lines_.line_of(value_start_);
  const std::size_t line_end = lines_.start(line) + lines_.content(line).size();
  const std::string_view rest = text_.substr(value_start_, std::max(line_end, value_start_) - value_start_);
  pending_.section = section_;
  pending_.kind = ValueKind::unreadable;
  pending_.raw = trim(rest.substr(0, comment_start(rest)));
  content_.entries.push_back(std::move(pending_));
  pending_ = {};
  has_key_ = false;
}

std::size_t EntryCollector::next_line(std::size_t line) const {
  return line < lines_.count() ? lines_.start(line + 1) : text_.size();
}

std::size_t EntryCollector::next_header(std::size_t after_line) const {
  for (std::size_t line = after_line + 1; line <= lines_.count(); ++line) {
    if (looks_like_header(lines_.content(line))) return lines_.start(line);
  }
  return text_.size();
}

std::size_t EntryCollector::recover() {
  const std::size_t line = current_line();
  in_section_ = false;
  if (containers_ > 0) return recover_from_container(line);
  if (has_key_ && lines_.line_of(value_start_) == line) return recover_from_value(line);
  has_key_ = false;
  if (value_line_ == line && !content_.entries.empty()) return recover_from_text_behind_value(line);
  if (trimmed(line).starts_with('[')) return recover_from_header(line);
  return recover_from_line(line);
}

/// A list or map that is nested too deeply, is not closed, or holds what cannot be read.
std::size_t EntryCollector::recover_from_container(std::size_t line) {
  const auto opened = static_cast<std::size_t>(pending_.line);
  const bool deep = std::exchange(containers_, 0) > nesting_max;
  const std::string what = deep              ? "is nested too deeply"
                           : state_.at_end() ? "is not closed"
                                             : fmt::format("cannot be read beyond line {}", line);
  fail(opened, fmt::format("the list or map of {} {}", excerpt(pending_.key), what),
       "one value on the key's line");
  has_key_ = false;
  return next_header(opened);
}

std::size_t EntryCollector::recover_from_value(std::size_t line) {
  note_unreadable_value();
  return next_line(line);
}

/// What follows the value makes all of it unreadable: `10 min`, `64MiB`, `5s, 6s`.
std::size_t EntryCollector::recover_from_text_behind_value(std::size_t line) {
  pending_ = std::move(content_.entries.back());
  content_.entries.pop_back();
  value_start_ = last_value_start_;
  note_unreadable_value();
  return next_line(line);
}

std::size_t EntryCollector::recover_from_header(std::size_t line) {
  fail(line, fmt::format("cannot read the section header {}", excerpt(trimmed(line))),
       "[section] alone on its line");
  return next_header(line);
}

/// A line that is none of these.
std::size_t EntryCollector::recover_from_line(std::size_t line) {
  const std::string_view content = trimmed(line);
  const bool foreign_comment = content.starts_with('#') || content.starts_with("//");
  fail(line, fmt::format("cannot read {}", excerpt(content)),
       foreign_comment ? "a comment to begin with ;" : expected_line);
  return next_line(line);
}

/// The Consumer of CAF's parsers. They want one object per nested thing; all lead to one collector.
class Scope {
 public:
  explicit Scope(EntryCollector& collector) : collector_(&collector) {}

  void key(std::string name) { collector_->key(std::move(name)); }
  Scope begin_map() {
    collector_->begin_map();
    return *this;
  }
  Scope begin_list() {
    collector_->begin_list();
    return *this;
  }
  void end_map() { collector_->end_map(); }
  void end_list() { collector_->end_list(); }

  template <class T>
  void value(T&& read) {
    using Read = std::decay_t<T>;
    if constexpr (std::is_same_v<Read, std::string>) {
      collector_->value(ValueKind::string, std::forward<T>(read));
    } else if constexpr (std::is_same_v<Read, caf::atom_value>) {
      collector_->value(ValueKind::atom, caf::to_string(read));
    } else if constexpr (std::is_same_v<Read, caf::uri>) {
      collector_->value(ValueKind::other, {});
    } else {
      collector_->value(ValueKind::bare, {});
    }
  }

 private:
  EntryCollector* collector_;
};

}  // namespace

IniContent read_ini(std::string_view text) {
  const Lines lines(text);
  const std::string masked = mask_odd_numbers(text);
  State state(masked);
  EntryCollector collector(text, lines, state);
  Scope scope(collector);
  bool inside = false;  // a section's lines go on behind an error
  while (!state.at_end() && !collector.is_full()) {
    if (inside) {
      collector.resume_section();
      caf::detail::parser::read_ini_section(state, scope);
      inside = false;
      // Another header, or text behind a value: for the outer parser, as CAF does it.
      if (state.code <= caf::pec::trailing_character && !state.stopped()) {
        state.code = caf::pec::success;
        if (state.at_end()) break;
        caf::detail::parser::read_ini(state, scope);
      }
    } else {
      caf::detail::parser::read_ini(state, scope);
    }
    if (state.code == caf::pec::success && !state.stopped()) break;
    const std::size_t next = collector.recover();
    state.restart(next);
    inside = collector.has_section() &&
             !(next < text.size() && looks_like_header(lines.content(lines.line_of(next))));
  }
  return collector.take();
}

}  // namespace proctor::config
