#include "actors/job_ids.hpp"

#include <unistd.h>

#include <algorithm>

#include "actors/sandbox_context.hpp"
#include "kernel/proc_stat.hpp"

namespace proctor::actors {

JobIds::JobIds(pid_t target) {
  const auto stat = kernel::read_proc_stat(target);
  if (!stat) return;
  group_ = stat->pgrp;
  session_ = stat->session;
  note_process(target);
}

void JobIds::note_process(pid_t pid) noexcept {
  if (pid == group_) group_ = 0;
  if (pid == session_) session_ = 0;
}

bool has_member_in_group(SandboxContext& context, pid_t group) {
  const auto is_in_group = [group](pid_t member) { return ::getpgid(member) == group; };
  if (context.members.group_of(group) == group && is_in_group(group)) return true;
  context.members.discover();
  const auto all = context.all_processes();
  return std::any_of(all.begin(), all.end(), [&](const auto& entry) { return is_in_group(entry.key.pid); });
}

bool is_own_group(SandboxContext& context, pid_t group) {
  return group == context.jobs.foreign_group() || has_member_in_group(context, group);
}

}  // namespace proctor::actors
