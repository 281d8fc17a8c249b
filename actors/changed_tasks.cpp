#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <span>
#include <vector>

#include "actors/call_arguments.hpp"
#include "actors/pid_argument.hpp"
#include "actors/process_state.hpp"
#include "actors/sandbox_context.hpp"
#include "kernel/credentials.hpp"

// ProcessState's handlers of the calls that set something of another task by its number, made on the caller's
// behalf.
//
// A number in a register cannot be changed, but it can change hands: the task ends, is reaped, and the kernel
// deals the number anew. Were the kernel to go on, that could happen between the verdict and its own look-up,
// for which the caller can take as long as it likes (a thread of SCHED_IDLE waits for as long as others run).
// Here the look-up follows the verdict at once, on the supervisor's own thread.
namespace proctor::actors {

using policy::Continue;
using policy::Fail;
using policy::Return;
using policy::Verdict;

namespace {

/// A page: the most that sched_setattr(2) reads.
constexpr std::uint32_t sched_attr_bytes_max = 4096;

Verdict answer(long result) {
  if (result < 0) return {Fail{errno}, as_the_kernel};
  return {Return{result}, "done on the caller's behalf"};
}

}  // namespace

Verdict ProcessState::change_task(const seccomp_notif& notification, const policy::SyscallRow& row) {
  const auto name = name_pids(notification, row);
  argument_ = {context_.path.data(), name.copy(context_.path.data(), context_.path.size())};
  const auto task = static_cast<pid_t>(word_argument(notification, row.argument));
  const auto is_refused = [](const Verdict& judged) {
    return !std::holds_alternative<Continue>(judged.answer);
  };
  if (auto judged = judge_pid_argument(context_, notification, row); is_refused(judged)) return judged;
  std::vector<std::byte> settings;
  // Continue safety: what cannot be read by an unprivileged supervisor the kernel reads, of an own process's
  // as far as that can be judged.
  if (const auto read = read_settings(notification, settings); !read) return unreadable(read.error());
  const auto acting = act_as_caller(context_, notification);
  if (!acting) return {Fail{acting.error().number}, "not with the target's rights"};
  // Once more: all that was done since took its time.
  if (auto judged = judge_pid_argument(context_, notification, row); is_refused(judged)) return judged;
  const auto& args = notification.data.args;
  switch (notification.data.nr) {
    case SYS_setpriority:
    case SYS_ioprio_set:
      return answer(::syscall(notification.data.nr, int_argument(notification, 0), task,
                              int_argument(notification, 2)));
    case SYS_sched_setparam:
      return answer(::syscall(SYS_sched_setparam, task, settings.empty() ? nullptr : settings.data()));
    case SYS_sched_setscheduler:
      return answer(::syscall(SYS_sched_setscheduler, task, int_argument(notification, 1),
                              settings.empty() ? nullptr : settings.data()));
    case SYS_sched_setattr:
      return answer(
          ::syscall(SYS_sched_setattr, task, settings.empty() ? nullptr : settings.data(), args[2]));
    default:
      return {Fail{ENOSYS}, "no handler for this call"};
  }
}

kernel::Result<void> ProcessState::read_settings(const seccomp_notif& notification,
                                                 std::vector<std::byte>& settings) {
  std::uint64_t address = 0;
  std::uint32_t length = sizeof(int);  // struct sched_param
  switch (notification.data.nr) {
    case SYS_sched_setparam:
    case SYS_sched_setattr:
      address = notification.data.args[1];
      break;
    case SYS_sched_setscheduler:
      address = notification.data.args[2];
      break;
    default:
      return {};
  }
  if (address == 0) return {};  // EINVAL, says the kernel
  if (notification.data.nr == SYS_sched_setattr) {
    constexpr std::uint32_t first_version_bytes = 48;  // what a size of 0 means
    const auto bytes = std::as_writable_bytes(std::span{&length, 1});
    if (auto read = read_memory(notification, address, bytes); !read) return read;
    length = length == 0 ? first_version_bytes : length;
    // The kernel refuses the size by itself, having read no more of it.
    if (length < first_version_bytes || length > sched_attr_bytes_max) {
      settings.assign(std::as_bytes(std::span{&length, 1}).begin(),
                      std::as_bytes(std::span{&length, 1}).end());
      settings.resize(sched_attr_bytes_max);
      return {};
    }
  }
  settings.resize(length);
  return read_memory(notification, address, settings);
}

Verdict ProcessState::limit_task(const seccomp_notif& notification, pid_t task) {
  const auto& args = notification.data.args;
  rlimit wanted{};
  if (args[2] != 0)
    if (const auto read = read_memory(notification, args[2], std::as_writable_bytes(std::span{&wanted, 1}));
        !read)
      return unreadable(read.error());
  rlimit before{};
  {
    const auto acting = act_as_caller(context_, notification);
    if (!acting) return {Fail{acting.error().number}, "not with the target's rights"};
    // Continue safety: the kernel asks for the real uid (check_prlimit_permission), which stays when
    // credentials are assumed. So a root supervisor leaves another user's limits to the kernel, by a register
    // that it has judged.
    if (::getuid() != ::geteuid() || ::getgid() != ::getegid()) return {Continue{}};
    if (!context_.members.group_of(task))
      return {Fail{ESRCH}, "a process outside the sandbox does not exist"};
    if (::syscall(SYS_prlimit64, task, word_argument(notification, 1), args[2] == 0 ? nullptr : &wanted,
                  &before) != 0)
      return {Fail{errno}, as_the_kernel};
  }
  if (args[3] == 0) return {Return{0}, "done on the caller's behalf"};
  return answer_in_memory(notification, args[3], std::as_bytes(std::span{&before, 1}), 0,
                          "done on the caller's behalf");
}

}  // namespace proctor::actors
