#include "index/thread_ledger.hpp"

#include <algorithm>
#include <utility>

namespace proctor::index {

namespace {

bool belongs(const PidTrie<pid_t>& threads, pid_t tgid, pid_t tid) {
  const pid_t* const group = threads.find(tid);
  return group != nullptr && *group == tgid;
}

}  // namespace

PidTrie<pid_t> ThreadLedger::note(PidTrie<pid_t> threads, const TaskSource& source, pid_t tgid, pid_t tid) {
  if (belongs(threads, tgid, tid)) return threads;
  Group& group = groups_[tgid];
  if (group.tids.size() >= group.prune_at) threads = prune_group(std::move(threads), source, tgid, group);
  group.tids.push_back(tid);
  return threads.insert(tid, tgid);
}

PidTrie<pid_t> ThreadLedger::forget_group(PidTrie<pid_t> threads, pid_t tgid) {
  const auto group = groups_.find(tgid);
  if (group == groups_.end()) return threads;
  for (const pid_t tid : group->second.tids) {
    if (belongs(threads, tgid, tid)) threads = threads.erase(tid);
  }
  groups_.erase(group);
  return threads;
}

PidTrie<pid_t> ThreadLedger::prune(PidTrie<pid_t> threads, const TaskSource& source) {
  for (auto& [tgid, group] : groups_) threads = prune_group(std::move(threads), source, tgid, group);
  return threads;
}

PidTrie<pid_t> ThreadLedger::prune_group(PidTrie<pid_t> threads, const TaskSource& source, pid_t tgid,
                                         Group& group) {
  auto& tids = group.tids;
  // An id that went to another group and came back is in the list twice.
  std::sort(tids.begin(), tids.end());
  tids.erase(std::unique(tids.begin(), tids.end()), tids.end());
  std::erase_if(tids, [&](pid_t tid) {
    if (!belongs(threads, tgid, tid)) return true;
    if (source.is_thread_of(tgid, tid)) return false;
    threads = threads.erase(tid);
    return true;
  });
  group.prune_at = std::max(prune_at_least, 2 * tids.size());
  return threads;
}

}  // namespace proctor::index
