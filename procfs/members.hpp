#pragma once

#include <sys/types.h>

#include <optional>
#include <vector>

namespace proctor::procfs {

/// Every process of the sandbox at one moment, zombies included.
struct Roll {
  std::vector<pid_t> leaders;  ///< ascending
  /// Whether nobody else belonged. If not, whoever is missing here may still be one: Members::group_of().
  bool complete = false;
};

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

  /// Makes sure that every process of the sandbox is known, as far as one look can: children that are missed
  /// while others exit are found by group_of().
  virtual void discover() = 0;

  /// For a listing: who there is, at the cost of the sandbox's processes alone.
  [[nodiscard]] virtual Roll call_roll() {
    discover();
    return {};
  }
};

}  // namespace proctor::procfs
