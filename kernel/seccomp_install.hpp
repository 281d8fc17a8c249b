#pragma once

#include <linux/filter.h>

#include <span>

#include "kernel/result.hpp"
#include "kernel/unique_fd.hpp"

namespace proctor::kernel {

/// A filter that is in force, and what it was possible to ask for.
struct InstalledFilter {
  UniqueFd listener;           ///< close-on-exec; the supervisor's end
  bool wait_killable = false;  ///< once received, only fatal signals interrupt the target (5.19)
};

/// Puts `program` in force for the calling thread and all that it forks or execs, for good, with a
/// listener: seccomp(2), SECCOMP_FILTER_FLAG_NEW_LISTENER | WAIT_KILLABLE_RECV. A kernel that does not
/// know WAIT_KILLABLE_RECV is asked again without it, and the answer says so: whether that is acceptable
/// is the caller's to decide (the filter cannot be taken back).
///
/// Needs no_new_privs or CAP_SYS_ADMIN (EACCES). EBUSY: the task has a listener already. EINVAL: not a
/// valid program. Async-signal-safe as long as it succeeds: a failure allocates.
[[nodiscard]] Result<InstalledFilter> install_notifying_filter(std::span<const sock_filter> program);

}  // namespace proctor::kernel
