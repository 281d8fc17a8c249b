#pragma once

#include <sys/types.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "index/lineage.hpp"
#include "index/pid_key.hpp"
#include "index/pid_trie.hpp"
#include "index/published_ptr.hpp"
#include "index/task_source.hpp"
#include "index/thread_ledger.hpp"

namespace proctor::index {

/// One tracked process. `Handle` is how its state is reached (its actor); a copy stays usable after
/// unregister, until its holders let go.
template <class Handle>
struct Entry {
  PidKey key;
  PidKey parent;  ///< its tracked parent when it was registered; {0, 0} for the root and for orphans
  Handle handle;
};

/// The tracked processes of one sandbox at one moment. Immutable; shares all that did not change with
/// the snapshots before it.
template <class Handle>
struct Snapshot {
  PidTrie<Entry<Handle>> processes;  ///< by thread group id
  PidTrie<pid_t> threads;            ///< thread id to its (tracked) group's id, for threads that lead none

  /// The process with this process or thread id; null: not here. A thread id is believed only if `source`
  /// says that it is a thread of that group now: thread ids are not watched, so theirs may be dealt again.
  /// Valid as long as the snapshot.
  [[nodiscard]] const Entry<Handle>* find(pid_t pid, const TaskSource& source) const;
};

/// The numbers of the tracked processes (not threads) at one moment, whatever happens later.
template <class Handle>
class PidSet {
 public:
  explicit PidSet(std::shared_ptr<const Snapshot<Handle>> snapshot) : snapshot_(std::move(snapshot)) {}

  /// No system call, no lock; constant time (at most seven steps).
  [[nodiscard]] bool contains(pid_t tgid) const { return snapshot_->processes.contains(tgid); }
  [[nodiscard]] std::size_t size() const { return snapshot_->processes.size(); }

  /// Calls f(tgid), ascending.
  template <class F>
  void for_each(F&& f) const {
    snapshot_->processes.for_each([&](pid_t tgid, const Entry<Handle>&) { f(tgid); });
  }

 private:
  std::shared_ptr<const Snapshot<Handle>> snapshot_;
};

/// The processes of one sandbox: which there are, and how to reach the state of each.
///
/// One thread writes (all non-const functions); any thread reads, without a lock and without waiting for
/// the writer. A thread that reads often keeps a SnapshotReader.
///
/// The owner watches the pidfd of every registered process and unregisters it when it ends, *before* it asks
/// the index anything else: a process's number is dealt again only after its pidfd became readable. The
/// number of a tracked process is then the process itself, and is believed without asking the kernel.
/// prune_dead() is the backstop.
template <class Handle>
class ProcessIndex {
 public:
  using SnapshotPtr = std::shared_ptr<const Snapshot<Handle>>;

  /// Makes the state of a process that is being registered; must not change the index. Nothing: the process
  /// is already gone, or its state could not be made; it is then not registered. What it opens by the
  /// process's number is the right instance's: the index sees afterwards that it still has the number.
  using StateFactory = std::function<std::optional<Handle>(const PidKey& key, const PidKey& parent)>;

  /// Told of an entry that a newer instance under its number replaced, that prune_dead() dropped, or
  /// whose process ended while its state was made (it never was in a snapshot). Called after the
  /// publication; may use the index.
  using OnDropped = std::function<void(const Entry<Handle>&)>;

  /// `source` outlives the index. `init` is the process that adopts the sandbox's orphans, a subreaper
  /// that is itself outside the index and outlives it: whose parent it is belongs to the sandbox. 0: there
  /// is none, and an orphan belongs only once it is registered.
  ProcessIndex(const TaskSource& source, pid_t init, StateFactory make_state, OnDropped on_dropped = {});

  // -- the writer's thread --------------------------------------------------------------------------

  /// Reads the start time, makes the state, publishes. The same instance again: its key, nothing
  /// new. Another instance under a recycled number replaces the stale one. Nothing: already gone, or not a
  /// thread group's leader. The caller vouches that it belongs.
  std::optional<PidKey> register_process(pid_t tgid);

  /// The group of a notification's raw id, which is a thread's. From the snapshot when it can be believed;
  /// else asks the kernel once and registers the group, its untracked ancestors (the oldest first) and the
  /// thread. Nothing: gone.
  ///
  /// The task belongs because it sent the notification, so what is identified must be that task and no
  /// later one with its number: `still_blocked` (SECCOMP_IOCTL_NOTIF_ID_VALID) is asked after the
  /// identification, and "no" makes the answer nothing. Left out, the caller vouches. A "yes" when the state
  /// was made spares a second identification.
  std::optional<PidKey> resolve_notifier(pid_t tid, const std::function<bool()>& still_blocked = {});

