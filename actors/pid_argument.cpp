#include "actors/pid_argument.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <span>

#include "actors/call_arguments.hpp"

namespace proctor::actors {
namespace {

/// Whether a group of this number would be one of the sandbox's processes' own, if setpgid(2) makes it.
bool founds_group(SandboxContext& context, pid_t group) { return context.members.group_of(group) == group; }

}  // namespace

policy::Verdict judge_pid_argument(SandboxContext& context, const seccomp_notif& notification,
                                   const policy::SyscallRow& row) {
  const auto judged = policy::judged_pids(row, notification.data);
  if (judged.beyond_named_tasks && !context.order.signals_scoped)
    return {policy::Fail{EPERM}, "a signal to a group, on a kernel that cannot keep it inside"};
  for (std::size_t i = 0; i < judged.count; ++i)
    if (!context.index.find_member(judged.tasks[i])) return {policy::Fail{row.error}, no_such_process};
  if (judged.named_group != 0 && !has_member_in_group(context, judged.named_group))
    return {policy::Fail{row.error}, "a process group outside the sandbox does not exist"};
  if (judged.joined_group != 0 && !founds_group(context, judged.joined_group) &&
      !is_own_group(context, judged.joined_group))
    return {policy::Fail{EPERM}, "a process group outside the sandbox does not exist"};
  // Continue safety: the pid is in a register, which only this thread could change and it waits. A
  // group's signal stays inside by Landlock's scope. A number that another process has by the time the kernel
  // looks it up does no harm to that: ADR 0010.
  return {policy::Continue{}};
}

bool is_caller(const seccomp_notif& notification, pid_t tgid, pid_t named) {
  return named == tgid || named == static_cast<pid_t>(notification.pid);
}

bool is_on_behalf(const policy::SyscallRow& row, const seccomp_notif& notification, pid_t tgid) {
  if (!row.changes_task) return false;
  const auto judged = policy::judged_pids(row, notification.data);
  return judged.count != 0 && !is_caller(notification, tgid, judged.tasks[0]);
}

std::string name_pids(const seccomp_notif& notification, const policy::SyscallRow& row) {
  const auto judged = policy::judged_pids(row, notification.data);
  const auto named = std::span{judged.tasks}.first(judged.count);
  if (judged.named_group != 0) return fmt::format("group {}", judged.named_group);
  if (named.empty() && judged.joined_group != 0) return fmt::format("group {}", judged.joined_group);
  return named.empty() ? "a group" : fmt::format("{}", fmt::join(named, " "));
}

}  // namespace proctor::actors
