#pragma once

#include <csignal>

namespace proctor::kernel {

/// Blocks every signal in the calling thread, and in those that it starts from now on; what was blocked
/// before. Whoever answers notifications must: an interrupted ADDFD cannot be repaired.
sigset_t block_all_signals() noexcept;

}  // namespace proctor::kernel
