#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>

#include "kernel/result.hpp"
#include "kernel/unique_fd.hpp"

namespace proctor::kernel {

/// What the kernel says of one task in one question: PIDFD_GET_INFO (6.13), else /proc/PID/status
/// and /proc/PID/stat.
struct TaskInfo {
  pid_t tid = 0;
  pid_t tgid = 0;
  pid_t ppid = 0;  ///< tgid of the real parent; 0 when that is outside the reader's pid namespace
  uid_t fsuid = 0;
  gid_t fsgid = 0;
};

/// A pidfd: a process or a thread that cannot be mistaken for a later one with its number.
class PidFd {
 public:
  PidFd() noexcept = default;

  /// The thread group led by `tgid`. ESRCH: gone. EINVAL or ENOENT: not a group's leader.
  [[nodiscard]] static Result<PidFd> open(pid_t tgid);

  /// One thread, leader or not: PIDFD_THREAD (6.9). Without it a leader is opened as a group and
  /// any other thread fails with ENOTSUP.
  [[nodiscard]] static Result<PidFd> open_thread(pid_t tid);

  /// Takes a descriptor over that came from elsewhere (SCM_RIGHTS, SO_PEERPIDFD).
  [[nodiscard]] static PidFd adopt(UniqueFd fd, pid_t pid) noexcept;

  [[nodiscard]] int get() const noexcept { return fd_.get(); }
  /// The descriptor itself; nothing is left.
  [[nodiscard]] UniqueFd release() && noexcept { return std::move(fd_); }
  [[nodiscard]] pid_t pid() const noexcept { return pid_; }
  [[nodiscard]] explicit operator bool() const noexcept { return static_cast<bool>(fd_); }

  /// ESRCH once the task is reaped. Without PIDFD_GET_INFO this reads /proc and then asks is_alive(),
  /// so that the answer is of this instance or there is none.
  [[nodiscard]] Result<TaskInfo> info() const;

  /// The same in one question, or nothing where the kernel does not know it (before 6.13).
  [[nodiscard]] std::optional<TaskInfo> quick_info() const noexcept;

  /// The parent, held, and surely it: a number is believed while the task, asked again, still has it for a
  /// parent. A PidFd of nothing, with pid 0: it has none in this process's pid namespace. ESRCH: the task is
  /// reaped, or one parent after the other ended under the question.
  [[nodiscard]] Result<PidFd> parent() const;

  /// Whether the task is not yet reaped (a zombie still owns its number, so it counts as alive).
  /// Says no of one in a pid namespace that is not this process's own or below it.
  [[nodiscard]] bool is_alive() const noexcept;

  /// Whether the task, of a process all of its threads, has ended, reaped or not: pidfd_open(2), "readable".
  [[nodiscard]] bool has_ended() const noexcept;

  /// pidfd_send_signal(2); 0 only checks.
  [[nodiscard]] Result<void> send_signal(int signal) const;

  /// The pidfs inode (6.9), which is never used again; nothing on an older kernel.
  [[nodiscard]] std::optional<std::uint64_t> inode() const noexcept;

  /// The wait(2) status of a task that has ended: PIDFD_INFO_EXIT (6.15), also for one that is not a
  /// child; before the reap from its zombie's /proc/PID/stat, where this process may ptrace the zombie
  /// (others are shown 0 there, which is not believed). Nothing when neither knows, and while any thread
  /// of a group still runs.
  [[nodiscard]] std::optional<int> exit_status() const;

  /// A duplicate of the target's descriptor `fd`, close-on-exec: pidfd_getfd(2). Open the thread,
  /// not the group, when the threads may have unshared their descriptors.
  [[nodiscard]] Result<UniqueFd> get_fd(int fd) const;

 private:
  PidFd(UniqueFd fd, pid_t pid) noexcept : fd_(std::move(fd)), pid_(pid) {}

  UniqueFd fd_;
  pid_t pid_ = 0;
};

/// Whether `tid` is, now, a thread of the group `tgid`: tgkill(tgid, tid, 0). One cheap call, no fd. A
/// zombie still is.
[[nodiscard]] bool is_thread_of(pid_t tgid, pid_t tid) noexcept;

/// Whether two tasks share one table of descriptors: kcmp(2). False where it cannot be told.
[[nodiscard]] bool share_descriptors(pid_t one, pid_t other) noexcept;

}  // namespace proctor::kernel