  /// Whether a process that somebody *named* (a /proc/PID path, a pid argument; process or thread
  /// id) belongs: from the snapshot, else by walking its ancestry to a tracked process or to `init`,
  /// registering what the walk finds. Nothing: foreign or gone.
  ///
  /// A tracked number is believed; a stale one that the walk meets is replaced, or dropped when a foreign
  /// process has it. A zombie belongs until it is reaped.
  std::optional<PidKey> find_member(pid_t pid);

  /// Registers every descendant of the tracked processes and of `init` that has not yet made a notified
  /// call: before listings. From the top down, at a cost of the tracked processes alone; where the kernel
  /// does not list children, by the ancestry of every process there is.
  ///
  /// What one look came to. None can have been missed if it is sure, no tracked process ended meanwhile
  /// (which the owner knows), and none is a subreaper; with a subreaper, if that is so of a second look as
  /// well, and it admitted nobody: an orphan can move to a process that has been looked at already. Whoever
  /// was missed is still found by find_member().
  struct Discovery {
    std::size_t admitted = 0;
    /// There was a list, all that were listed were still there, and were admitted: the kernel may leave a
    /// child out while a sibling of it exits.
    bool sure = true;
  };
  Discovery discover();

  /// Removes only an exact match. Returns whether there was one. The group's threads go with it.
  bool unregister(const PidKey& key);

  /// Drops entries whose process is gone or whose start time differs, and thread ids that ended: a
  /// low-frequency backstop, about 10 us for each process. Keeps what the kernel would not tell about.
  std::vector<PidKey> prune_dead();

  // -- any thread -----------------------------------------------------------------------------------

  /// The current snapshot: the tracked processes, independent of later changes. Keeps their handles.
  [[nodiscard]] SnapshotPtr snapshot() const { return published_.load(); }

  /// The set of tracked process ids, independent of later changes: for look-ups in a loop.
  [[nodiscard]] PidSet<Handle> pids_snapshot() const { return PidSet<Handle>(snapshot()); }

  // For a process id, or the id of a thread that was resolved before (Snapshot::find). Nothing: never
  // registered; the caller then does nothing that harms. Only find_member() knows of more.
  [[nodiscard]] std::optional<PidKey> key_for(pid_t pid) const;
  [[nodiscard]] std::optional<Entry<Handle>> entry_for(pid_t pid) const;
  [[nodiscard]] bool contains(pid_t pid) const { return key_for(pid).has_value(); }

  /// Tracked processes (not threads).
  [[nodiscard]] std::size_t size() const { return snapshot()->processes.size(); }

  /// Changes with every publication; a reader's copy with the same version is the current one.
  [[nodiscard]] std::uint64_t version() const noexcept { return version_.load(std::memory_order_acquire); }

  [[nodiscard]] const TaskSource& source() const noexcept { return source_; }

 private:
  /// How often a walk is begun again because an ancestor ended under it.
  static constexpr int walks_max = 8;
  /// How often discover() asks init for orphans that came while it looked.
  static constexpr int orphan_rounds_max = 16;

  [[nodiscard]] static PidKey identify_init(const TaskSource& source, pid_t init);
  [[nodiscard]] std::optional<PidKey> believed(pid_t pid) const;
  [[nodiscard]] bool tracks(const PidKey& key) const;
  [[nodiscard]] PidKey known_parent(const TaskIdentity& task) const;
  [[nodiscard]] Lineage trace_lineage(const TaskIdentity& task) const;
  [[nodiscard]] bool is_gone(const PidKey& key) const;

  bool admit(const PidKey& key, const PidKey& parent, const std::function<bool()>& still_lives = {});
  [[nodiscard]] bool is_another(const PidKey& key) const;
  bool admit_lineage(const Lineage& lineage, std::size_t youngest);
  void note_thread(pid_t tid, pid_t tgid);
  void drop_stale(const PidKey& current);
  bool discover_below(std::vector<pid_t> parents, Discovery& found);
  [[nodiscard]] bool admit_children(pid_t parent, const std::vector<pid_t>& children,
                                    std::vector<pid_t>& admitted);
  bool discover_by_ancestry();

  [[nodiscard]] Snapshot<Handle> without(Snapshot<Handle> snapshot, pid_t tgid);
  void publish(Snapshot<Handle> next);
  void tell_dropped(const Entry<Handle>& entry) const;

  const TaskSource& source_;
  const PidKey init_;
  const StateFactory make_state_;
  const OnDropped on_dropped_;

  ThreadLedger threads_;
  SnapshotPtr current_;  ///< the writer's own way to what is published
  PublishedPtr<Snapshot<Handle>> published_;
  alignas(64) std::atomic<std::uint64_t> version_{1};  ///< alone in its line: every reader polls it
};

}  // namespace proctor::index

#include "index/process_index.ipp"
