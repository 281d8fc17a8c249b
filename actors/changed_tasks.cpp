#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

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

constexpr const char* on_behalf = "done on the caller's behalf";

/// A page: the most that sched_setattr(2) reads.
constexpr std::uint32_t sched_attr_bytes_max = 4096;

Verdict answer(long result) {
  if (result < 0) return {Fail{errno}, as_the_kernel};
  return {Return{result}, on_behalf};
}

bool is_refused(const Verdict& judged) { return !std::holds_alternative<Continue>(judged.answer); }

}  // namespace

bool ProcessState::acts_with_own_rights(const seccomp_notif& notification) const {
  // Asked after the reading: the thread still waits in its call, so they are its own.
  return kernel::has_own_rights(static_cast<pid_t>(notification.pid)) &&
         context_.listener.is_valid(notification.id);
}

Verdict ProcessState::change_task(const seccomp_notif& notification, const policy::SyscallRow& row) {
  const auto name = name_pids(notification, row);
  argument_ = {context_.path.data(), name.copy(context_.path.data(), context_.path.size())};
  if (auto judged = judge_pid_argument(context_, notification, row); is_refused(judged)) return judged;
  std::vector<std::byte> settings;
  // Continue safety: what an unprivileged supervisor cannot read the kernel reads. The number is a member's,
  // as far as that can be judged.
  if (const auto read = read_settings(notification, settings); !read) return unreadable(read.error());
  // Continue safety: likewise. These calls ask for the real uid and for what is permitted, not only for what
  // is effective: a supervisor with other rights would do more than the caller may, or less.
  if (!acts_with_own_rights(notification)) return {Continue{}};
  // Once more: all that was done since took its time.
  if (auto judged = judge_pid_argument(context_, notification, row); is_refused(judged)) return judged;
  return make_change(notification, static_cast<pid_t>(word_argument(notification, row.argument)), settings);
}

Verdict ProcessState::make_change(const seccomp_notif& notification, pid_t task,
                                  std::vector<std::byte>& settings) {
  const auto call = notification.data.nr;
  auto* const memory = settings.empty() ? nullptr : settings.data();
  switch (call) {
    case SYS_setpriority:
    case SYS_ioprio_set:
      return answer(::syscall(call, int_argument(notification, 0), task, int_argument(notification, 2)));
    case SYS_sched_setparam:
      return answer(::syscall(call, task, memory));
    case SYS_sched_setscheduler:
      return answer(::syscall(call, task, int_argument(notification, 1), memory));
    case SYS_sched_setattr:
      break;
    default:
      return {Fail{ENOSYS}, "no handler for this call"};
  }
  auto verdict = answer(::syscall(call, task, memory, word_argument(notification, 2)));
  const auto* const fail = std::get_if<Fail>(&verdict.answer);
  if (fail == nullptr || fail->error != E2BIG || memory == nullptr) return verdict;
  // The kernel has said in the first word how long the settings may be.
  auto told = answer_in_memory(notification, notification.data.args[1],
                               std::span{settings}.first(sizeof(std::uint32_t)), 0, as_the_kernel);
  return std::holds_alternative<Return>(told.answer) ? verdict : told;
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
      // A policy below 0 is EINVAL before anything is read.
      address = int_argument(notification, 1) < 0 ? 0 : notification.data.args[2];
      break;
    default:
      return {};
  }
  if (address == 0) return {};  // EINVAL, says the kernel
  if (notification.data.nr != SYS_sched_setattr) {
    settings.resize(length);
    return read_memory(notification, address, settings);
  }
  constexpr std::uint32_t first_version_bytes = 48;  // what a size of 0 means
  const auto size = std::as_writable_bytes(std::span{&length, 1});
  if (auto read = read_memory(notification, address, size); !read) return read;
  const std::uint32_t wanted = length == 0 ? first_version_bytes : length;
  // Of another size the kernel reads no more than that.
  const bool is_read = wanted >= first_version_bytes && wanted <= sched_attr_bytes_max;
  settings.resize(is_read ? wanted : sched_attr_bytes_max);
  if (is_read)
    if (auto read = read_memory(notification, address, settings); !read) return read;
  // As it was judged: another thread may have changed it since, and the kernel reads as much as it says.
  std::memcpy(settings.data(), &length, sizeof length);
  return {};
}

Verdict ProcessState::limit_task(const seccomp_notif& notification, pid_t task) {
  const auto& args = notification.data.args;
  rlimit wanted{};
  if (args[2] != 0)
    if (const auto read = read_memory(notification, args[2], std::as_writable_bytes(std::span{&wanted, 1}));
        !read)
      return unreadable(read.error());
  // Continue safety: as in change_task(); the number has been judged.
  if (!acts_with_own_rights(notification)) return {Continue{}};
  if (!context_.members.group_of(task)) return {Fail{ESRCH}, no_such_process};
  rlimit before{};
  const auto* const change = args[2] == 0 ? nullptr : &wanted;
  if (::syscall(SYS_prlimit64, task, word_argument(notification, 1), change, &before) != 0)
    return {Fail{errno}, as_the_kernel};
  if (args[3] == 0) return {Return{0}, on_behalf};
  return tell(notification, args[3], std::as_bytes(std::span{&before, 1}), 0, on_behalf);
}

}  // namespace proctor::actors
