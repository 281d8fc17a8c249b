#pragma once

#include <poll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <new>
#include <utility>

namespace proctor::tests {

/// Waits until `condition` holds, at most ten seconds; returns whether it did.
template <class Condition>
bool eventually(Condition condition) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds{10};
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    const timespec pause{0, 1'000'000};
    ::nanosleep(&pause, nullptr);
  }
  return true;
}

/// A `T` in memory that this process shares with the children it forks afterwards.
template <class T>
class Shared {
 public:
  Shared()
      : value_(new (::mmap(nullptr, sizeof(T), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0))
                   T{}) {}
  Shared(const Shared&) = delete;
  Shared& operator=(const Shared&) = delete;
  ~Shared() { ::munmap(value_, sizeof(T)); }

  T* operator->() const { return value_; }
  T& operator*() const { return *value_; }

 private:
  T* value_;
};

/// Right after a fork, in the child: whatever becomes of the parent (the thread that forked), this process
/// does not outlive it.
inline void die_with(pid_t parent) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(1);  // it ended before the prctl
}

/// A forked child that runs a function and exits with its result. Killed and reaped at the end of the
/// scope. Fork while this process has one thread.
class Child {
 public:
  template <class Body>
  explicit Child(Body body) {
    const pid_t parent = ::getpid();
    pid_ = ::fork();
    if (pid_ != 0) return;
    die_with(parent);
    // The test framework would report a signal as a failed test, and in each child again.
    for (const int signal : {SIGABRT, SIGFPE, SIGILL, SIGINT, SIGSEGV, SIGTERM}) ::signal(signal, SIG_DFL);
    ::_exit(body());
  }
  Child(Child&& other) noexcept : pid_(std::exchange(other.pid_, -1)) {}
  Child& operator=(Child&&) = delete;
  ~Child() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);  // not yet reaped, so the number is still the child's
    wait();
  }

  [[nodiscard]] pid_t pid() const { return pid_; }

  void kill(int signal) const {
    if (pid_ > 0) ::kill(pid_, signal);  // nobody: not everybody
  }

  /// Reaps the child; its wait(2) status.
  int wait() {
    int status = -1;
    while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    pid_ = -1;
    return status;
  }

  /// Waits until the child has ended, and leaves it a zombie.
  void await_zombie() const {
    siginfo_t info{};
    while (::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOWAIT) < 0 && errno == EINTR) {
    }
  }

 private:
  pid_t pid_ = -1;
};

/// The body of a child that waits to be killed.
inline int wait_for_ever() {
  for (;;) ::pause();
}

/// Runs `body` in a child; its exit code, or 128 + the signal that ended it.
template <class Body>
int exit_code_of(Body body) {
  const int status = Child{std::move(body)}.wait();
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace proctor::tests
