#pragma once

#include <sys/types.h>

#include <array>
#include <cstddef>
#include <utility>

#include "kernel/unique_fd.hpp"

namespace proctor::procfs {

/// The directories in /proc of the members that were asked about last: who lists processes opens several
/// files of each. An open directory belongs to one process for good, and a member stays one as long as it
/// lives; once it has been reaped nothing is found there any more, whoever has got its number.
class ProcessDirectories {
 public:
  struct Kept {
    pid_t pid = 0;               ///< the directory's name: a process or thread id
    pid_t group = 0;             ///< the member whose directory it is
    kernel::UniqueFd directory;  ///< O_PATH
  };

  /// Null: not kept.
  [[nodiscard]] const Kept* find(pid_t pid) const noexcept {
    for (const Kept& kept : kept_)
      if (kept.pid == pid) return &kept;
    return nullptr;
  }

  /// In the place of an older one under this number, or of the one that was kept first.
  const Kept& keep(Kept kept) noexcept {
    for (Kept& older : kept_)
      if (older.pid == kept.pid) return older = std::move(kept);
    return kept_[next_++ % kept_.size()] = std::move(kept);
  }

 private:
  std::array<Kept, 4> kept_;
  std::size_t next_ = 0;
};

}  // namespace proctor::procfs
