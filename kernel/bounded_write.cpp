#include "kernel/bounded_write.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <csignal>

namespace proctor::kernel {
namespace {

using std::chrono::steady_clock;

/// How long a reader of standard error may keep us waiting.
constexpr std::chrono::milliseconds say_patience{200};

/// What the kernel takes at once from who is told that there is room: as many whole lines as fit.
std::string_view first_piece(std::string_view bytes) {
  if (bytes.size() <= PIPE_BUF) return bytes;
  const auto newline = bytes.rfind('\n', PIPE_BUF - 1);
  return bytes.substr(0, newline == std::string_view::npos ? PIPE_BUF : newline + 1);
}

/// While it lives, a pipe without a reader is an error of this thread's writes and no signal.
class NoBrokenPipeSignal {
 public:
  NoBrokenPipeSignal() noexcept {
    ::sigemptyset(&sigpipe_);
    ::sigaddset(&sigpipe_, SIGPIPE);
    ::pthread_sigmask(SIG_BLOCK, &sigpipe_, &before_);
  }
  NoBrokenPipeSignal(const NoBrokenPipeSignal&) = delete;
  NoBrokenPipeSignal& operator=(const NoBrokenPipeSignal&) = delete;
  ~NoBrokenPipeSignal() {
    if (::sigismember(&before_, SIGPIPE) == 1) return;
    const timespec at_once{};
    (void)::sigtimedwait(&sigpipe_, nullptr, &at_once);  // what our own write has raised
    ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }

 private:
  sigset_t sigpipe_{};
  sigset_t before_{};
};

/// Whether a write would not wait; also when it would fail at once.
bool await_room(int fd, steady_clock::time_point deadline) {
  pollfd entry{fd, POLLOUT, 0};
  while (true) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - steady_clock::now()).count();
    const int ready = ::poll(&entry, 1, static_cast<int>(std::clamp<decltype(left)>(left, 0, INT_MAX)));
    if (ready >= 0 || errno != EINTR) return ready != 0;
  }
}

}  // namespace

Result<UniqueFd> open_at_end(const std::string& path) {
  UniqueFd fd{::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0600)};
  if (!fd) return Error::last("open " + path);
  return fd;
}

Written write_within(int fd, std::string_view bytes, steady_clock::time_point deadline) {
  Written done;
  struct stat status {};
  const bool may_wait = ::fstat(fd, &status) != 0 || !S_ISREG(status.st_mode);
  while (done.bytes < bytes.size()) {
    if (may_wait && !await_room(fd, deadline)) return {done.bytes, EAGAIN};
    const auto rest = bytes.substr(done.bytes);
    const auto piece = may_wait ? first_piece(rest) : rest;
    const auto count = ::write(fd, piece.data(), piece.size());
    if (count > 0)
      done.bytes += static_cast<std::size_t>(count);
    else if (errno != EINTR && (errno != EAGAIN || steady_clock::now() >= deadline))
      return {done.bytes, errno};
  }
  return done;
}

void say(std::string_view line) {
  std::string whole{line};
  whole += '\n';
  const NoBrokenPipeSignal no_signal;
  static_cast<void>(write_within(STDERR_FILENO, whole, steady_clock::now() + say_patience));
}

}  // namespace proctor::kernel
