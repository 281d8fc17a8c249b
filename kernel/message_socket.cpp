#include "kernel/message_socket.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <span>

#include "kernel/uapi.hpp"
#include "kernel/unix_address.hpp"

namespace proctor::kernel {

namespace {

constexpr std::size_t chunk_bytes = 16384;
constexpr std::time_t connect_timeout_s = 5;
/// Exactly 16 descriptors: the space is no rounder than that, so that a 17th is always MSG_CTRUNC.
constexpr std::size_t control_bytes = CMSG_SPACE(message_fds_max * sizeof(int));
static_assert(control_bytes == CMSG_LEN(message_fds_max * sizeof(int)));

/// What is left of a time limit.
class Deadline {
 public:
  explicit Deadline(int timeout_ms)
      : for_ever_(timeout_ms < 0), at_(Clock::now() + std::chrono::milliseconds(timeout_ms)) {}

  /// Waits until `fd` is ready. ETIMEDOUT.
  [[nodiscard]] Result<void> wait(int fd, short events) const {
    while (true) {
      pollfd waited{.fd = fd, .events = events, .revents = 0};
      const int ready = ::poll(&waited, 1, left_ms());
      if (ready > 0) return {};
      if (ready == 0) return Error{ETIMEDOUT, "wait for the peer of a socket"};
      if (errno != EINTR) return Error::last("poll");
    }
  }

 private:
  using Clock = std::chrono::steady_clock;

  [[nodiscard]] int left_ms() const {
    if (for_ever_) return -1;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(at_ - Clock::now()).count();
    return static_cast<int>(std::max<std::int64_t>(left, 0));
  }

  bool for_ever_;
  Clock::time_point at_;
};

/// Writes the control message that carries `fds`, at most message_fds_max.
void write_rights(const std::vector<int>& fds, std::span<char, control_bytes> control) {
  cmsghdr rights{};
  rights.cmsg_level = SOL_SOCKET;
  rights.cmsg_type = SCM_RIGHTS;
  rights.cmsg_len = CMSG_LEN(fds.size() * sizeof(int));
  std::memcpy(control.data(), &rights, sizeof rights);
  if (!fds.empty()) std::memcpy(control.data() + CMSG_LEN(0), fds.data(), fds.size() * sizeof(int));
}

/// Puts the descriptors of a received message's control data into `fds`.
void collect_fds(msghdr& header, std::vector<UniqueFd>& fds) {
  for (cmsghdr* control = CMSG_FIRSTHDR(&header); control != nullptr;
       control = CMSG_NXTHDR(&header, control)) {
    if (control->cmsg_level != SOL_SOCKET || control->cmsg_type != SCM_RIGHTS) continue;
    const std::size_t count = (control->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < count; ++i) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(control) + i * sizeof fd, sizeof fd);
      fds.emplace_back(fd);
    }
  }
}

}  // namespace

Result<std::pair<MessageSocket, MessageSocket>> MessageSocket::pair() {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0)
    return Error::last("socketpair");
  return std::pair(MessageSocket(UniqueFd(ends[0])), MessageSocket(UniqueFd(ends[1])));
}

Result<MessageSocket> MessageSocket::connect(const std::filesystem::path& path) {
  const auto address = detail::unix_address(path);
  if (!address) return address.error();
  UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd) return Error::last("socket");
  // The only limit there is to how long connect(2) waits for room in the listener's queue.
  const timeval limit{.tv_sec = connect_timeout_s, .tv_usec = 0};
  if (::setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit) != 0) {
    return Error::last("setsockopt(SO_SNDTIMEO)");
  }
  int result = -1;
  do {
    result = ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&*address), sizeof(sockaddr_un));
  } while (result != 0 && errno == EINTR);
  if (result != 0) return Error{errno == EAGAIN ? ETIMEDOUT : errno, "connect " + path.native()};
  return MessageSocket(std::move(fd));
}

