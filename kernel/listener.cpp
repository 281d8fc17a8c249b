#include "kernel/listener.hpp"

#include <poll.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <utility>

#include "kernel/uapi.hpp"

namespace proctor::kernel {
namespace {

/// Refuses a kernel whose structures are longer than ours: it would write past the buffer, or read
/// past the response.
Result<void> check_sizes() {
  seccomp_notif_sizes sizes{};
  if (::syscall(SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 0, &sizes) != 0)
    return Error::last("seccomp SECCOMP_GET_NOTIF_SIZES");
  if (sizes.seccomp_notif > notification_bytes_max || sizes.seccomp_notif_resp > sizeof(seccomp_notif_resp))
    return Error{ENOTSUP, "use this kernel's longer seccomp notifications"};
  return {};
}

/// Whether `fd` is a seccomp listener at all: one knows no notification 0.
Result<void> check_kind(int fd) {
  std::uint64_t no_cookie = 0;
  if (::ioctl(fd, SECCOMP_IOCTL_NOTIF_ID_VALID, &no_cookie) == 0 || errno == ENOENT) return {};
  return Error::last("use the descriptor as a seccomp listener");
}

/// What is not tried, because it would take a process at every start.
bool kernel_is_since(std::pair<int, int> wanted) {
  utsname system{};
  std::pair<int, int> version;
  return ::uname(&system) == 0 &&
         std::sscanf(system.release, "%d.%d", &version.first, &version.second) == 2 && version >= wanted;
}

/// "seccomp: interrupt SECCOMP_IOCTL_NOTIF_RECV when all users have exited".
bool receive_ends_with_last_target() { return kernel_is_since({6, 11}); }

/// Our filters ask for WAIT_KILLABLE_RECV (seccomp_install.hpp) and get it from every kernel that has it.
bool waits_killable() { return kernel_is_since({5, 19}); }

/// Asks for `fd` as a new descriptor of the target.
seccomp_notif_addfd addition(std::uint64_t cookie, int fd, std::uint32_t target_fd_flags) {
  seccomp_notif_addfd request{};
  request.id = cookie;
  request.srcfd = static_cast<std::uint32_t>(fd);
  request.newfd_flags = target_fd_flags;
  return request;
}

}  // namespace

Result<SeccompListener> SeccompListener::adopt(UniqueFd fd) {
  if (const auto sizes = check_sizes(); !sizes) return sizes.error();
  if (const auto kind = check_kind(fd.get()); !kind) return kind.error();
  const bool synchronous =
      ::ioctl(fd.get(), SECCOMP_IOCTL_NOTIF_SET_FLAGS, SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP) == 0;
  return SeccompListener{std::move(fd), synchronous, receive_ends_with_last_target(), waits_killable()};
}

Result<void> SeccompListener::receive(NotificationBuffer buffer) {
  // All of it, not only what this kernel fills: a reader of the journal never sees an older one's bytes.
  std::memset(buffer.data(), 0, buffer.size());
  if (!receive_ends_) {
    pollfd pending{fd_.get(), POLLIN, 0};
    if (::poll(&pending, 1, -1) != 1 || (pending.revents & POLLIN) == 0)
      return Error{ENOENT, "wait for a seccomp notification"};
  }
  if (::ioctl(fd_.get(), SECCOMP_IOCTL_NOTIF_RECV, buffer.data()) != 0)
    return Error::last("receive a seccomp notification");
  return {};
}

bool SeccompListener::has_hung_up() const {
  pollfd state{fd_.get(), POLLIN, 0};
  return ::poll(&state, 1, 0) == 1 && (state.revents & POLLIN) == 0;
}

Result<void> SeccompListener::respond(const seccomp_notif_resp& response) {
  if (::ioctl(fd_.get(), SECCOMP_IOCTL_NOTIF_SEND, &response) != 0)
    return Error::last("answer a seccomp notification");
  return {};
}

bool SeccompListener::is_valid(std::uint64_t cookie) {
  return ::ioctl(fd_.get(), SECCOMP_IOCTL_NOTIF_ID_VALID, &cookie) == 0;
}

int SeccompListener::add(pid_t tid, seccomp_notif_addfd& request) {
  const auto stay = one_cpu_.with(tid);
  return ::ioctl(fd_.get(), SECCOMP_IOCTL_NOTIF_ADDFD, &request);
}

Result<int> SeccompListener::add_fd_and_respond(std::uint64_t cookie, pid_t tid, int fd,
                                                std::uint32_t target_fd_flags) {
  if (!waits_killable_) {
    auto request = addition(cookie, fd, target_fd_flags);
    request.flags = SECCOMP_ADDFD_FLAG_SEND;
    const int number = ::ioctl(fd_.get(), SECCOMP_IOCTL_NOTIF_ADDFD, &request);
    if (number < 0) return Error::last("inject a descriptor into the target");
    return number;
  }
  auto number = add_fd(cookie, tid, fd, target_fd_flags);
  if (!number) return number;
  seccomp_notif_resp response{};
  response.id = cookie;
  response.val = *number;
  if (auto sent = respond(response); !sent) return sent.error();
  return number;
}

Result<int> SeccompListener::add_fd(std::uint64_t cookie, pid_t tid, int fd, std::uint32_t target_fd_flags) {
  auto request = addition(cookie, fd, target_fd_flags);
  const int number = add(tid, request);
  if (number < 0) return Error::last("put a descriptor into the target");
  return number;
}

Result<void> SeccompListener::replace_fd(std::uint64_t cookie, pid_t tid, int fd, int number,
                                         std::uint32_t target_fd_flags) {
  auto request = addition(cookie, fd, target_fd_flags);
  request.flags = SECCOMP_ADDFD_FLAG_SETFD;
  request.newfd = static_cast<std::uint32_t>(number);
  if (add(tid, request) < 0) return Error::last("replace a descriptor of the target");
  return {};
}

}  // namespace proctor::kernel
