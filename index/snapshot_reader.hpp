#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>

#include "index/process_index.hpp"

namespace proctor::index {

/// One thread's view of an index, for look-ups on a hot path: keeps the snapshot it used last and takes a
/// new one only when the index's version moved, so that a look-up writes to no shared memory. The answers
/// are as current as ProcessIndex's own.
///
/// One object per thread; the index outlives it. Between look-ups it keeps its snapshot, and with that the
/// handles in it: a thread that will not look for long calls release().
template <class Handle>
class SnapshotReader {
 public:
  explicit SnapshotReader(const ProcessIndex<Handle>& index) : index_(&index) {}

  /// The current snapshot; valid until the next call.
  [[nodiscard]] const Snapshot<Handle>& snapshot() {
    if (index_->version() != version_) refresh();
    return *snapshot_;
  }

  /// As ProcessIndex's functions of the same names. An entry is valid until the next call; null: not here.
  [[nodiscard]] const Entry<Handle>* entry_for(pid_t pid) { return snapshot().find(pid, index_->source()); }
  [[nodiscard]] std::optional<PidKey> key_for(pid_t pid) {
    const auto* entry = entry_for(pid);
    return entry != nullptr ? std::optional(entry->key) : std::nullopt;
  }
  [[nodiscard]] bool contains(pid_t pid) { return entry_for(pid) != nullptr; }

  /// Lets the snapshot go.
  void release() {
    snapshot_.reset();
    version_ = 0;
  }

 private:
  void refresh() {
    // The version first: a snapshot that is newer than its version costs one refresh more, an older one
    // would be kept for good.
    version_ = index_->version();
    snapshot_ = index_->snapshot();
  }

  const ProcessIndex<Handle>* index_;
  typename ProcessIndex<Handle>::SnapshotPtr snapshot_;
  std::uint64_t version_ = 0;  ///< 0: none; an index starts at 1
};

}  // namespace proctor::index
