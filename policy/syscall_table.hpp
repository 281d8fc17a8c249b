#pragma once

#include <linux/seccomp.h>
#include <sys/types.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "policy/proc_mode.hpp"

namespace proctor::policy {

/// What the filter does with a call.
enum class Action : std::uint8_t {
  allow,   ///< not in the table: the default
  notify,  ///< asks the supervisor
  refuse,  ///< fails with the row's errno, in the kernel
};

/// A test of one argument register. Registers have 64 bits; a call whose parameter is an int or a pid_t
/// uses the low 32 of them and ignores the rest, so tests for equality mask the high word: a value put
/// there cannot be used to slip by.
enum class Condition : std::uint8_t {
  always,
  not_zero,  ///< arg != 0, all 64 bits. With a pid: also asked when only the (ignored) high word is set
  low_word_equals,  ///< (arg & 0xffffffff) == value
  any_bit_of,       ///< (arg & value) != 0
  masked_equals,    ///< (arg & mask) == value
};

/// How the supervisor handles a notified call: names a handler of the notification actor.
enum class Handler : std::uint8_t {
  none,
  open_path,      ///< open, openat, openat2, creat
  directory,      ///< getdents, getdents64
  change_cwd,     ///< chdir, fchdir
  exec,           ///< execve, execveat
  judge_path,     ///< a path that is neither opened nor entered: readlink, statfs, ...
  watch,          ///< inotify_add_watch
  tell_system,    ///< sysinfo
  tell_name,      ///< uname
  tell_parent,    ///< getppid
  tell_caps,      ///< capget
  tell_ipc,       ///< shmctl, msgctl, semctl: who made or last used an object
  open_queue,     ///< mq_open
  tell_session,   ///< getsid
  set_affinity,   ///< sched_setaffinity: within the CPUs of the sandbox
  tell_affinity,  ///< sched_getaffinity of another thread
  process_limit,  ///< prlimit64 of another process; it, getrlimit and setrlimit of RLIMIT_NPROC
  read_anew,      ///< lseek to the beginning, pread from there: a virtual file is made anew
  descriptor,     ///< getsockopt, setsockopt, fcntl, ioctl: what they tell or take of processes
  control,        ///< prctl: what the supervisor has to know of a process, or to go on seeing it
  share_table,    ///< clone: two processes come to share one table of descriptors
  pid_argument,   ///< a pid in a register: membership decides, see judged_pids
};

/// How a register of a Handler::pid_argument row names a task.
enum class PidKind : std::uint8_t {
  task,           ///< a process or thread id; 0 is oneself (or the kernel's own error), negative is nobody
  signal_target,  ///< kill(2): as task, but 0 is the own group, -1 everyone, -N the process group N
  cpu_clock,      ///< a clock id of clock_getcpuclockid(3): ~pid in bits 3 to 31
};

/// A further test that must hold for a row to apply.
struct ArgumentTest {
  std::uint8_t argument = 0;
  Condition condition = Condition::always;
  std::uint64_t value = 0;
  std::uint64_t mask = 0;  ///< of Condition::masked_equals
};

/// One row: a call, when, what, and the reason, which the documentation and refusals show.
struct SyscallRow {
  std::string_view name{};  ///< as in syscalls(2)
  long number = -1;         ///< x86-64
  Action action = Action::allow;
  int error = 0;  ///< with Action::refuse; with Handler::pid_argument: what the call gives for a foreign pid
  Handler handler = Handler::none;
  std::uint8_t argument = 0;  ///< the register of `condition` and of Handler::pid_argument
  Condition condition = Condition::always;
  std::uint64_t value = 0;
  std::uint64_t mask = 0;  ///< of Condition::masked_equals
  ArgumentTest also{};     ///< of another register than `argument`, where one test is not enough
  PidKind pid_kind = PidKind::task;
  /// With Handler::judge_path, beside the path in `argument`; -1: the working directory.
  std::int8_t dirfd_argument = -1;
  std::int8_t second_path_argument = -1;   ///< of a call with two paths, with a directory of its own
  std::int8_t second_dirfd_argument = -1;  ///< -1: the working directory
  std::int8_t flags_argument = -1;         ///< where AT_SYMLINK_NOFOLLOW may stand; -1: nowhere
  bool follows = true;                     ///< a link at the path's end, unless the flags say otherwise
  bool strict = false;                     ///< in ProcMode::strict only
  bool changes_task = false;  ///< with Handler::pid_argument: sets something of another task, so on behalf
  std::int8_t second_pid_argument = -1;  ///< the register of a second task that is judged as well (kcmp)
  std::int8_t group_argument = -1;       ///< the register of a process group to be joined (setpgid)
  /// What register `also.argument` holds where the pid is a process group's (getpriority); -1: never.
  std::int8_t group_selector = -1;
  std::string_view reason{};
};

/// Every call the filter does not simply allow. Several rows of one call do not contradict each other: where
/// more than one applies, action and errno are the same. Notify rows of one call have one handler.
[[nodiscard]] std::span<const SyscallRow> syscall_table();

/// The rows that are in force in a mode.
[[nodiscard]] std::vector<SyscallRow> rows_of(ProcMode mode);

/// The notify row of a call number; null when the filter never notifies of it. Constant time. Several notify
/// rows of one call differ in when they apply and in their reason, which the supervisor does not ask a row
/// about: this is any of them.
[[nodiscard]] const SyscallRow* notify_row(int number);

/// Whom a call with Handler::pid_argument is about.
struct JudgedPids {
  /// Tasks (positive process or thread ids) that must all belong to the sandbox. If one does not, the call
  /// fails with the row's `error`, as for a pid that does not exist; else the kernel goes on.
  std::array<pid_t, 2> tasks{};
  std::size_t count = 0;

  /// A signal to a process group or to everyone: Landlock's signal scope keeps it inside. Without the scope
  /// this reaches beyond the sandbox: refuse.
  bool beyond_named_tasks = false;

  /// A process group, in which a process of the sandbox must be; it may have outlived its leader. 0: none.
  pid_t named_group = 0;   ///< signalled or looked at; else the call fails with the row's `error`
  pid_t joined_group = 0;  ///< else EPERM, as setpgid(2) says of a group that does not exist
};

/// Reads the registers of `call` as `row`, a Handler::pid_argument row, says. No task: the call is about
/// the caller itself, or the kernel refuses it whoever asks.
[[nodiscard]] JudgedPids judged_pids(const SyscallRow& row, const seccomp_data& call);

}  // namespace proctor::policy
