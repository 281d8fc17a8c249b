#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "kernel/pidfd.hpp"
#include "kernel/result.hpp"
#include "kernel/unique_fd.hpp"

namespace proctor::kernel {

/// A message is one line of text (JSON in practice, no newline inside) and up to 16 descriptors that
/// travel with its first byte.
struct SocketMessage {
  std::string line;  ///< without its newline
  std::vector<UniqueFd> fds;
};

/// Longest line taken from a peer, in bytes. A longer one ends the connection with EMSGSIZE.
inline constexpr std::size_t message_bytes_max = std::size_t{16} << 20U;
inline constexpr std::size_t message_fds_max = 16;

/// Who is at the other end of a Unix socket: SO_PEERCRED, of the moment of connect(2).
struct PeerCredentials {
  pid_t pid = 0;
  uid_t uid = 0;
  gid_t gid = 0;
};

/// One end of a connected AF_UNIX SOCK_STREAM socket that carries lines and descriptors. What comes in
/// is hostile: bounded, MSG_CMSG_CLOEXEC, MSG_CTRUNC refused (EPROTO). One thread uses it at a time.
///
/// Why look (MSG_PEEK) before taking? A stream glues what was sent apart, and one recvmsg(2) could bring
/// the descriptors of the next message along with this one's text. Taking exactly one line leaves no doubt
/// whose they are.
///
/// After EMSGSIZE, EPROTO, or a line that was sent only in part the connection is shut down: every later
/// call repeats the error. The descriptor stays open, for who has it in an epoll set.
class MessageSocket {
 public:
  MessageSocket() noexcept = default;
  explicit MessageSocket(UniqueFd fd) noexcept : fd_(std::move(fd)) {}

  /// A connected pair, close-on-exec.
  [[nodiscard]] static Result<std::pair<MessageSocket, MessageSocket>> pair();

  /// Connects to a socket in the file system. ENOENT / ECONNREFUSED: nobody there. ENAMETOOLONG:
  /// over the 107 bytes of sockaddr_un. ETIMEDOUT: its queue of connections stayed full for 5 s.
  [[nodiscard]] static Result<MessageSocket> connect(const std::filesystem::path& path);

  [[nodiscard]] int fd() const noexcept { return fd_.get(); }
  [[nodiscard]] explicit operator bool() const noexcept { return static_cast<bool>(fd_); }
  [[nodiscard]] UniqueFd release() noexcept { return std::move(fd_); }

  /// Sends the whole line; blocks when the peer does not read, at most `timeout_ms` (-1: for ever;
  /// ETIMEDOUT). A dead peer is EPIPE, never a signal. EINVAL: a newline in `line`, or more than
  /// message_fds_max descriptors; EMSGSIZE: over message_bytes_max. `fds` stay the caller's.
  [[nodiscard]] Result<void> send(std::string_view line, const std::vector<int>& fds = {},
                                  int timeout_ms = 5000);

  /// Waits at most `timeout_ms` (-1: for ever) for one message. Nothing: the peer closed, between two
  /// messages. ETIMEDOUT. EMSGSIZE: the line is too long. EPROTO: closed in the middle of a line, or more
  /// than message_fds_max descriptors.
  [[nodiscard]] Result<std::optional<SocketMessage>> receive(int timeout_ms = -1);

  /// Takes what is there without blocking, for event loops: at most one message per call, and nothing of
  /// the next, so that level-triggered polling tells of it. EAGAIN: no complete message yet. Nothing:
  /// closed.
  [[nodiscard]] Result<std::optional<SocketMessage>> try_receive();

  [[nodiscard]] Result<PeerCredentials> peer() const;

  /// The process that connected, even if its number is another's by now: SO_PEERPIDFD (6.5), else by
  /// number. ESRCH or the like: it is gone.
  [[nodiscard]] Result<PidFd> peer_process() const;

 private:
  [[nodiscard]] Result<void> take(std::size_t bytes);
  [[nodiscard]] Error end(int number, std::string_view operation);

  UniqueFd fd_;
  SocketMessage pending_;  ///< what has come of the next message
  int ended_ = 0;          ///< the errno that ended the connection
};

/// A listening Unix socket at a path of the file system, mode 0600.
class ServerSocket {
 public:
  /// Creates the parent directories (0700) where they are missing. A stale socket (nobody listens) is
  /// replaced, atomically and for one of several that try at once; a live one is EADDRINUSE; what is no
  /// socket is left alone: EEXIST. The socket is never, not for an instant, open to others.
  /// ENAMETOOLONG: over the 107 bytes of sockaddr_un.
  [[nodiscard]] static Result<ServerSocket> listen(const std::filesystem::path& path);

  ServerSocket(ServerSocket&&) noexcept = default;
  ServerSocket& operator=(ServerSocket&& other) noexcept;
  /// Removes the socket file if it is still the one made here.
  ~ServerSocket();

  [[nodiscard]] int fd() const noexcept { return fd_.get(); }
  /// EAGAIN: nobody waits.
  [[nodiscard]] Result<MessageSocket> accept();

 private:
  ServerSocket(UniqueFd fd, std::filesystem::path path, std::uint64_t inode) noexcept;

  UniqueFd fd_;
  std::filesystem::path path_;
  std::uint64_t inode_ = 0;
};

}  // namespace proctor::kernel
