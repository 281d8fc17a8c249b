#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace proctor::config {

/// What CAF's grammar took a value for.
enum class ValueKind : std::uint8_t {
  bare,        ///< a number, a duration, true, false
  string,      ///< "..."
  atom,        ///< '...'
  other,       ///< a list, a map, a <uri>: no option takes one
  unreadable,  ///< the grammar refused it, or something follows it on its line
};

/// One `key = value`, as it stands in the file.
struct Entry {
  std::string section;  ///< "a.b" for [a.b]; empty above the first section
  std::string key;
  int line = 0;  ///< of the key, from 1
  ValueKind kind = ValueKind::unreadable;
  std::string raw;   ///< the value as written, without comment; for `unreadable` the rest of its line
  std::string text;  ///< of a string or an atom: what is between the quotes, escapes resolved
};

/// One [section] header.
struct SectionHeader {
  std::string name;
  int line = 0;
};

/// Something that is no entry at all.
struct SyntaxError {
  int line = 0;
  std::string what;
  std::string expected;
};

struct IniContent {
  std::vector<Entry> entries;           ///< in the order of the file
  std::vector<SectionHeader> sections;  ///< each header, repeated ones too
  std::vector<SyntaxError> errors;
};

/// Reads `text` by CAF 0.17's own grammar for config files (caf/detail/parser/read_ini.hpp), and notes where
/// each thing stands. Unlike CAF it goes on behind an error (at the next line; behind a broken header, list
/// or map at the next header), so that one run tells of every mistake. It stops after 100 errors.
///
/// What CAF's parser accepts and loses is an error here: an unterminated list or map, text behind a value
/// (CAF takes `x = 1 y = 2` for a second, global key), a second header or a key on a header's line. Input
/// that would overflow CAF's own arithmetic or the stack never reaches it. `text` must be free of NUL and CR.
[[nodiscard]] IniContent read_ini(std::string_view text);

}  // namespace proctor::config
