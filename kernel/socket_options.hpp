#pragma once

#include <sys/socket.h>

#include "kernel/pidfd.hpp"
#include "kernel/result.hpp"

namespace proctor::kernel {

/// Who is at the other end of a socket, or listened there: SO_PEERCRED, unix(7). Process 0 and ids of -1
/// where the kernel knows nobody. The number stays the same when that process has ended. ENOTSOCK.
[[nodiscard]] Result<ucred> peer_credentials(int socket);

/// A pidfd of the same process: SO_PEERPIDFD (6.5), without a number of its own. ENODATA: the kernel knows
/// nobody; ENOPROTOOPT: an older kernel.
[[nodiscard]] Result<PidFd> peer_pidfd(int socket);

/// What can come to send to a socket, as long as it is open.
enum class Senders {
  nobody_is_named,  ///< of a family whose messages never name a process: TCP, UDP
  one_peer,         ///< a connected stream or a pair of them: who holds the other end, for good
  anybody,          ///< all the rest: a datagram socket can be bound and connected anew, netlink hears many
};

/// Judges by family, type and state (net/unix/af_unix.c). ENOTSOCK.
[[nodiscard]] Result<Senders> senders_to(int socket);

/// setsockopt(2) of a number at SOL_SOCKET.
[[nodiscard]] Result<void> set_socket_option(int socket, int option, int value);

}  // namespace proctor::kernel
