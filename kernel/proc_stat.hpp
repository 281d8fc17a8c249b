#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "kernel/result.hpp"

namespace proctor::kernel {

/// The fields of /proc/PID/stat that proctor uses, by proc(5)'s numbers. Address fields are 0 where
/// the reader may not ptrace the process, and so is the exit status.
struct ProcStat {
  pid_t pid = 0;                          ///< 1
  std::string comm;                       ///< 2, without its parentheses; may hold any byte
  char state = '?';                       ///< 3
  pid_t ppid = 0;                         ///< 4
  pid_t pgrp = 0;                         ///< 5
  pid_t session = 0;                      ///< 6
  int tty_nr = 0;                         ///< 7, the controlling terminal's device; 0: none
  pid_t foreground_group = 0;             ///< 8, of that terminal; -1: none
  std::uint64_t user_ticks = 0;           ///< 14, in clock ticks, as the next three
  std::uint64_t system_ticks = 0;         ///< 15
  std::uint64_t waited_user_ticks = 0;    ///< 16, of children that it waited for
  std::uint64_t waited_system_ticks = 0;  ///< 17
  std::uint64_t threads = 0;              ///< 20
  std::uint64_t start_time_ticks = 0;     ///< 22, clock ticks since boot
  std::uint64_t virtual_bytes = 0;        ///< 23
  std::uint64_t resident_pages = 0;       ///< 24
  std::uint64_t start_code = 0;           ///< 26
  std::uint64_t start_stack = 0;          ///< 28
  std::uint64_t start_brk = 0;            ///< 47
  std::uint64_t arg_start = 0;            ///< 48
  int exit_status = 0;                    ///< 52, in wait(2)'s form
};

/// Parses one line of /proc/PID/stat; robust against a comm that holds ") R 1". EPROTO when it is
/// not one.
[[nodiscard]] Result<ProcStat> parse_proc_stat(std::string_view text);

/// Reads and parses /proc/PID/stat of a process or thread id, with one open and one read. ESRCH or
/// ENOENT: gone.
[[nodiscard]] Result<ProcStat> read_proc_stat(pid_t pid);

/// The inodes of the sockets in a thread's table of descriptors, which most threads share with their leader:
/// /proc/TID/fd. Needs the right to ptrace it (EACCES). ENOENT: gone.
[[nodiscard]] Result<std::vector<std::uint64_t>> read_socket_inodes(pid_t tid);

/// The thread ids of /proc/TGID/task, ascending. ENOENT: gone.
[[nodiscard]] Result<std::vector<pid_t>> read_threads(pid_t tgid);

/// Whether a group has one thread, by the links of /proc/TGID/task. False where it cannot be told. While that
/// thread waits in a call nothing but the call itself changes that.
[[nodiscard]] bool has_one_thread(pid_t tgid);

/// The size of a page, in which the kernel counts memory.
[[nodiscard]] std::size_t page_bytes() noexcept;

/// The numeric names of /proc, ascending: every process this process can see.
[[nodiscard]] Result<std::vector<pid_t>> read_all_pids();

/// The children of every thread of `tgid`, ascending, from /proc/TGID/task/TID/children. ENOTSUP where the
/// kernel was built without it (CONFIG_PROC_CHILDREN); EAGAIN when the group's threads end faster than
/// they can be asked (their children move to another thread): use read_all_pids; ENOENT: gone.
[[nodiscard]] Result<std::vector<pid_t>> read_children(pid_t tgid);

}  // namespace proctor::kernel
