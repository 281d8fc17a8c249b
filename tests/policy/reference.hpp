#pragma once

#include <linux/audit.h>
#include <linux/seccomp.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "policy/syscall_table.hpp"

// What the table means, said a second time and as plainly as can be: what the emitted program is held
// against.
namespace proctor::policy::reference {

inline constexpr std::uint64_t high_bit_33 = std::uint64_t{1} << 32U;
inline constexpr std::uint64_t high_word = 0xffffffff00000000;

inline seccomp_data call(long number, std::array<std::uint64_t, 6> arguments = {}) {
  seccomp_data data{};
  data.nr = static_cast<int>(number);
  data.arch = AUDIT_ARCH_X86_64;
  for (std::size_t i = 0; i < arguments.size(); ++i) data.args[i] = arguments[i];
  return data;
}

inline bool holds(Condition condition, std::uint64_t argument, std::uint64_t value, std::uint64_t mask) {
  switch (condition) {
    case Condition::always:
      return true;
    case Condition::not_zero:
      return argument != 0;
    case Condition::low_word_equals:
      return static_cast<std::uint32_t>(argument) == value;
    case Condition::any_bit_of:
      return (argument & value) != 0;
    case Condition::masked_equals:
      return (argument & mask) == value;
  }
  return false;
}

inline bool applies(const SyscallRow& row, const seccomp_data& data) {
  return row.number == data.nr && holds(row.condition, data.args[row.argument], row.value, row.mask) &&
         holds(row.also.condition, data.args[row.also.argument], row.also.value, row.also.mask);
}

/// What seccomp is to return for a row.
inline std::uint32_t outcome(const SyscallRow& row) {
  if (row.action == Action::notify) return SECCOMP_RET_USER_NOTIF;
  if (row.action == Action::refuse) return SECCOMP_RET_ERRNO | static_cast<std::uint32_t>(row.error);
  return SECCOMP_RET_ALLOW;
}

/// What seccomp is to return for a call: the first row that applies.
inline std::uint32_t outcome(std::span<const SyscallRow> rows, const seccomp_data& data) {
  for (const SyscallRow& row : rows) {
    if (applies(row, data)) return outcome(row);
  }
  return SECCOMP_RET_ALLOW;
}

/// Values of an argument at which a comparison could go wrong: what the rows look for and its neighbours,
/// each with garbage in the high word, alone in the high word, and combined with other bits.
inline std::vector<std::uint64_t> telling_values(std::span<const SyscallRow> rows, long number) {
  std::vector<std::uint64_t> low{0,          1,          2,          3,          4,         7,
                                 0x7fffffff, 0x80000000, 0x80000004, 0xffffffff, 0xfffffffa};
  const auto add = [&](std::uint64_t value) {
    low.insert(low.end(), {value, value + 1, value - 1, value ^ 0x80000000});
    for (std::uint64_t left = value; left != 0; left &= left - 1) low.push_back(left & (~left + 1));
  };
  for (const SyscallRow& row : rows) {
    if (row.number != number) continue;
    add(row.value);
    add(row.mask);
    add(row.also.value);
  }
  std::vector<std::uint64_t> all;
  for (const std::uint64_t value : low) {
    all.insert(all.end(), {value, value | high_bit_33, value | high_word, value << 32U});
  }
  std::ranges::sort(all);
  all.erase(std::unique(all.begin(), all.end()), all.end());
  return all;
}

}  // namespace proctor::policy::reference
