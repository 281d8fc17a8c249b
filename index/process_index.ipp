#pragma once

// The bodies of process_index.hpp, which includes this file.

#include "index/process_index.hpp"

namespace proctor::index {

template <class Handle>
const Entry<Handle>* Snapshot<Handle>::find(pid_t pid, const TaskSource& source) const {
  if (const auto* entry = processes.find(pid)) return entry;
  const pid_t* const tgid = threads.find(pid);
  return tgid != nullptr && source.is_thread_of(*tgid, pid) ? processes.find(*tgid) : nullptr;
}

template <class Handle>
ProcessIndex<Handle>::ProcessIndex(const TaskSource& source, pid_t init, StateFactory make_state,
                                   OnDropped on_dropped)
    : source_(source),
      init_(identify_init(source, init)),
      make_state_(std::move(make_state)),
      on_dropped_(std::move(on_dropped)),
      current_(std::make_shared<const Snapshot<Handle>>()),
      published_(current_) {}

/// An init that is gone already is nobody: its children are somebody else's.
template <class Handle>
PidKey ProcessIndex<Handle>::identify_init(const TaskSource& source, pid_t init) {
  const auto task = init > 0 ? source.identify(init) : std::nullopt;
  return task && task->group.pid == init ? task->group : PidKey{};
}

// -- look-ups ---------------------------------------------------------------------------------------

template <class Handle>
std::optional<PidKey> ProcessIndex<Handle>::key_for(pid_t pid) const {
  const SnapshotPtr now = snapshot();
  const auto* entry = now->find(pid, source_);
  return entry != nullptr ? std::optional(entry->key) : std::nullopt;
}

template <class Handle>
std::optional<Entry<Handle>> ProcessIndex<Handle>::entry_for(pid_t pid) const {
  const SnapshotPtr now = snapshot();
  const auto* entry = now->find(pid, source_);
  return entry != nullptr ? std::optional(*entry) : std::nullopt;
}

template <class Handle>
std::optional<PidKey> ProcessIndex<Handle>::believed(pid_t pid) const {
  const auto* entry = current_->find(pid, source_);
  return entry != nullptr ? std::optional(entry->key) : std::nullopt;
}

template <class Handle>
bool ProcessIndex<Handle>::tracks(const PidKey& key) const {
  const auto* entry = current_->processes.find(key.pid);
  return entry != nullptr && entry->key == key;
}

/// For the record only, not for membership: the tracked process under the parent's number, unless it
/// is visibly another instance.
template <class Handle>
PidKey ProcessIndex<Handle>::known_parent(const TaskIdentity& task) const {
  const auto* entry = current_->processes.find(task.parent);
  return entry != nullptr && entry->key.start_time <= task.group.start_time ? entry->key : PidKey{};
}

template <class Handle>
Lineage ProcessIndex<Handle>::trace_lineage(const TaskIdentity& task) const {
  return trace(source_, task, init_, [this](pid_t tgid) -> std::optional<PidKey> {
    const auto* entry = current_->processes.find(tgid);
    return entry != nullptr ? std::optional(entry->key) : std::nullopt;
  });
}

// -- registering ------------------------------------------------------------------------------------

template <class Handle>
std::optional<PidKey> ProcessIndex<Handle>::register_process(pid_t tgid) {
  const auto task = source_.identify(tgid);
  if (!task || task->group.pid != tgid || !admit(task->group, known_parent(*task))) return std::nullopt;
  return task->group;
}

template <class Handle>
std::optional<PidKey> ProcessIndex<Handle>::resolve_notifier(pid_t tid,
                                                             const std::function<bool()>& still_blocked) {
  if (const auto known = believed(tid)) return known;
  const auto task = source_.identify(tid);
  if (!task || (still_blocked && !still_blocked())) return std::nullopt;
  if (!tracks(task->group)) {
    if (known_parent(*task) == PidKey{}) {
      // Its parent may not have made a notified call yet. Only ancestors that the walk proves are
      // registered; the notifier itself belongs whatever the walk says (its reaper may be foreign).
      const Lineage lineage = trace_lineage(*task);
      if (lineage.verdict == Lineage::Verdict::member) admit_lineage(lineage, 1);
    }
    if (!admit(task->group, known_parent(*task), still_blocked)) return std::nullopt;
  }
  note_thread(tid, task->group.pid);
  return task->group;
}

template <class Handle>
std::optional<PidKey> ProcessIndex<Handle>::find_member(pid_t pid) {
  if (const auto known = believed(pid)) return known;
  for (int walks = 0; walks < walks_max; ++walks) {
    const auto task = source_.identify(pid);
    if (!task) return std::nullopt;
    if (!tracks(task->group)) {
      const Lineage lineage = trace_lineage(*task);
      if (lineage.verdict == Lineage::Verdict::foreign) {
        drop_stale(task->group);
        return std::nullopt;
      }
      if (lineage.verdict == Lineage::Verdict::changed || !admit_lineage(lineage, 0)) continue;
    }
    note_thread(pid, task->group.pid);
    return task->group;
  }
  return std::nullopt;
}

/// Registers what a walk found, the oldest first, down to and with `untracked[youngest]`. Each must still
/// have the parent that the walk saw (see trace()); at the first that has not it stops and says no.
template <class Handle>
bool ProcessIndex<Handle>::admit_lineage(const Lineage& lineage, std::size_t youngest) {
  PidKey parent = lineage.tracked;
  for (std::size_t i = lineage.untracked.size(); i-- > youngest;) {
    const TaskIdentity& task = lineage.untracked[i];
    if (source_.identify(task.group.pid) != task || !admit(task.group, parent)) return false;
    parent = task.group;
  }
  return true;
}

/// Makes the state of an instance that belongs, and publishes it. No: it is gone. `still_lives`, where the caller
/// has it, tells cheaply whether a thread of the instance has lived on since it was identified.
template <class Handle>
bool ProcessIndex<Handle>::admit(const PidKey& key, const PidKey& parent,
                                 const std::function<bool()>& still_lives) {
  if (tracks(key)) return true;
  auto handle = make_state_(key, parent);
  if (!handle) return false;
  const Entry<Handle> entry{key, parent, std::move(*handle)};
  // The state was made from a number (its pidfd was opened by it): if that is not the instance's any more,
  // the state may be a foreign process's, and a kill of the sandbox would hit that.
  const bool surely_lives = still_lives && still_lives();
  if (!surely_lives && is_another(key)) {
    tell_dropped(entry);
    return false;
  }
  const auto* found = current_->processes.find(key.pid);
  const auto stale = found != nullptr ? std::optional(*found) : std::nullopt;
  Snapshot<Handle> next = without(*current_, key.pid);
  next.processes = next.processes.insert(key.pid, entry);
  next.threads = next.threads.erase(key.pid);  // once a thread's number, now a process's
  publish(std::move(next));
  if (stale) tell_dropped(*stale);
  return true;
}

/// Whether the kernel does not, or not any more, give a number to this instance.
template <class Handle>
bool ProcessIndex<Handle>::is_another(const PidKey& key) const {
  const auto now = source_.identify(key.pid);
  return !now || now->group != key;
}

template <class Handle>
void ProcessIndex<Handle>::note_thread(pid_t tid, pid_t tgid) {
  if (tid == tgid) return;
  Snapshot<Handle> next = *current_;
  next.threads = threads_.note(std::move(next.threads), source_, tgid, tid);
  publish(std::move(next));
}

// -- discovery --------------------------------------------------------------------------------------

template <class Handle>
auto ProcessIndex<Handle>::discover() -> Discovery {
  std::vector<pid_t> tracked;
  tracked.reserve(current_->processes.size());
  current_->processes.for_each([&](pid_t tgid, const Entry<Handle>&) { tracked.push_back(tgid); });
  Discovery found;
  bool listed = discover_below(std::move(tracked), found);
  // init after the others, and again while it has news: a process that ends meanwhile leaves it its
  // children.
  for (int round = 0; listed && init_.pid > 0; ++round) {
    if (round == orphan_rounds_max) {
      found.sure = false;
      return found;
    }
    const std::size_t before = found.admitted;
    listed = discover_below({init_.pid}, found);
    if (listed && found.admitted == before) return found;
  }
  if (listed) {
    found.sure = false;  // without an init nobody knows where its orphans are
    return found;
  }
  const std::size_t before = current_->processes.size();
  const bool sure = discover_by_ancestry();
  return {current_->processes.size() - before, sure};
}

/// Registers the untracked descendants of `parents`; no: children are not listed here.
template <class Handle>
bool ProcessIndex<Handle>::discover_below(std::vector<pid_t> parents, Discovery& found) {
  while (!parents.empty()) {
    const pid_t parent = parents.back();
    parents.pop_back();
    const auto children = source_.children_of(parent);
    if (!children) return false;
    const std::size_t before = parents.size();
    if (!admit_children(parent, *children, parents)) found.sure = false;
    found.admitted += parents.size() - before;
  }
  return true;
}

/// Appends those that were not tracked; whether each of `children` is now.
template <class Handle>
bool ProcessIndex<Handle>::admit_children(pid_t parent, const std::vector<pid_t>& children,
                                          std::vector<pid_t>& admitted) {
  bool all = true;
  std::vector<PidKey> own;
  for (const pid_t child : children) {
    if (current_->processes.contains(child)) continue;
    const auto task = source_.identify(child);
    if (task && task->group.pid == child && task->parent == parent) {
      own.push_back(task->group);
      continue;
    }
    all = false;  // gone, or its parent is: init has it, or a stranger under its number
    if (task && task->group.pid == child && find_member(child)) admitted.push_back(child);
  }
  if (own.empty()) return all;

  // They had this number for a parent; now see whose the number is. A tracked instance found here, after
  // its children, was theirs.
  const auto now = source_.identify(parent);
  if (!now || (now->group != init_ && !tracks(now->group))) return false;
  const PidKey parent_key = now->group == init_ ? PidKey{} : now->group;
  for (const PidKey& child : own) {
    if (admit(child, parent_key))
      admitted.push_back(child.pid);
    else
      all = false;
  }
  return all;
}

/// Asks every process there is for its ancestors; no: they could not all be asked.
template <class Handle>
bool ProcessIndex<Handle>::discover_by_ancestry() {
  const auto all = source_.all_pids();
  if (!all) return false;
  for (const pid_t pid : *all) find_member(pid);
  return true;
}

// -- removing ---------------------------------------------------------------------------------------

template <class Handle>
bool ProcessIndex<Handle>::unregister(const PidKey& key) {
  if (!tracks(key)) return false;
  publish(without(*current_, key.pid));
  return true;
}

/// Drops the entry under `current`'s number that is of another instance, if there is one.
template <class Handle>
void ProcessIndex<Handle>::drop_stale(const PidKey& current) {
  const auto* found = current_->processes.find(current.pid);
  if (found == nullptr || found->key == current) return;
  const Entry<Handle> stale = *found;
  publish(without(*current_, current.pid));
  tell_dropped(stale);
}

template <class Handle>
bool ProcessIndex<Handle>::is_gone(const PidKey& key) const {
  const auto now = source_.identify(key.pid);
  // No answer is no proof: out of descriptors, identify() fails for the living.
  return now ? now->group != key : !source_.is_thread_of(key.pid, key.pid);
}

template <class Handle>
std::vector<PidKey> ProcessIndex<Handle>::prune_dead() {
  std::vector<Entry<Handle>> dead;
  current_->processes.for_each([&](pid_t, const Entry<Handle>& entry) {
    if (is_gone(entry.key)) dead.push_back(entry);
  });
  Snapshot<Handle> next = *current_;
  for (const auto& entry : dead) next = without(std::move(next), entry.key.pid);
  next.threads = threads_.prune(std::move(next.threads), source_);
  publish(std::move(next));

  std::vector<PidKey> keys;
  keys.reserve(dead.size());
  for (const auto& entry : dead) {
    keys.push_back(entry.key);
    tell_dropped(entry);
  }
  return keys;
}

template <class Handle>
Snapshot<Handle> ProcessIndex<Handle>::without(Snapshot<Handle> snapshot, pid_t tgid) {
  snapshot.threads = threads_.forget_group(std::move(snapshot.threads), tgid);
  snapshot.processes = snapshot.processes.erase(tgid);
  return snapshot;
}

template <class Handle>
void ProcessIndex<Handle>::publish(Snapshot<Handle> next) {
  current_ = std::make_shared<const Snapshot<Handle>>(std::move(next));
  published_.store(current_);
  // After the store: a reader that sees the new version also finds the new snapshot.
  version_.fetch_add(1, std::memory_order_release);
}

template <class Handle>
void ProcessIndex<Handle>::tell_dropped(const Entry<Handle>& entry) const {
  if (on_dropped_) on_dropped_(entry);
}

}  // namespace proctor::index
