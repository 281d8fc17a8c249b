#include "cli/query.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <chrono>

#include "kernel/message_socket.hpp"
#include "launch/session.hpp"

namespace proctor::cli {
namespace {

using nlohmann::json;

constexpr int answer_timeout_ms = 10'000;

const json& member(const json& object, std::string_view key) {
  static const json none;
  if (!object.is_object()) return none;
  const auto it = object.find(std::string(key));
  return it == object.end() ? none : *it;
}

std::string quoted(const std::string& argument) {
  constexpr std::string_view plain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./=:,+@%";
  if (!argument.empty() && argument.find_first_not_of(plain) == std::string::npos) return argument;
  std::string text = "'";
  for (const char c : argument) text += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return text + "'";
}

}  // namespace

kernel::Result<json> ask_daemon(const std::string& socket, const launch::Request& request) {
  const auto path = socket.empty() ? launch::default_socket() : std::filesystem::path(socket);
  if (path.empty()) {
    return kernel::Error{0, "no daemon: XDG_RUNTIME_DIR is not set, so say where it listens with --socket"};
  }
  auto daemon = kernel::MessageSocket::connect(path);
  if (!daemon) {
    return kernel::Error{0, fmt::format("no daemon answers at {} ({}); start proctord, or use --socket",
                                        path.string(), kernel::errno_name(daemon.error().number))};
  }
  // A daemon that does not want to talk has said why and closed: its words are there to be read.
  if (auto sent = daemon->send(launch::to_json(request)); !sent && sent.error().number != EPIPE)
    return sent.error();
  auto message = daemon->receive(answer_timeout_ms);
  if (!message && message.error().number == ETIMEDOUT)
    return kernel::Error{0, fmt::format("the daemon at {} has not answered for {} s; is it stopped?",
                                        path.string(), answer_timeout_ms / 1000)};
  if (!message) return message.error();
  if (!*message) return kernel::Error{0, "the daemon closed the connection; see its log"};
  json answer = json::parse((*message)->line, nullptr, false);
  if (!answer.is_object()) return kernel::Error{0, "the daemon's answer is not a JSON object"};
  if (text_of(answer, "reply") == "refused") return kernel::Error{0, text_of(answer, "reason")};
  return answer;
}

std::string printable(std::string_view text) {
  std::string shown;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    shown += byte < 0x20 || byte == 0x7f ? fmt::format("\\x{:02x}", byte) : std::string(1, c);
  }
  return shown;
}

std::string text_of(const json& object, std::string_view key) {
  const auto& value = member(object, key);
  return value.is_string() ? printable(value.get<std::string>()) : "-";
}

std::int64_t number_of(const json& object, std::string_view key) {
  const auto& value = member(object, key);
  return value.is_number_integer() ? value.get<std::int64_t>() : 0;
}

const json& list_of(const json& object, std::string_view key) {
  static const json none = json::array();
  const auto& value = member(object, key);
  return value.is_array() ? value : none;
}

const json& object_of(const json& object, std::string_view key) {
  static const json none = json::object();
  const auto& value = member(object, key);
  return value.is_object() ? value : none;
}

std::string command_of(const json& object, std::string_view key) {
  std::string line;
  for (const auto& argument : list_of(object, key)) {
    if (!argument.is_string()) continue;
    if (!line.empty()) line += ' ';
    line += printable(quoted(argument.get<std::string>()));
  }
  return line.empty() ? "-" : line;
}

std::string age_of(const json& object, std::string_view key) {
  const auto then = number_of(object, key);
  if (then <= 0) return "-";
  using namespace std::chrono;
  const auto now = duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count();
  const auto seconds = std::max<std::int64_t>(0, (now - then) / 1000);
  if (seconds < 60) return fmt::format("{}s", seconds);
  if (seconds < 3600) return fmt::format("{}m{:02}s", seconds / 60, seconds % 60);
  if (seconds < 86400) return fmt::format("{}h{:02}m", seconds / 3600, seconds / 60 % 60);
  return fmt::format("{}d{:02}h", seconds / 86400, seconds / 3600 % 24);
}

}  // namespace proctor::cli
