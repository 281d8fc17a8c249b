#include "kernel/one_cpu.hpp"

#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstdint>

#include "kernel/pidfd.hpp"
#include "kernel/proc_stat.hpp"

namespace proctor::kernel {
namespace {

using Mask = OneCpu::Mask;

constexpr unsigned bits_per_word = 64;

bool get(pid_t tid, Mask& mask) noexcept {
  const long bytes = ::syscall(SYS_sched_getaffinity, tid, sizeof mask.bits, mask.bits.data());
  if (bytes > 0) mask.words = static_cast<std::size_t>(bytes) / sizeof(std::uint64_t);
  return bytes > 0;
}

bool set(pid_t tid, const Mask& mask) noexcept {
  const auto used = mask.used();
  return ::syscall(SYS_sched_setaffinity, tid, used.size_bytes(), used.data()) == 0;
}

/// Every CPU there may ever be: no restriction beyond the cpuset.
Mask every(Mask like) noexcept {
  std::ranges::fill(std::span{like.bits}.first(like.words), ~std::uint64_t{0});
  return like;
}

Mask only(unsigned cpu, std::size_t words) noexcept {
  Mask mask;
  mask.words = words;
  mask.bits[cpu / bits_per_word] = std::uint64_t{1} << (cpu % bits_per_word);
  return mask;
}

bool has(const Mask& mask, unsigned cpu) noexcept {
  return cpu < bits_per_word * mask.words &&
         (mask.bits[cpu / bits_per_word] >> (cpu % bits_per_word) & 1U) != 0;
}

bool has_several(const Mask& mask) noexcept {
  int cpus = 0;
  for (const std::uint64_t word : mask.used()) cpus += std::popcount(word);
  return cpus > 1;
}

}  // namespace

OneCpu::Stay::~Stay() {
  if (owner_ == nullptr) return;
  const int error = errno;  // of what was done meanwhile
  // EINVAL: the cpuset has changed meanwhile, and none of them is left.
  if (!set(tid_, theirs_) && errno == EINVAL) static_cast<void>(set(tid_, every(theirs_)));
  static_cast<void>(set(0, owner_->own_));
  errno = error;
}

void OneCpu::measure() noexcept {
  if (!get(0, own_) || !set(0, every(own_)) || !get(0, allowed_)) return;
  left_ = own_;
  if (own_ == allowed_)
    own_ = every(own_);
  else
    static_cast<void>(set(0, own_));
}

std::optional<Mask> OneCpu::origin_of(const Mask& mask) const noexcept {
  if (mask == allowed_) return every(mask);
  if (mask == left_ || mask == restricted_) return mask;
  return std::nullopt;
}

void OneCpu::expect_restricted(pid_t target) noexcept { static_cast<void>(get(target, restricted_)); }

OneCpu::Stay OneCpu::with(pid_t tid) {
  if (tid <= 0 || (is_thread_of(tid, tid) && !has_one_thread(tid))) return {};
  Mask own;
  Mask theirs;
  unsigned cpu = 0;
  if (!get(0, own) || !get(tid, theirs) || ::getcpu(&cpu, nullptr) != 0) return {};
  if (own != left_) measure();  // for the first time, or somebody has given it others
  const auto origin = origin_of(theirs);
  if (!origin || !has(theirs, cpu) || !has_several(theirs)) return {};
  const Mask here = only(cpu, theirs.words);
  if (!set(0, here)) return {};
  if (!set(tid, here)) {
    static_cast<void>(set(0, own_));
    return {};
  }
  return {*this, tid, *origin};
}

}  // namespace proctor::kernel
