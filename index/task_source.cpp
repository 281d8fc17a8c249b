#include "index/task_source.hpp"

#include <cerrno>

#include "kernel/pidfd.hpp"
#include "kernel/proc_stat.hpp"
#include "kernel/status_text.hpp"

namespace proctor::index {

namespace {

/// A leader, or (with PIDFD_THREAD) any thread: `task` was open before the start time was read and is
/// still alive after, so all three answers are of one instance. A living thread also keeps its group's
/// number from being dealt again.
std::optional<TaskIdentity> identify_held(const kernel::PidFd& task) {
  const auto info = task.info();
  if (!info) return std::nullopt;
  const auto leader = kernel::read_proc_stat(info->tgid);
  if (!leader || !task.is_alive()) return std::nullopt;
  return TaskIdentity{{info->tgid, leader->start_time_ticks}, info->ppid};
}

/// The group of a thread by /proc/TID/status; 0: gone.
pid_t group_by_status(pid_t tid) {
  const auto status = kernel::read_status(tid);
  return status ? kernel::StatusText(*status).number<pid_t>("Tgid").value_or(0) : 0;
}

/// A thread without a pidfd of its own: its group is held instead, and the thread found in it afterwards.
std::optional<TaskIdentity> identify_by_proc(pid_t tid) {
  const pid_t tgid = group_by_status(tid);
  if (tgid <= 0) return std::nullopt;
  const auto group = kernel::PidFd::open(tgid);
  if (!group) return std::nullopt;
  // The thread after the group was opened, the group (in identify_held) after the thread: both lived at
  // once, so the group that is held is the thread's.
  if (!kernel::is_thread_of(tgid, tid)) return std::nullopt;
  return identify_held(*group);
}

}  // namespace

std::optional<TaskIdentity> KernelTaskSource::identify(pid_t tid) const {
  if (tid <= 0) return std::nullopt;
  if (threads_ == Threads::by_proc) return identify_by_proc(tid);
  const auto task = kernel::PidFd::open_thread(tid);
  if (task) return identify_held(*task);
  return task.error().number == ENOTSUP ? identify_by_proc(tid) : std::nullopt;
}

bool KernelTaskSource::is_thread_of(pid_t tgid, pid_t tid) const {
  // Not above 0: tgkill(2) would answer EINVAL, or mean every group.
  return tgid > 0 && tid > 0 && kernel::is_thread_of(tgid, tid);
}

std::optional<std::vector<pid_t>> KernelTaskSource::children_of(pid_t tgid) const {
  auto children = kernel::read_children(tgid);
  if (children) return std::move(*children);
  const int why = children.error().number;
  if (why == ENOENT || why == ESRCH) return std::vector<pid_t>{};
  return std::nullopt;
}

std::optional<std::vector<pid_t>> KernelTaskSource::all_pids() const {
  auto pids = kernel::read_all_pids();
  if (!pids) return std::nullopt;
  return std::move(*pids);
}

}  // namespace proctor::index
