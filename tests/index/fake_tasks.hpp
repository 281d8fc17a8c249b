#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "index/task_source.hpp"

namespace proctor::index::test {

/// A kernel made of a table, for the races that a real one does not produce on demand.
class FakeTasks final : public TaskSource {
 public:
  void add(pid_t tgid, std::uint64_t start_time, pid_t parent) { groups_[tgid] = {start_time, parent}; }
  void add_thread(pid_t tgid, pid_t tid) { threads_[tid] = tgid; }
  void end_thread(pid_t tid) { threads_.erase(tid); }
  void end(pid_t tgid) {
    groups_.erase(tgid);
    std::erase_if(threads_, [&](const auto& thread) { return thread.second == tgid; });
  }
  /// identify() stays without an answer although the task lives, as without descriptors.
  void hide(pid_t tid) { hidden_.insert(tid); }

  /// Called before the answer to each identify(), with its number since the last reset_counts().
  std::function<void(pid_t tid, int count)> on_identify;
  bool lists_children = true;
  bool lists_processes = true;

  struct Counts {
    int identify = 0;
    int is_thread_of = 0;
    int children_of = 0;
    int all_pids = 0;
  };
  [[nodiscard]] const Counts& counts() const { return counts_; }
  void reset_counts() { counts_ = {}; }

  [[nodiscard]] std::optional<TaskIdentity> identify(pid_t tid) const override {
    ++counts_.identify;
    if (on_identify) on_identify(tid, counts_.identify);
    if (hidden_.contains(tid)) return std::nullopt;
    const auto thread = threads_.find(tid);
    const auto group = groups_.find(thread != threads_.end() ? thread->second : tid);
    if (group == groups_.end()) return std::nullopt;
    return TaskIdentity{{group->first, group->second.start_time}, group->second.parent};
  }
  [[nodiscard]] bool is_thread_of(pid_t tgid, pid_t tid) const override {
    ++counts_.is_thread_of;
    if (tid == tgid) return groups_.contains(tgid);
    const auto thread = threads_.find(tid);
    return thread != threads_.end() && thread->second == tgid;
  }
  [[nodiscard]] std::optional<std::vector<pid_t>> children_of(pid_t tgid) const override {
    ++counts_.children_of;
    if (!lists_children) return std::nullopt;
    std::vector<pid_t> children;
    for (const auto& [pid, group] : groups_) {
      if (group.parent == tgid) children.push_back(pid);
    }
    return children;
  }
  [[nodiscard]] std::optional<std::vector<pid_t>> all_pids() const override {
    ++counts_.all_pids;
    if (!lists_processes) return std::nullopt;
    std::vector<pid_t> pids;
    for (const auto& [pid, group] : groups_) pids.push_back(pid);
    return pids;
  }

 private:
  struct Group {
    std::uint64_t start_time = 0;
    pid_t parent = 0;
  };
  std::map<pid_t, Group> groups_;
  std::map<pid_t, pid_t> threads_;
  std::set<pid_t> hidden_;
  mutable Counts counts_;
};

}  // namespace proctor::index::test
