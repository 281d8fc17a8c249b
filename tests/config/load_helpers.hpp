#pragma once

#include <stdlib.h>

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "config/loader.hpp"
#include "support/catch.hpp"

namespace proctor::config::testing {

/// So that the default socket exists for every user.
inline const int runtime_directory_is_set = ::setenv("XDG_RUNTIME_DIR", "/run/user/4711", 1);

/// The configuration of a text that must be right.
inline DaemonConfig accepted(std::string_view text) {
  const std::vector<Override> socket{{"proctord.socket", "/run/t.sock"}};
  const Loaded loaded =
      load_text(text, "f", text.find("socket") == text.npos ? socket : std::vector<Override>{});
  if (const auto* issues = std::get_if<1>(&loaded)) {
    for (const ConfigIssue& issue : *issues) UNSCOPED_INFO(issue.message());
    FAIL("refused:\n" << text);
  }
  return std::get<0>(loaded);
}

/// The messages about a text that must be refused; an empty vector when it was not.
inline std::vector<std::string> refused(std::string_view text,
                                        const std::vector<Override>& command_line = {}) {
  const Loaded loaded = load_text(text, "f", command_line);
  std::vector<std::string> messages;
  if (const auto* issues = std::get_if<1>(&loaded)) {
    for (const ConfigIssue& issue : *issues) messages.push_back(issue.message());
  }
  return messages;
}

}  // namespace proctor::config::testing
