#pragma once

#include <sys/types.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "kernel/message_socket.hpp"
#include "kernel/pidfd.hpp"
#include "kernel/unique_fd.hpp"

namespace proctor::tests {

/// A sandbox's outside, without its supervisor: the program `sandbox_stage` as session parent (a subreaper
/// that reaps), and below it a target under Landlock and proctor's own filter that does what it is told, one
/// line at a time (the commands are in sandbox_stage.cpp). A program of its own, so that tests may have
/// threads.
class Stage {
 public:
  /// Throws std::runtime_error with what is missing. The target waits to be released.
  Stage();
  Stage(const Stage&) = delete;
  Stage& operator=(const Stage&) = delete;
  /// Ends and reaps all of it.
  ~Stage();

  /// Has the target carry out one line; its answer. "" when it is gone.
  std::string ask(std::string_view line);

  /// ask() for a number; -1 when the answer is none.
  pid_t ask_number(std::string_view line);

  kernel::UniqueFd listener;
  kernel::UniqueFd release;
  kernel::PidFd target_pidfd;
  pid_t target = 0;
  pid_t init = 0;
  std::vector<std::string> ungranted_directories;
  bool signals_scoped = true;

 private:
  kernel::MessageSocket control_;
  kernel::MessageSocket commands_;
};

}  // namespace proctor::tests
