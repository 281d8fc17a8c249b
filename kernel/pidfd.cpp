#include "kernel/pidfd.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <string_view>

#include "kernel/proc_stat.hpp"
#include "kernel/status_text.hpp"
#include "kernel/uapi.hpp"

namespace proctor::kernel {
namespace {

Result<UniqueFd> open_pidfd(pid_t pid, unsigned int flags) {
  UniqueFd fd{static_cast<int>(::syscall(SYS_pidfd_open, pid, flags))};
  if (!fd) return Error::last(fmt::format("pidfd_open {}", pid));
  return fd;
}

Error gone(std::string_view operation) { return {ESRCH, std::string{operation}}; }

/// Kernels before 6.13 do not know the ioctl: ENOTTY, or EINVAL from the pidfs of 6.11 and 6.12, which
/// refuses an argument before it looks at the number.
bool is_unknown_ioctl(int number) { return number == ENOTTY || number == EINVAL; }

Result<TaskInfo> parse_status(std::string_view status) {
  constexpr std::size_t ids = 4;  // real, effective, saved, file system
  const StatusText text(status);
  const auto tgid = text.number<pid_t>("Tgid");
  const auto tid = text.number<pid_t>("Pid");
  const auto ppid = text.number<pid_t>("PPid");
  const auto uids = text.numbers<uid_t>("Uid");
  const auto gids = text.numbers<gid_t>("Gid");
  if (!tgid || !tid || !ppid || !uids || uids->size() != ids || !gids || gids->size() != ids)
    return Error{EPROTO, "parse /proc/PID/status"};
  return TaskInfo{.tid = *tid, .tgid = *tgid, .ppid = *ppid, .fsuid = uids->back(), .fsgid = gids->back()};
}

/// Whether this process may read the true exit status in /proc/PID/stat of a zombie; who may not reads 0
/// there (fs/proc/array.c, do_task_stat). A zombie has no working directory: whoever may look
/// is told that (ENOENT), others are refused by the same ptrace check.
bool may_see_exit_status(pid_t pid) {
  std::array<char, 8> nothing;
  const auto path = fmt::format("/proc/{}/cwd", pid);
  return ::readlink(path.c_str(), nothing.data(), nothing.size()) < 0 && errno == ENOENT;
}

}  // namespace

Result<PidFd> PidFd::open(pid_t tgid) {
  auto fd = open_pidfd(tgid, 0);
  if (!fd) return fd.error();
  return PidFd{std::move(*fd), tgid};
}

Result<PidFd> PidFd::open_thread(pid_t tid) {
  auto fd = open_pidfd(tid, PIDFD_THREAD);
  if (fd) return PidFd{std::move(*fd), tid};
  if (fd.error().number != EINVAL || tid <= 0) return fd.error();
  // Before 6.9 the flag itself is invalid. Only a leader can then be opened, as its group.
  auto group = open(tid);
  if (group || group.error().number == ESRCH) return group;
  return Error{ENOTSUP, fmt::format("pidfd_open thread {}", tid)};
}

PidFd PidFd::adopt(UniqueFd fd, pid_t pid) noexcept { return PidFd{std::move(fd), pid}; }

Result<TaskInfo> PidFd::info() const {
  if (const auto info = quick_info()) return *info;
  if (!is_unknown_ioctl(errno)) return Error::last(fmt::format("PIDFD_GET_INFO of {}", pid_));
  const auto status = read_status(pid_);
  // Alive after the read, so the number was this task's during the read. An error of the read counts for
  // nothing when the task has gone.
  if (!is_alive()) return gone(fmt::format("read /proc/{}/status", pid_));
  if (!status) return status.error();
  return parse_status(*status);
}

std::optional<TaskInfo> PidFd::quick_info() const noexcept {
  uapi::PidfdInfo info;
  info.mask = PIDFD_INFO_PID | PIDFD_INFO_CREDS;
  if (::ioctl(fd_.get(), uapi::pidfd_get_info, &info) != 0) return std::nullopt;
  return TaskInfo{static_cast<pid_t>(info.pid), static_cast<pid_t>(info.tgid), static_cast<pid_t>(info.ppid),
                  info.fsuid, info.fsgid};
}

Result<PidFd> PidFd::parent() const {
  constexpr int attempts_max = 8;
  for (int attempt = 0; attempt < attempts_max; ++attempt) {
    const auto before = info();
    if (!before) return before.error();
    if (before->ppid <= 0) return PidFd{};
    auto parent = open(before->ppid);
    if (!parent && parent.error().number != ESRCH) return parent;
    if (!parent) continue;
    // Still its parent: so it was so all the while, and what was opened by its number is it.
    if (const auto after = info(); after && after->ppid == before->ppid) return parent;
  }
  return gone(fmt::format("hold the parent of {}", pid_));
}

bool PidFd::is_alive() const noexcept {
  // EPERM is about a task that is there: of another user, or outside of a Landlock domain.
  return ::syscall(SYS_pidfd_send_signal, fd_.get(), 0, nullptr, 0) == 0 || errno == EPERM;
}

Result<void> PidFd::send_signal(int signal) const {
  if (::syscall(SYS_pidfd_send_signal, fd_.get(), signal, nullptr, 0) != 0)
    return Error::last(fmt::format("send signal {} to {}", signal, pid_));
  return {};
}

bool PidFd::has_ended() const noexcept {
  pollfd ended{fd_.get(), POLLIN, 0};
  return ::poll(&ended, 1, 0) == 1 && (ended.revents & POLLIN) != 0;
}

std::optional<std::uint64_t> PidFd::inode() const noexcept {
  struct statfs filesystem {};
  struct stat file {};
  // Before pidfs all pidfds share the one inode of the anonymous files.
  if (::fstatfs(fd_.get(), &filesystem) != 0 || filesystem.f_type != PID_FS_MAGIC) return std::nullopt;
  if (::fstat(fd_.get(), &file) != 0) return std::nullopt;
  return file.st_ino;
}

std::optional<int> PidFd::exit_status() const {
  // Asked first because a leader that is a zombie says nothing of its group: the others may still run.
  if (!has_ended()) return std::nullopt;

  uapi::PidfdInfo info;
  info.mask = PIDFD_INFO_EXIT;
  if (::ioctl(fd_.get(), uapi::pidfd_get_info, &info) == 0 && (info.mask & PIDFD_INFO_EXIT) != 0)
    return info.exit_code;

  const auto stat = read_proc_stat(pid_);
  if (!stat || stat->state != 'Z') return std::nullopt;
  if (stat->exit_status == 0 && !may_see_exit_status(pid_)) return std::nullopt;
  // Not reaped even now, so all of this was of the one zombie.
  if (!is_alive()) return std::nullopt;
  return stat->exit_status;
}

Result<UniqueFd> PidFd::get_fd(int fd) const {
  UniqueFd duplicate{static_cast<int>(::syscall(SYS_pidfd_getfd, fd_.get(), fd, 0))};
  if (!duplicate) return Error::last(fmt::format("pidfd_getfd {} of {}", fd, pid_));
  return duplicate;
}

bool is_thread_of(pid_t tgid, pid_t tid) noexcept {
  // EPERM is about a thread that is there.
  return ::syscall(SYS_tgkill, tgid, tid, 0) == 0 || errno == EPERM;
}

bool share_descriptors(pid_t one, pid_t other) noexcept {
  constexpr int kcmp_files = 2;  // <linux/kcmp.h>
  return ::syscall(SYS_kcmp, one, other, kcmp_files, 0, 0) == 0;
}

}  // namespace proctor::kernel
