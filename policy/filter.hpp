#pragma once

#include <linux/filter.h>

#include <span>
#include <vector>

#include "kernel/result.hpp"
#include "policy/syscall_table.hpp"

namespace proctor::policy {

/// A seccomp program, ready for seccomp(2).
using BpfProgram = std::vector<sock_filter>;

/// Builds the program for `rows` with libseccomp and exports it. What no row names is allowed. Foreign
/// architectures (i386 by int 0x80 too) and x32 numbers (0x40000000 and above) are refused with ENOSYS.
///
/// The program depends on the rows only, not on the running kernel; calls are found by binary search, and
/// one without an argument test is decided without looking at an argument, so that the kernel caches the
/// answer (kernel/seccomp.c, seccomp_is_const_allow). The order of a call's rows does not count: they must
/// not contradict each other.
///
/// EINVAL: a row without a number, with an errno out of range, an argument above 5 or two tests of
/// one register. EEXIST: two rows make the same test, or one covers a call that has other rows. E2BIG: more
/// than BPF_MAXINSNS instructions.
[[nodiscard]] kernel::Result<BpfProgram> build_filter(std::span<const SyscallRow> rows);

}  // namespace proctor::policy
