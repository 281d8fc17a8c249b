#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "kernel/result.hpp"
#include "launch/session_protocol.hpp"

namespace proctor::cli {

/// Asks the daemon at `socket` (empty: the default one) one question and returns the object it answers
/// with. The error's operation is a sentence for the user; its number may be 0.
[[nodiscard]] kernel::Result<nlohmann::json> ask_daemon(const std::string& socket,
                                                        const launch::Request& request);

/// The members of objects that another program made: a missing or odd one is shown as "-" or 0, never a
/// failure. Text comes without control characters: a command line must not write to the user's terminal.
[[nodiscard]] std::string text_of(const nlohmann::json& object, std::string_view key);
[[nodiscard]] std::int64_t number_of(const nlohmann::json& object, std::string_view key);
[[nodiscard]] const nlohmann::json& list_of(const nlohmann::json& object, std::string_view key);
/// The members of an object within; none if there is none.
[[nodiscard]] const nlohmann::json& object_of(const nlohmann::json& object, std::string_view key);
/// A list of strings in one line, quoted where a shell would need it.
[[nodiscard]] std::string command_of(const nlohmann::json& object, std::string_view key);
/// "3h12m", "17s": how long ago a unix time in milliseconds was; "-" for none.
[[nodiscard]] std::string age_of(const nlohmann::json& object, std::string_view key);
/// `text` with every control character as \xNN.
[[nodiscard]] std::string printable(std::string_view text);

}  // namespace proctor::cli
