#pragma once

#include <sys/types.h>

#include <functional>
#include <string>
#include <vector>

#include "kernel/unique_fd.hpp"

namespace proctor::test {

/// How a program is started.
struct Start {
  std::vector<std::string> argv;
  /// Its standard streams; -1: /dev/null.
  int in = -1;
  int out = -1;
  int err = -1;
  std::function<void()> before_exec;  ///< in the child
};

/// A program under test; killed and reaped at the end of its scope.
class Program {
 public:
  explicit Program(const Start& start);
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;
  ~Program();

  [[nodiscard]] pid_t pid() const noexcept { return pid_; }
  /// Waits for its end: the wait(2) status.
  int wait();
  /// Waits for the next change that waitid(2)'s `options` ask for: its si_code, and the status in `status`.
  int wait_change(int options, int& status) const;

 private:
  pid_t pid_ = -1;
  bool reaped_ = false;
};

struct Outcome {
  int status = 0;  ///< wait(2)
  std::string out;
  std::string err;
};

/// Runs a program to its end, reading what it writes to pipes.
[[nodiscard]] Outcome run_program(Start start);

struct Pipe {
  Pipe();
  kernel::UniqueFd read;
  kernel::UniqueFd write;
};

/// Reads to the end of file; gives up (and says so in the text) after 20 seconds of silence.
[[nodiscard]] std::string read_all(const kernel::UniqueFd& fd);
/// Reads one line.
[[nodiscard]] std::string read_line(const kernel::UniqueFd& fd);

/// Waits, at most 20 seconds, until `condition` holds.
[[nodiscard]] bool eventually(const std::function<bool()>& condition);
/// Whether a process with this number exists and is no zombie.
[[nodiscard]] bool is_running(pid_t pid);

}  // namespace proctor::test
