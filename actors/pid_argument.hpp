#pragma once

#include <linux/seccomp.h>

#include <string>

#include "actors/sandbox_context.hpp"
#include "policy/syscall_table.hpp"
#include "policy/verdict.hpp"

namespace proctor::actors {

/// Judges a call that names a process in a register: a member goes on, anybody else does not exist (ESRCH).
/// Needs no process's state, so the notification actor answers at once.
[[nodiscard]] policy::Verdict judge_pid_argument(SandboxContext& context, const seccomp_notif& notification,
                                                 const policy::SyscallRow& row);

/// The pids such a call names, for the record: "4711", "4711 4712", "group 4711", or "a group".
[[nodiscard]] std::string name_pids(const seccomp_notif& notification, const policy::SyscallRow& row);

}  // namespace proctor::actors
