#include "launch/front_channel.hpp"

#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <nlohmann/json.hpp>

namespace proctor::launch {
namespace {

using nlohmann::json;

/// A front that is stopped says nothing, and is not waited for.
constexpr int ready_timeout_ms = 500;

struct EventName {
  FrontEvent::Kind kind;
  std::string_view name;
  std::string_view number;  ///< the key of FrontEvent::number; empty: none
};
constexpr std::array<EventName, 7> event_names{{{FrontEvent::Kind::armed, "armed", ""},
                                                {FrontEvent::Kind::started, "started", ""},
                                                {FrontEvent::Kind::stopped, "stopped", "signal"},
                                                {FrontEvent::Kind::continued, "continued", ""},
                                                {FrontEvent::Kind::giving_up, "giving_up", ""},
                                                {FrontEvent::Kind::exited, "exited", "status"},
                                                {FrontEvent::Kind::failed, "failed", "exit"}}};

kernel::Error not_an_event(const char* why) {
  return {EPROTO, std::string("read an event of the session: ") + why};
}

}  // namespace

std::string to_json(const FrontEvent& event) {
  json object;
  for (const auto& known : event_names) {
    if (known.kind != event.kind) continue;
    object["event"] = known.name;
    if (!known.number.empty()) object[std::string(known.number)] = event.number;
  }
  if (event.kind == FrontEvent::Kind::failed) object["message"] = event.message;
  return object.dump(-1, ' ', false, json::error_handler_t::replace);
}

kernel::Result<FrontEvent> parse_front_event(std::string_view line) {
  const json object = json::parse(line, nullptr, false);
  if (!object.is_object()) return not_an_event("a JSON object is expected");
  const auto name = object.find("event");
  if (name == object.end() || !name->is_string()) return not_an_event("\"event\" is missing");
  for (const auto& known : event_names) {
    if (*name != known.name) continue;
    FrontEvent event{known.kind, 0, ""};
    if (!known.number.empty()) {
      const auto number = object.find(std::string(known.number));
      if (number == object.end() || !number->is_number_integer() || *number < 0 || *number > 0xffff) {
        return not_an_event("its number is missing or out of range");
      }
      event.number = number->get<int>();
    }
    if (const auto message = object.find("message"); message != object.end() && message->is_string()) {
      event.message = message->get<std::string>();
    }
    return event;
  }
  return not_an_event("an unknown one");
}

ChannelFront::ChannelFront(kernel::MessageSocket channel) : channel_(std::move(channel)) {
  const pid_t parent = ::getppid();
  if (parent <= 1) return;
  if (auto front = kernel::PidFd::open(parent); front && ::getppid() == parent) front_ = std::move(*front);
}

void ChannelFront::armed(kernel::UniqueFd listener) {
  send({FrontEvent::Kind::armed, 0, ""}, {listener.get()});
}

void ChannelFront::started(const kernel::PidFd& target) {
  send({FrontEvent::Kind::started, 0, ""}, {target.get()});
}

void ChannelFront::stopped(int signal) {
  front_stopped_ = true;
  send({FrontEvent::Kind::stopped, signal, ""});
}

void ChannelFront::continued() {
  send({FrontEvent::Kind::continued, 0, ""});
  wake_front();
}

void ChannelFront::ended() { wake_front(); }

void ChannelFront::giving_up() {
  send({FrontEvent::Kind::giving_up, 0, ""});
  (void)channel_.receive(ready_timeout_ms);
}

void ChannelFront::report(const SessionEnd& end) {
  if (end.command_ran) {
    send({FrontEvent::Kind::exited, end.wait_status, ""});
  } else {
    send({FrontEvent::Kind::failed, end.exit_code, end.message});
  }
}

void ChannelFront::wake_front() {
  if (std::exchange(front_stopped_, false) && front_) (void)front_.send_signal(SIGCONT);
}

void ChannelFront::send(const FrontEvent& event, const std::vector<int>& fds) {
  // A front that is dead shows as the end of file on this channel, which the session parent watches.
  (void)channel_.send(to_json(event), fds);
}

}  // namespace proctor::launch
