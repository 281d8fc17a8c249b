#include "kernel/journal.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <memory>
#include <type_traits>

namespace proctor::kernel {

static_assert(sizeof(seccomp_notif) <= notification_bytes_max);
static_assert(std::is_trivially_copyable_v<JournalSlot>, "slots live in shared memory");

Result<Journal> Journal::create(SlotNumber slots) {
  UniqueFd fd{::memfd_create("proctor-journal", MFD_CLOEXEC)};
  if (!fd) return Error::last("memfd_create the in-flight journal");
  const std::size_t bytes = slots * sizeof(JournalSlot);
  if (::ftruncate(fd.get(), static_cast<off_t>(bytes)) != 0) return Error::last("size the in-flight journal");
  void* const memory = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(), 0);
  if (memory == MAP_FAILED) return Error::last("map the in-flight journal");
  auto* const first = static_cast<JournalSlot*>(memory);
  std::uninitialized_value_construct_n(first, slots);
  return Journal{std::move(fd), {first, slots}};
}

Journal::Journal(UniqueFd fd, std::span<JournalSlot> slots) : fd_(std::move(fd)), slots_(slots) {
  free_.reserve(slots.size());
  for (std::size_t slot = slots.size(); slot-- > 0;) free_.push_back(static_cast<SlotNumber>(slot));
}

Journal::Journal(Journal&& other) noexcept
    : fd_(std::move(other.fd_)),
      slots_(std::exchange(other.slots_, {})),
      in_flight_(std::exchange(other.in_flight_, 0)),
      free_(std::move(other.free_)) {}

Journal::~Journal() {
  if (!slots_.empty()) ::munmap(slots_.data(), slots_.size_bytes());
}

std::optional<SlotNumber> Journal::acquire() {
  if (free_.empty()) return std::nullopt;
  const SlotNumber slot = free_.back();
  free_.pop_back();
  return slot;
}

void Journal::fill(SlotNumber slot, std::int64_t deadline_ns) {
  slots_[slot].cookie = slots_[slot].view().id;
  slots_[slot].deadline_ns = deadline_ns;
  ++in_flight_;
}

void Journal::release(SlotNumber slot) {
  if (slots_[slot].cookie != 0) --in_flight_;
  slots_[slot].cookie = 0;
  free_.push_back(slot);
}

}  // namespace proctor::kernel
