#pragma once

#include <sys/types.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "kernel/cpus.hpp"

namespace proctor::kernel {

/// Keeps the calling thread and another one, which waits in a call, on one CPU while they hand over to each
/// other: the kernel would wake the other on an idle CPU, and this one again on yet another, each of which
/// costs ten times what the switch does (docs/adr/0009). One object belongs to one thread.
///
/// What a thread may run on is the administrator's and its own to say, so it is given back before the other
/// one goes on; whoever was not restricted is not afterwards, and follows a cpuset that grows. Where it
/// cannot be told whether a thread is restricted, or anything of this cannot be done, nothing is.
class OneCpu {
 public:
  /// As sched_setaffinity(2) takes it: a bit for each CPU, by its number. Of all that this machine may ever
  /// have the kernel's own mask has `words`; the rest is 0 and counts for nothing.
  struct Mask {
    std::array<std::uint64_t, cpu_mask_bytes_max / sizeof(std::uint64_t)> bits{};
    std::size_t words = 0;

    [[nodiscard]] std::span<const std::uint64_t> used() const noexcept {
      return std::span{bits}.first(words);
    }
    bool operator==(const Mask& other) const noexcept { return std::ranges::equal(used(), other.used()); }
  };

  /// As long as it lives.
  class Stay {
   public:
    Stay() noexcept = default;
    Stay(Stay&&) = delete;
    Stay& operator=(Stay&&) = delete;
    ~Stay();  ///< leaves errno as it is

   private:
    friend class OneCpu;
    Stay(const OneCpu& owner, pid_t tid, const Mask& theirs) noexcept
        : owner_(&owner), tid_(tid), theirs_(theirs) {}

    const OneCpu* owner_ = nullptr;  ///< null: nothing is to be given back
    pid_t tid_ = 0;
    Mask theirs_{};
  };

  /// `tid` is of a thread that waits in a call. Nothing is done for one that leads several threads: another
  /// of them may exec meanwhile, and take the leader's number.
  [[nodiscard]] Stay with(pid_t tid);

  /// Reads which CPUs `target` has: the ones to which the supervisor itself keeps its targets. A thread that
  /// has just these was restricted to them by its affinity, whatever its cpuset allows.
  void expect_restricted(pid_t target) noexcept;

 private:
  void measure() noexcept;
  /// The mask to give back to a thread that has this one. Nothing: it cannot be told who set it.
  [[nodiscard]] std::optional<Mask> origin_of(const Mask& mask) const noexcept;

  Mask left_{};        ///< what the calling thread has between two stays
  Mask own_{};         ///< what it is given when a stay ends
  Mask allowed_{};     ///< what its cpuset allows
  Mask restricted_{};  ///< expect_restricted()
};

}  // namespace proctor::kernel
