#include "policy/syscall_table.hpp"

#include <fcntl.h>
#include <pthread.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <initializer_list>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "policy/reference.hpp"
#include "support/catch.hpp"

namespace proctor::policy {
namespace {

using reference::call;
using reference::high_bit_33;

const SyscallRow& row_of(long number) {
  const SyscallRow* row = notify_row(static_cast<int>(number));
  if (row == nullptr) FAIL("no notify row of call " << number);
  return *row;
}

std::vector<pid_t> tasks_of(long number, std::array<std::uint64_t, 6> arguments) {
  const JudgedPids judged = judged_pids(row_of(number), call(number, arguments));
  return {judged.tasks.begin(), judged.tasks.begin() + static_cast<std::ptrdiff_t>(judged.count)};
}

std::uint64_t sign_extended(int value) {
  return static_cast<std::uint64_t>(static_cast<std::int64_t>(value));
}
std::uint64_t zero_extended(int value) { return static_cast<std::uint32_t>(value); }

}  // namespace

TEST_CASE("syscall table: every row has a name, a number, an effect and a reason") {
  for (const SyscallRow& row : syscall_table()) {
    INFO(row.name << " " << row.number);
    CHECK_FALSE(row.name.empty());
    CHECK(row.number >= 0);
    CHECK(row.reason.size() > 10);
    CHECK(row.action != Action::allow);
    CHECK((row.action == Action::notify) == (row.handler != Handler::none));
    const bool has_errno = row.action == Action::refuse || row.handler == Handler::pid_argument;
    CHECK(has_errno == (row.error > 0));
  }
}

TEST_CASE("syscall table: a name has one number and a number one name") {
  std::set<std::pair<std::string_view, long>> pairs;
  std::set<std::string_view> names;
  std::set<long> numbers;
  for (const SyscallRow& row : syscall_table()) {
    pairs.emplace(row.name, row.number);
    names.insert(row.name);
    numbers.insert(row.number);
  }
  CHECK(pairs.size() == names.size());
  CHECK(pairs.size() == numbers.size());
}

TEST_CASE("syscall table: no two rows of one call contradict each other") {
  const auto table = syscall_table();
  for (const SyscallRow& row : table) {
    const auto values = reference::telling_values(table, row.number);
    for (const std::uint64_t first : values) {
      for (const std::uint64_t second : values) {
        const seccomp_data data = call(row.number, {first, second});
        if (!reference::applies(row, data)) continue;
        if (reference::outcome(row) != reference::outcome(table, data)) {
          FAIL(row.name << "(" << std::hex << first << ", " << second << ") has two outcomes");
        }
      }
    }
  }
}

TEST_CASE("syscall table: what nobody retries after EINTR, or what must end, is never notified") {
  for (const long number : {SYS_close, SYS_fork, SYS_vfork, SYS_clone3, SYS_exit, SYS_exit_group}) {
    INFO(number);
    CHECK(notify_row(static_cast<int>(number)) == nullptr);
  }
}

TEST_CASE("syscall table: the hand-over of the listener uses no notified call") {
  for (const long number : {SYS_seccomp, SYS_sendmsg, SYS_recvmsg, SYS_read, SYS_write, SYS_poll}) {
    INFO(number);
    CHECK(notify_row(static_cast<int>(number)) == nullptr);
  }
  for (const int option : {PR_SET_NO_NEW_PRIVS, PR_SET_PDEATHSIG, PR_GET_DUMPABLE})
    CHECK(reference::outcome(syscall_table(), call(SYS_prctl, {zero_extended(option), 0})) ==
          SECCOMP_RET_ALLOW);
}

TEST_CASE("syscall table: notify_row finds the row of each notified call and of no other") {
  std::set<long> notified;
  for (const SyscallRow& row : syscall_table()) {
    if (row.action != Action::notify) continue;
    notified.insert(row.number);
    // Not always this very row, but one that differs from it in nothing that the supervisor looks at.
    const SyscallRow& found = row_of(row.number);
    CHECK(found.name == row.name);
    CHECK(found.handler == row.handler);
    CHECK(found.error == row.error);
    CHECK(found.pid_kind == row.pid_kind);
    CHECK(found.second_pid_argument == row.second_pid_argument);
    CHECK(found.group_argument == row.group_argument);
    CHECK(found.group_selector == row.group_selector);
    if (row.group_selector >= 0) CHECK(found.also.argument == row.also.argument);
    CHECK(found.strict == row.strict);
    if (row.handler == Handler::pid_argument) CHECK(found.argument == row.argument);
  }
  for (int number = -2; number < 1000; ++number) {
    CHECK((notify_row(number) != nullptr) == notified.contains(number));
  }
  CHECK(notify_row(0x7fffffff) == nullptr);
  CHECK(notify_row(-0x7fffffff - 1) == nullptr);
}

TEST_CASE("syscall table: the calls that carry a pid in a register are all judged") {
  // The register of the pid, as in the man page of each call.
  const std::initializer_list<std::pair<long, int>> calls{
      {SYS_kill, 0},
      {SYS_tkill, 0},
      {SYS_tgkill, 0},
      {SYS_rt_sigqueueinfo, 0},
      {SYS_rt_tgsigqueueinfo, 0},
      {SYS_pidfd_open, 0},
      {SYS_setpgid, 0},
      {SYS_getpgid, 0},
      {SYS_setpriority, 1},
      {SYS_ioprio_set, 1},
      {SYS_sched_setparam, 0},
      {SYS_sched_getparam, 0},
      {SYS_sched_setscheduler, 0},
      {SYS_sched_getscheduler, 0},
      {SYS_sched_setattr, 0},
      {SYS_sched_getattr, 0},
      {SYS_sched_rr_get_interval, 0},
      {SYS_move_pages, 0},
      {SYS_migrate_pages, 0},
      {SYS_get_robust_list, 0},
      {SYS_ptrace, 1},
  };
  for (const auto& [number, argument] : calls) {
    const SyscallRow& row = row_of(number);
    INFO(row.name);
    CHECK(row.handler == Handler::pid_argument);
    CHECK(row.argument == argument);
    CHECK(row.error == ESRCH);
    std::array<std::uint64_t, 6> arguments{};
    arguments[row.argument] = 4711;
    CHECK(tasks_of(number, arguments) == std::vector<pid_t>{4711});
    arguments[row.argument] = 4711 | high_bit_33;  // the kernel ignores the high word, and so must the judge
    CHECK(tasks_of(number, arguments) == std::vector<pid_t>{4711});
    arguments[row.argument] = high_bit_33;
    CHECK(tasks_of(number, arguments).empty());
  }
}

TEST_CASE("syscall table: calls about descriptors are asked about where they tell or take a process") {
  const auto table = syscall_table();
  const auto outcome = [&](long number, std::uint64_t second, std::uint64_t third) {
    return reference::outcome(table, call(number, {3, second, third}));
  };
  for (const std::uint64_t garbage : {std::uint64_t{0}, high_bit_33}) {
    for (const int option : {SO_PEERCRED, 77 /* SO_PEERPIDFD */})
      CHECK(outcome(SYS_getsockopt, SOL_SOCKET | garbage, static_cast<std::uint64_t>(option) | garbage) ==
            SECCOMP_RET_USER_NOTIF);
    for (const int option : {SO_PASSCRED, 76 /* SO_PASSPIDFD */})
      CHECK(outcome(SYS_setsockopt, SOL_SOCKET | garbage, static_cast<std::uint64_t>(option) | garbage) ==
            SECCOMP_RET_USER_NOTIF);
    for (const int command : {5 /* F_GETLK */, 36 /* F_OFD_GETLK */, 8 /* F_SETOWN */, 15 /* F_SETOWN_EX */})
      CHECK(outcome(SYS_fcntl, static_cast<std::uint64_t>(command) | garbage, 1) == SECCOMP_RET_USER_NOTIF);
    for (const std::uint64_t request :
         {0x5429U, 0x8901U, 0x8902U, 0x8004b706U, 0x8004b709U, 0xc040ff0bU, 0xc050ff0bU})
      CHECK(outcome(SYS_ioctl, request | garbage, 1) == SECCOMP_RET_USER_NOTIF);
  }
  CHECK(outcome(SYS_getsockopt, SOL_SOCKET, SO_ERROR) == SECCOMP_RET_ALLOW);
  CHECK(outcome(SYS_getsockopt, 6, SO_PEERCRED) == SECCOMP_RET_ALLOW);
  CHECK(outcome(SYS_setsockopt, SOL_SOCKET, SO_REUSEADDR) == SECCOMP_RET_ALLOW);
  CHECK(outcome(SYS_fcntl, F_SETFD, 1) == SECCOMP_RET_ALLOW);
  CHECK(outcome(SYS_fcntl, F_SETLK, 1) == SECCOMP_RET_ALLOW);
  CHECK(outcome(SYS_ioctl, 0x5401 /* TCGETS */, 1) == SECCOMP_RET_ALLOW);
  CHECK(outcome(SYS_ioctl, 0x540b /* TCFLSH */, 1) == SECCOMP_RET_ALLOW);
}

TEST_CASE("syscall table: only what would hide a process from its supervisor is asked about of prctl") {
  const auto table = syscall_table();
  CHECK(reference::outcome(table, call(SYS_prctl, {PR_SET_DUMPABLE, 0})) == SECCOMP_RET_USER_NOTIF);
  CHECK(reference::outcome(table, call(SYS_prctl, {PR_SET_DUMPABLE | high_bit_33, 0})) ==
        SECCOMP_RET_USER_NOTIF);
  CHECK(reference::outcome(table, call(SYS_prctl, {PR_SET_DUMPABLE, 1})) == SECCOMP_RET_ALLOW);
}

TEST_CASE("syscall table: netlink that tells of every process is refused") {
  const auto table = syscall_table();
  const auto outcome = [&](std::uint64_t family, std::uint64_t protocol) {
    return reference::outcome(table, call(SYS_socket, {family, SOCK_RAW | SOCK_CLOEXEC, protocol}));
  };
  for (const std::uint64_t protocol : {4U, 9U, 11U, 16U, 20U})
    CHECK(outcome(AF_NETLINK, protocol) == (SECCOMP_RET_ERRNO | EPROTONOSUPPORT));
  CHECK(outcome(AF_NETLINK, 0) == SECCOMP_RET_ALLOW);
  CHECK(outcome(AF_INET, 16) == SECCOMP_RET_ALLOW);
}

TEST_CASE("judged_pids: kcmp is about two processes") {
  CHECK(tasks_of(SYS_kcmp, {17, 4711}) == std::vector<pid_t>{17, 4711});
  CHECK(tasks_of(SYS_kcmp, {0, 4711}) == std::vector<pid_t>{4711});
  CHECK(tasks_of(SYS_kcmp, {17, 0}) == std::vector<pid_t>{17});
}

TEST_CASE("judged_pids: kill of a group or of everyone names no task and says so") {
  for (const int pid : {-1, -4711, -0x7fffffff - 1}) {
    for (const std::uint64_t argument : {sign_extended(pid), zero_extended(pid)}) {
      const JudgedPids judged = judged_pids(row_of(SYS_kill), call(SYS_kill, {argument}));
      CHECK(judged.count == 0);
      CHECK(judged.beyond_named_tasks);
      CHECK(judged.named_group == (pid == -4711 ? 4711 : 0));
      CHECK(judged.joined_group == 0);
    }
  }
  CHECK_FALSE(judged_pids(row_of(SYS_kill), call(SYS_kill, {4711})).beyond_named_tasks);
  // Elsewhere a negative pid is nobody: the kernel refuses it, whoever asks.
  const JudgedPids nobody = judged_pids(row_of(SYS_getpgid), call(SYS_getpgid, {sign_extended(-5)}));
  CHECK(nobody.count == 0);
  CHECK_FALSE(nobody.beyond_named_tasks);
}

TEST_CASE("syscall table: limits are asked about when they are another's, or of processes") {
  constexpr std::uint64_t nproc = 6;
  constexpr std::uint64_t nofile = 7;
  const auto table = syscall_table();
  const auto asked = [&](long number, std::array<std::uint64_t, 6> arguments) {
    return reference::outcome(table, call(number, arguments)) == SECCOMP_RET_USER_NOTIF;
  };
  CHECK(row_of(SYS_prlimit64).handler == Handler::process_limit);
  CHECK(asked(SYS_prlimit64, {0, nproc}));
  CHECK(asked(SYS_prlimit64, {0, nproc | high_bit_33}));
  CHECK(asked(SYS_prlimit64, {4711, nofile}));
  CHECK_FALSE(asked(SYS_prlimit64, {0, nofile}));
  for (const long number : {SYS_getrlimit, SYS_setrlimit}) {
    CHECK(asked(number, {nproc}));
    CHECK_FALSE(asked(number, {nofile}));
  }
}

TEST_CASE("judged_pids: a priority is a process's or a group's") {
  for (const auto& [number, process, group, user] :
       {std::tuple{SYS_getpriority, 0U, 1U, 2U}, std::tuple{SYS_ioprio_get, 1U, 2U, 3U}}) {
    INFO(number);
    const auto judged = [&](std::uint64_t which) {
      return judged_pids(row_of(number), call(number, {which | high_bit_33, 4711}));
    };
    CHECK(judged(process).count == 1);
    CHECK(judged(process).named_group == 0);
    CHECK(judged(group).count == 0);
    CHECK(judged(group).named_group == 4711);
    const auto table = syscall_table();
    CHECK(reference::outcome(table, call(number, {process, 4711})) == SECCOMP_RET_USER_NOTIF);
    CHECK(reference::outcome(table, call(number, {group, 4711})) == SECCOMP_RET_USER_NOTIF);
    CHECK(reference::outcome(table, call(number, {group, 0})) == SECCOMP_RET_ALLOW);
    CHECK(reference::outcome(table, call(number, {user, 4711})) == (SECCOMP_RET_ERRNO | EPERM));
  }
}

TEST_CASE("judged_pids: setpgid names a process and the group that it joins") {
  const auto judged = [](std::uint64_t pid, std::uint64_t group) {
    return judged_pids(row_of(SYS_setpgid), call(SYS_setpgid, {pid, group}));
  };
  CHECK(judged(0, 0).count == 0);
  CHECK(judged(0, 0).joined_group == 0);
  CHECK(judged(0, 4711 | high_bit_33).joined_group == 4711);
  CHECK(judged(17, 4711).tasks.front() == 17);
  CHECK(judged(17, 4711).joined_group == 4711);
  CHECK(judged(17, 0).joined_group == 0);
  CHECK(judged(0, sign_extended(-4711)).joined_group == 0);  // EINVAL, whoever asks
  const auto table = syscall_table();
  CHECK(reference::outcome(table, call(SYS_setpgid, {0, 0})) == SECCOMP_RET_ALLOW);
  CHECK(reference::outcome(table, call(SYS_setpgid, {0, 4711})) == SECCOMP_RET_USER_NOTIF);
  CHECK(reference::outcome(table, call(SYS_setpgid, {17, 0})) == SECCOMP_RET_USER_NOTIF);
}

TEST_CASE("judged_pids: the CPU clock of a process names that process") {
  for (const long number :
       {SYS_clock_gettime, SYS_clock_settime, SYS_clock_getres, SYS_clock_nanosleep, SYS_timer_create}) {
    INFO(number);
    const SyscallRow& row = row_of(number);
    CHECK(row.error == EINVAL);

    clockid_t clock = 0;
    REQUIRE(clock_getcpuclockid(getppid(), &clock) == 0);  // libc's own encoding
    CHECK(reference::applies(row, call(number, {sign_extended(clock)})));
    CHECK(reference::applies(row, call(number, {zero_extended(clock) | high_bit_33})));
    CHECK(tasks_of(number, {sign_extended(clock)}) == std::vector<pid_t>{getppid()});
    CHECK(tasks_of(number, {zero_extended(clock)}) == std::vector<pid_t>{getppid()});

    // Clocks that name no task, or only a thread of the caller's own, are not even asked about.
    REQUIRE(pthread_getcpuclockid(pthread_self(), &clock) == 0);
    CHECK_FALSE(reference::applies(row, call(number, {sign_extended(clock)})));
    for (const clockid_t plain : {CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_PROCESS_CPUTIME_ID, CLOCK_TAI}) {
      CHECK_FALSE(reference::applies(row, call(number, {sign_extended(plain)})));
    }
    // A device's clock (FD_TO_CLOCKID of descriptor 5) holds no pid.
    CHECK(tasks_of(number, {sign_extended(static_cast<int>((~5U << 3U) | 3U))}).empty());
    // Process 0 is oneself.
    CHECK(tasks_of(number, {sign_extended(static_cast<int>((~0U << 3U) | 2U))}).empty());
  }
}

TEST_CASE("syscall table: nice values of a group or a user are not for a sandbox to set") {
  const auto table = syscall_table();
  constexpr std::uint32_t eperm = SECCOMP_RET_ERRNO | EPERM;
  CHECK(reference::outcome(table, call(SYS_setpriority, {1, 0, 19})) == eperm);
  CHECK(reference::outcome(table, call(SYS_setpriority, {2, 0, 19})) == eperm);
  CHECK(reference::outcome(table, call(SYS_setpriority, {0, 0, 19})) == SECCOMP_RET_ALLOW);
  CHECK(reference::outcome(table, call(SYS_setpriority, {0, 1, 19})) == SECCOMP_RET_USER_NOTIF);
  CHECK(reference::outcome(table, call(SYS_ioprio_set, {3, 0, 0})) == eperm);
  CHECK(reference::outcome(table, call(SYS_ioprio_set, {1, 0, 0})) == SECCOMP_RET_ALLOW);
}

TEST_CASE("syscall table: a nested listener is refused, a nested filter is not") {
  const auto table = syscall_table();
  constexpr std::uint64_t set_mode_filter = 1;
  constexpr std::uint64_t tsync = 1;
  constexpr std::uint64_t new_listener = 8;
  CHECK(reference::outcome(table, call(SYS_seccomp, {set_mode_filter, 0})) == SECCOMP_RET_ALLOW);
  CHECK(reference::outcome(table, call(SYS_seccomp, {set_mode_filter, tsync})) == SECCOMP_RET_ALLOW);
  CHECK(reference::outcome(table, call(SYS_seccomp, {set_mode_filter, new_listener | tsync})) ==
        (SECCOMP_RET_ERRNO | EBUSY));
}

}  // namespace proctor::policy
