#pragma once

#include <sys/types.h>

#include <optional>

namespace proctor::procfs {

/// Who may see what: the sandbox's processes, as procfs needs to know them. All within its loop.
class Members {
 public:
  virtual ~Members() = default;

  /// The thread group of a process or thread id that belongs to the sandbox; nothing when foreign or gone.
  ///
  /// The answer must be true **at the time of the question**: an entry whose process has ended (its pidfd
  /// says so) while its number was given to another is "nothing". The gate asks after it has opened the
  /// object it judges, and relies on this for the whole of its race-freedom.
  [[nodiscard]] virtual std::optional<pid_t> group_of(pid_t pid) = 0;

  /// Makes sure that every process of the sandbox is known: before a listing.
  virtual void discover() = 0;
};

}  // namespace proctor::procfs
