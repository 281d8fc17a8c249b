#include "tests/support/stage.hpp"

#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <stdexcept>
#include <utility>

namespace proctor::tests {
namespace {

constexpr int control_fd = 3;               // where sandbox_stage expects its end
constexpr int answer_timeout_ms = 120'000;  // of a busy machine; only a failure waits for so long

template <class T>
T require(kernel::Result<T> result) {
  if (!result) throw std::runtime_error(result.error().message());
  return *std::move(result);
}

}  // namespace

Stage::Stage() {
  auto pair = require(kernel::MessageSocket::pair());
  control_ = std::move(pair.first);
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, pair.second.fd(), control_fd);
  std::string program = PROCTOR_SANDBOX_STAGE;
  std::string mode = "stage";
  char* argv[] = {program.data(), mode.data(), nullptr};
  const int error = ::posix_spawn(&init, program.c_str(), &actions, nullptr, argv, environ);
  ::posix_spawn_file_actions_destroy(&actions);
  if (error != 0) throw std::runtime_error(program + ": " + kernel::errno_name(error));
  pair.second = kernel::MessageSocket{};

  auto message = require(control_.receive(answer_timeout_ms));
  if (!message || message->fds.size() != 4) throw std::runtime_error("sandbox_stage: no target");
  listener = std::move(message->fds[0]);
  release = std::move(message->fds[2]);
  commands_ = kernel::MessageSocket{std::move(message->fds[3])};
  // "PID SCOPED DIRECTORY:DIRECTORY:..."
  const std::string& line = message->line;
  std::size_t used = 0;
  target = std::stoi(line, &used);
  signals_scoped = line.at(used + 1) == '1';
  for (std::size_t at = used + 3; at < line.size();) {
    const auto end = std::min(line.find(':', at), line.size());
    ungranted_directories.push_back(line.substr(at, end - at));
    at = end + 1;
  }
  target_pidfd = kernel::PidFd::adopt(std::move(message->fds[1]), target);
}

Stage::~Stage() {
  control_ = kernel::MessageSocket{};  // its end of file is sandbox_stage's order to end everything
  listener.reset();                    // a target whose sandbox was never made gets ENOSYS, not silence
  while (init > 0 && ::waitpid(init, nullptr, 0) < 0 && errno == EINTR) {
  }
}

std::string Stage::ask(std::string_view line) {
  if (!commands_.send(line)) return "";
  auto answer = commands_.receive(answer_timeout_ms);
  if (!answer) return "no answer: " + answer.error().message();
  return answer->has_value() ? (*answer)->line : "";
}

pid_t Stage::ask_number(std::string_view line) {
  const auto answer = ask(line);
  pid_t number = -1;
  const auto [end, error] = std::from_chars(answer.data(), answer.data() + answer.size(), number);
  return error == std::errc{} && end == answer.data() + answer.size() ? number : -1;
}

}  // namespace proctor::tests
