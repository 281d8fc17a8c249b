#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <thread>
#include <utility>

namespace proctor::index {

/// An atomic shared_ptr for one writer and any number of readers. load() is wait-free: three atomic
/// additions, whatever the others do.
///
/// Why not std::atomic<std::shared_ptr>: in libstdc++ that is a spin lock in one bit, so a reader waits for
/// a writer that was preempted; and up to GCC 12 load() unlocks it with relaxed order, a data race by the
/// letter of the standard, which the thread sanitizer reports (docs/adr/0002-index-snapshot.md).
///
/// How: the value lives in one of a few slots. One word holds the published slot's number and how many
/// readers have entered it, so that finding the slot and announcing oneself is one addition. Readers
/// count out in the slot itself. Once the writer has moved on it tells the old slot how many came in;
/// whoever makes the sums meet empties it.
template <class T>
class PublishedPtr {
 public:
  using Ptr = std::shared_ptr<const T>;

  explicit PublishedPtr(Ptr initial) {
    slots_[0].value = std::move(initial);
    slots_[0].owed.store(published, std::memory_order_relaxed);
    slots_[0].taken.store(true, std::memory_order_relaxed);
  }
  PublishedPtr(const PublishedPtr&) = delete;
  PublishedPtr& operator=(const PublishedPtr&) = delete;

  /// Any thread.
  [[nodiscard]] Ptr load() const {
    const std::uint64_t head = head_.fetch_add(one_reader, std::memory_order_acquire);
    Slot& slot = slots_[head & slot_mask];
    Ptr value = slot.value;
    if (slot.owed.fetch_sub(1, std::memory_order_acq_rel) == 1) slot.empty();
    return value;
  }

  /// The one writer. Waits only when `slots_max` readers are all inside load() of older values at once.
  void store(Ptr value) {
    const std::size_t number = take_slot();
    Slot& slot = slots_[number];
    slot.value = std::move(value);
    slot.owed.store(published, std::memory_order_relaxed);
    const std::uint64_t old = head_.exchange(number, std::memory_order_acq_rel);
    Slot& left = slots_[old & slot_mask];
    const auto entered = static_cast<std::int64_t>(old >> slot_number_bits);
    if (left.owed.fetch_add(entered - published, std::memory_order_acq_rel) == published - entered) {
      left.empty();
    }
  }

 private:
  static constexpr std::size_t slots_max = 16;
  static constexpr unsigned slot_number_bits = 8;
  static constexpr std::uint64_t slot_mask = (1U << slot_number_bits) - 1;
  static constexpr std::uint64_t one_reader = 1U << slot_number_bits;
  /// What a published slot owes beyond its readers: never reached by counting out (2^50 loads of one value).
  static constexpr std::int64_t published = std::int64_t{1} << 50;
  static_assert(slots_max <= slot_mask + 1);

  struct alignas(64) Slot {
    /// published - readers that left; after the writer moved on: readers still inside.
    std::atomic<std::int64_t> owed{0};
    std::atomic<bool> taken{false};
    Ptr value;

    void empty() {
      // The slot is free before the old value dies: that may take long and come back to the index.
      const Ptr last = std::move(value);
      taken.store(false, std::memory_order_release);
    }
  };

  std::size_t take_slot() {
    for (;; std::this_thread::yield()) {
      for (std::size_t i = 0; i < slots_max; ++i) {
        if (slots_[i].taken.load(std::memory_order_acquire)) continue;
        slots_[i].taken.store(true, std::memory_order_relaxed);
        return i;
      }
    }
  }

  alignas(64) mutable std::atomic<std::uint64_t> head_{0};
  mutable std::array<Slot, slots_max> slots_;
};

}  // namespace proctor::index
