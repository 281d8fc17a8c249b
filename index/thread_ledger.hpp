#pragma once

#include <sys/types.h>

#include <cstddef>
#include <unordered_map>
#include <vector>

#include "index/pid_trie.hpp"
#include "index/task_source.hpp"

namespace proctor::index {

/// Which thread ids each group has brought into a snapshot, so that they leave with it, and so that a
/// process that starts and ends millions of threads does not fill the snapshot: a group's list that has
/// doubled since it was last looked through is cleared of the threads that ended.
///
/// The map itself (thread id to group id) lives in the snapshot; the ledger is the writer's own.
class ThreadLedger {
 public:
  /// A group is not looked through below this many thread ids.
  static constexpr std::size_t prune_at_least = 64;

  /// `threads` with `tid` as a thread of `tgid`; a stale entry under that number is overwritten.
  [[nodiscard]] PidTrie<pid_t> note(PidTrie<pid_t> threads, const TaskSource& source, pid_t tgid, pid_t tid);

  /// `threads` without those of `tgid`.
  [[nodiscard]] PidTrie<pid_t> forget_group(PidTrie<pid_t> threads, pid_t tgid);

  /// `threads` without those that ended, of all groups.
  [[nodiscard]] PidTrie<pid_t> prune(PidTrie<pid_t> threads, const TaskSource& source);

 private:
  struct Group {
    /// May also hold ids that another group has taken over since: the snapshot's map decides.
    std::vector<pid_t> tids;
    std::size_t prune_at = prune_at_least;
  };

  static PidTrie<pid_t> prune_group(PidTrie<pid_t> threads, const TaskSource& source, pid_t tgid,
                                    Group& group);

  std::unordered_map<pid_t, Group> groups_;
};

}  // namespace proctor::index
