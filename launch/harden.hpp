#pragma once

#include "kernel/result.hpp"

namespace proctor::launch {

/// Makes the calling process opaque to others of its user, prctl(2) PR_SET_DUMPABLE 0: no ptrace, no
/// reading of its memory, no pidfd_getfd, no core. exec undoes it: call again after one.
void harden_supervisor() noexcept;

/// Orphans of the caller's descendants become its children: prctl(2) PR_SET_CHILD_SUBREAPER. Survives exec.
[[nodiscard]] kernel::Result<void> become_subreaper();

}  // namespace proctor::launch
