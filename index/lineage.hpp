#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <vector>

#include "index/pid_key.hpp"
#include "index/task_source.hpp"

namespace proctor::index {

/// How many generations a walk goes up. More than any real tree has; a longer one is foreign.
inline constexpr std::size_t generations_max = 4096;

/// Where a process comes from, as far as a sandbox cares.
struct Lineage {
  enum class Verdict {
    member,   ///< a tracked process or the sandbox's init is among its ancestors
    foreign,  ///< none is
    changed,  ///< an ancestor ended under the walk: ask again
  };
  Verdict verdict = Verdict::foreign;
  std::vector<TaskIdentity> untracked;  ///< the process and its untracked ancestors, youngest first
  PidKey tracked;                       ///< the tracked parent of the oldest of them; {0, 0}: init
};

/// The key under which a process is tracked; nothing when it is not.
using TrackedKey = std::function<std::optional<PidKey>(pid_t tgid)>;

/// Walks from `task` up to a tracked process or `init`. A number counts only while the kernel gives it to the
/// same instance. No parent is younger than its child, so a link to a recycled number
/// shows; that, and generations_max, end every walk.
///
/// What the walk saw may have changed since: a caller that acts on "member" first sees that each child still
/// has its parent (identify() again, oldest first). If it has, then the parent lived all the while, for
/// the kernel gives an orphan only to an ancestor, which is no new process.
[[nodiscard]] Lineage trace(const TaskSource& source, const TaskIdentity& task, const PidKey& init,
                            const TrackedKey& tracked);

}  // namespace proctor::index
