#pragma once

#include <cerrno>

#include "kernel/result.hpp"

namespace proctor::kernel {

/// Whether something failed for want of descriptors or memory: that tells nothing of what was asked for, and
/// may be otherwise the next time.
[[nodiscard]] inline bool is_for_want_of_room(const Error& error) noexcept {
  return error.number == EMFILE || error.number == ENFILE || error.number == ENOMEM;
}

}  // namespace proctor::kernel
