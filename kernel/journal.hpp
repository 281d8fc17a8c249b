#pragma once

#include <linux/seccomp.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "kernel/listener.hpp"
#include "kernel/result.hpp"
#include "kernel/unique_fd.hpp"

namespace proctor::kernel {

/// Names a slot of a journal.
using SlotNumber = std::uint32_t;

/// One notification in flight: received, not yet answered. Lives in memory that a successor can map.
struct alignas(64) JournalSlot {
  std::array<std::byte, notification_bytes_max> notification;  ///< struct seccomp_notif, as received
  std::uint64_t cookie = 0;                                    ///< its id once received; 0: nothing to answer
  std::int64_t deadline_ns = 0;                                ///< steady clock; refused after it

  [[nodiscard]] const seccomp_notif& view() const {
    // The buffer is 64-byte aligned, zeroed and filled by the kernel with exactly this struct.
    return *reinterpret_cast<const seccomp_notif*>(notification.data());
  }
};

/// The in-flight journal of one sandbox: a bounded array of slots in a memfd. With WAIT_KILLABLE_RECV a
/// received notification whose id is lost hangs its target until SIGKILL; a supervisor that takes over
/// maps the memfd and answers what its predecessor could not. One thread uses it at a time.
class Journal {
 public:
  /// A journal of `slots` slots (at least 1).
  [[nodiscard]] static Result<Journal> create(SlotNumber slots);

  Journal(Journal&& other) noexcept;
  Journal& operator=(Journal&&) = delete;
  Journal(const Journal&) = delete;
  Journal& operator=(const Journal&) = delete;
  ~Journal();

  /// A free slot to receive into; nothing when all are taken: the kernel then queues for us.
  [[nodiscard]] std::optional<SlotNumber> acquire();

  /// A notification was received into the slot: it is in flight, and to be refused after `deadline_ns`.
  void fill(SlotNumber slot, std::int64_t deadline_ns);

  /// The slot is answered, or was never filled.
  void release(SlotNumber slot);

  [[nodiscard]] JournalSlot& operator[](SlotNumber slot) { return slots_[slot]; }
  [[nodiscard]] const JournalSlot& operator[](SlotNumber slot) const { return slots_[slot]; }

  [[nodiscard]] std::size_t in_flight() const { return in_flight_; }
  [[nodiscard]] std::span<const JournalSlot> slots() const { return slots_; }

  /// The memory, for whoever is to take over.
  [[nodiscard]] int fd() const noexcept { return fd_.get(); }

 private:
  Journal(UniqueFd fd, std::span<JournalSlot> slots);

  UniqueFd fd_;
  std::span<JournalSlot> slots_;
  std::size_t in_flight_ = 0;
  std::vector<SlotNumber> free_;  ///< a stack: the slot used last is still in the cache
};

}  // namespace proctor::kernel
