#pragma once

#include "kernel/result.hpp"

namespace proctor::launch {

/// A supervisor's own descriptors, and room for a few processes.
inline constexpr unsigned descriptors_min = 64;

/// The longest virtual file that a supervisor must be able to make, in bytes.
inline constexpr unsigned file_bytes_min = 1U << 20U;

/// Whether the limits that a supervisor inherits leave it enough, once raise_own_limits() has been called:
/// EMFILE or EFBIG with a sentence that names the limit, its value and what is needed. Changes nothing; the
/// calling process has one thread.
[[nodiscard]] kernel::Result<void> check_own_limits();

/// Raises the soft limit of open files to the hard one, for every tracked process costs one (its pidfd) and,
/// once its memory was read, one more; and that of the length of files as far as is allowed, for virtual
/// files are files.
void raise_own_limits() noexcept;

}  // namespace proctor::launch
