#pragma once

#include <linux/seccomp.h>

#include <cstdint>

namespace proctor::actors {

/// The reason of an answer that a bare process would have had as well.
inline constexpr const char* as_the_kernel = "as the kernel would";

inline constexpr const char* no_such_process = "a process outside the sandbox does not exist";
inline constexpr const char* target_is_gone = "the target is gone";

/// The nth argument of a call as the kernel takes an unsigned int from a register: the low word.
[[nodiscard]] inline std::uint32_t word_argument(const seccomp_notif& notification, int index) {
  return static_cast<std::uint32_t>(notification.data.args[index]);
}

/// The same for an int parameter.
[[nodiscard]] inline int int_argument(const seccomp_notif& notification, int index) {
  return static_cast<int>(word_argument(notification, index));
}

}  // namespace proctor::actors
