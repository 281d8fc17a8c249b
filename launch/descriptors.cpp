#include "launch/descriptors.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "kernel/bounded_write.hpp"

namespace proctor::launch {
namespace {

kernel::Result<kernel::UniqueFd> open_null(int flags) {
  kernel::UniqueFd fd(::open("/dev/null", flags | O_CLOEXEC));
  if (!fd) return kernel::Error::last("open /dev/null");
  return fd;
}

/// Puts /dev/null at `fd` if it is closed, and all below it are not.
kernel::Result<void> guard(int fd, int flags) {
  if (::fcntl(fd, F_GETFD) >= 0) return {};
  auto null = open_null(flags);  // takes the lowest free number, which is this one
  if (!null) return null.error();
  (void)null->release();
  return {};
}

/// Whether somebody may be waiting for the end of file behind `fd`.
bool is_pipe_or_socket(int fd) {
  struct stat status {};
  return ::fstat(fd, &status) == 0 && (S_ISFIFO(status.st_mode) || S_ISSOCK(status.st_mode));
}

kernel::Result<void> become_null(const kernel::UniqueFd& null, int fd) {
  // dup3 refuses equal numbers; it cannot happen: the standard descriptors are guarded before.
  if (::dup3(null.get(), fd, 0) < 0) return kernel::Error::last("put /dev/null in place");
  return {};
}

/// Closes every descriptor from 3 on that is not in `keep`.
kernel::Result<void> close_others(std::vector<int> keep) {
  std::sort(keep.begin(), keep.end());
  unsigned int first = 3;
  for (const int fd : keep) {
    if (fd < 0 || static_cast<unsigned int>(fd) < first) continue;
    const auto kept = static_cast<unsigned int>(fd);
    if (kept > first && ::close_range(first, kept - 1, 0) != 0) return kernel::Error::last("close_range");
    first = kept + 1;
  }
  if (::close_range(first, ~0U, 0) != 0) return kernel::Error::last("close_range");
  return {};
}

}  // namespace

kernel::Result<void> guard_standard_descriptors() {
  for (int fd = 0; fd <= 2; ++fd) {
    if (auto done = guard(fd, O_PATH); !done) return done;
  }
  return {};
}

kernel::Result<void> open_closed_standard_streams() {
  for (int fd = 0; fd <= 2; ++fd) {
    if (auto done = guard(fd, fd == 0 ? O_RDONLY : O_WRONLY); !done) return done;
  }
  return {};
}

kernel::Result<void> let_go_of_inheritance(StandardError standard_error, std::vector<int> keep) {
  {
    auto null = open_null(O_RDWR);
    if (!null) return null.error();
    for (const int fd : {0, 1}) {
      if (auto done = become_null(*null, fd); !done) return done;
    }
    if (standard_error == StandardError::drop_if_shared && is_pipe_or_socket(2)) {
      if (auto done = become_null(*null, 2); !done) return done;
    }
  }
  if (auto done = close_others(std::move(keep)); !done) return done;
  if (::chdir("/") != 0) return kernel::Error::last("chdir /");
  return {};
}

UserMessages UserMessages::at_standard_error() {
  UserMessages messages;
  messages.shared_ = is_pipe_or_socket(2);
  if (messages.shared_) messages.pipe_.reset(::open("/proc/self/fd/2", O_PATH | O_CLOEXEC));
  return messages;
}

void UserMessages::let_go() {
  if (let_go_ || !shared_) return;
  let_go_ = true;
  if (const auto null = open_null(O_RDWR)) (void)become_null(*null, 2);
}

void UserMessages::take_back() {
  if (!let_go_ || !pipe_) return;
  const auto path = fmt::format("/proc/self/fd/{}", pipe_.get());
  // O_NONBLOCK: without a reader this fails instead of waiting for one.
  const kernel::UniqueFd reopened(::open(path.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC));
  if (reopened && ::dup3(reopened.get(), 2, O_CLOEXEC) == 2) let_go_ = false;
}

void UserMessages::say(std::string_view line) const { kernel::say(fmt::format("proctor: {}", line)); }

}  // namespace proctor::launch
