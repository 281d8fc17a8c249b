#pragma once

#include <signal.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <utility>

namespace proctor::index::test {

/// Forks a child that runs `body` and then waits to be ended. The destructor ends and reaps it; its own
/// descendants are for `body` to end (they may ask for PR_SET_PDEATHSIG).
class ChildProcess {
 public:
  ChildProcess() = default;
  template <class Body>
  explicit ChildProcess(Body&& body) : pid_(::fork()) {
    if (pid_ != 0) return;
    body();
    for (;;) ::pause();
  }
  ChildProcess(ChildProcess&& other) noexcept : pid_(std::exchange(other.pid_, -1)) {}
  ChildProcess& operator=(ChildProcess&&) = delete;
  ~ChildProcess() { end(); }

  [[nodiscard]] pid_t pid() const { return pid_; }

  /// Kills without reaping; returns when it is a zombie.
  void kill() const {
    if (pid_ <= 0) return;  // nobody: not everybody
    ::kill(pid_, SIGKILL);
    siginfo_t info{};
    ::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOWAIT);
  }
  void end() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    pid_ = -1;
  }

 private:
  pid_t pid_ = -1;
};

/// A pipe over which a descendant tells a pid.
class PidPipe {
 public:
  PidPipe() {
    if (::pipe(fds_) != 0) std::abort();
  }
  PidPipe(const PidPipe&) = delete;
  PidPipe& operator=(const PidPipe&) = delete;
  ~PidPipe() {
    ::close(fds_[0]);
    ::close(fds_[1]);
  }
  void send(pid_t pid) const {
    if (::write(fds_[1], &pid, sizeof pid) != sizeof pid) ::_exit(1);
  }
  pid_t receive() const {
    pid_t pid = -1;
    return ::read(fds_[0], &pid, sizeof pid) == sizeof pid ? pid : -1;
  }

 private:
  int fds_[2] = {-1, -1};
};

/// Waits for `condition`, ten seconds at most; whether it came true.
template <class Condition>
bool eventually(Condition&& condition) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    ::usleep(1000);
  }
  return true;
}

}  // namespace proctor::index::test