Result<void> MessageSocket::send(std::string_view line, const std::vector<int>& fds, int timeout_ms) {
  if (ended_ != 0) return Error{ended_, "send on an ended connection"};
  if (line.find('\n') != std::string_view::npos) return Error{EINVAL, "send a line that holds a newline"};
  if (line.size() > message_bytes_max) return Error{EMSGSIZE, "send"};
  if (fds.size() > message_fds_max) return Error{EINVAL, "send more descriptors than fit"};

  alignas(cmsghdr) std::array<char, control_bytes> control{};
  write_rights(fds, control);
  char newline = '\n';
  const std::size_t total = line.size() + 1;
  const Deadline deadline(timeout_ms);
  for (std::size_t sent = 0; sent < total;) {
    const std::string_view rest = line.substr(std::min(sent, line.size()));
    std::array<iovec, 2> parts{iovec{const_cast<char*>(rest.data()), rest.size()}, iovec{&newline, 1}};
    msghdr header{};
    header.msg_iov = parts.data();
    header.msg_iovlen = parts.size();
    if (sent == 0 && !fds.empty()) {
      header.msg_control = control.data();
      header.msg_controllen = CMSG_SPACE(fds.size() * sizeof(int));
    }
    const ssize_t taken = ::sendmsg(fd_.get(), &header, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (taken > 0) {
      sent += static_cast<std::size_t>(taken);
      continue;
    }
    if (errno == EINTR) continue;
    Error error = Error::last("send");
    if (error.number == EAGAIN) {
      const auto room = deadline.wait(fd_.get(), POLLOUT);
      if (room) continue;
      error = room.error();
    }
    if (error.number == ECONNRESET) error.number = EPIPE;
    // Half a line would make sense of the next one's beginning: nothing more may follow it.
    return sent == 0 ? error : end(error.number, error.operation);
  }
  return {};
}

Result<std::optional<SocketMessage>> MessageSocket::receive(int timeout_ms) {
  const Deadline deadline(timeout_ms);
  while (true) {
    auto message = try_receive();
    if (message || message.error().number != EAGAIN) return message;
    if (auto ready = deadline.wait(fd_.get(), POLLIN); !ready) return ready.error();
  }
}

Result<std::optional<SocketMessage>> MessageSocket::try_receive() {
  if (ended_ != 0) return Error{ended_, "receive on an ended connection"};
  std::array<char, chunk_bytes> seen;
  while (true) {
    const ssize_t got = ::recv(fd_.get(), seen.data(), seen.size(), MSG_PEEK | MSG_DONTWAIT);
    if (got < 0 && errno == EINTR) continue;
    // ECONNRESET: the peer closed without having read all of ours.
    if (got < 0 && errno != ECONNRESET) return Error::last("receive");
    if (got <= 0) {
      if (!pending_.line.empty() || !pending_.fds.empty())
        return end(EPROTO, "receive: closed within a line");
      return std::optional<SocketMessage>();
    }
    const std::string_view text(seen.data(), static_cast<std::size_t>(got));
    const std::size_t newline = text.find('\n');
    const std::size_t wanted = newline == std::string_view::npos ? text.size() : newline + 1;
    if (pending_.line.size() + std::min(wanted, newline) > message_bytes_max) {
      return end(EMSGSIZE, "receive: the line is too long");
    }
    if (auto taken = take(wanted); !taken) return taken.error();
    if (pending_.line.ends_with('\n')) {
      pending_.line.pop_back();
      return std::optional(std::exchange(pending_, {}));
    }
  }
}

/// Takes at most `bytes`, which hold no newline but at their end, and the descriptors that come along.
Result<void> MessageSocket::take(std::size_t bytes) {
  const std::size_t before = pending_.line.size();
  pending_.line.resize(before + bytes);
  alignas(cmsghdr) std::array<char, control_bytes> control{};
  iovec part{pending_.line.data() + before, bytes};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  header.msg_control = control.data();
  header.msg_controllen = control.size();
  const ssize_t got = ::recvmsg(fd_.get(), &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  pending_.line.resize(before + static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
  if (got < 0) return errno == EINTR ? Result<void>() : Error::last("receive");
  collect_fds(header, pending_.fds);
  if ((header.msg_flags & MSG_CTRUNC) != 0 || pending_.fds.size() > message_fds_max) {
    return end(EPROTO, "receive: more descriptors than fit");
  }
  return {};
}

Error MessageSocket::end(int number, std::string_view operation) {
  ended_ = number;
  pending_ = {};
  ::shutdown(fd_.get(), SHUT_RDWR);
  return {number, std::string(operation)};
}

Result<PeerCredentials> MessageSocket::peer() const {
  ucred credentials{};
  socklen_t size = sizeof credentials;
  if (::getsockopt(fd_.get(), SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0) {
    return Error::last("getsockopt(SO_PEERCRED)");
  }
  return PeerCredentials{.pid = credentials.pid, .uid = credentials.uid, .gid = credentials.gid};
}

Result<PidFd> MessageSocket::peer_process() const {
  const auto credentials = peer();
  if (!credentials) return credentials.error();
  int fd = -1;
  socklen_t size = sizeof fd;
  if (::getsockopt(fd_.get(), SOL_SOCKET, SO_PEERPIDFD, &fd, &size) == 0)
    return PidFd::adopt(UniqueFd{fd}, credentials->pid);
  if (errno != ENOPROTOOPT) return Error::last("getsockopt(SO_PEERPIDFD)");
  return PidFd::open(credentials->pid);
}

}  // namespace proctor::kernel
