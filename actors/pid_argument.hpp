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

/// Whether a number is the calling thread's or its group's, which stay theirs while it waits in the call.
[[nodiscard]] bool is_caller(const seccomp_notif& notification, pid_t tgid, pid_t named);

/// Whether the call is to be made on the caller's behalf (ProcessState::change_task): it sets something of a
/// task that is neither the caller nor its group.
[[nodiscard]] bool is_on_behalf(const policy::SyscallRow& row, const seccomp_notif& notification, pid_t tgid);

/// The pids such a call names, for the record: "4711", "4711 4712", "group 4711", or "a group".
[[nodiscard]] std::string name_pids(const seccomp_notif& notification, const policy::SyscallRow& row);

}  // namespace proctor::actors
