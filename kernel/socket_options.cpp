#include "kernel/socket_options.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <utility>

#include "kernel/uapi.hpp"

namespace proctor::kernel {
namespace {

template <class Value>
Result<Value> get_socket_option(int socket, int option) {
  Value value{};
  socklen_t length = sizeof value;
  if (::getsockopt(socket, SOL_SOCKET, option, &value, &length) != 0)
    return Error::last(fmt::format("getsockopt {}", option));
  return value;
}

}  // namespace

Result<ucred> peer_credentials(int socket) { return get_socket_option<ucred>(socket, SO_PEERCRED); }

Result<PidFd> peer_pidfd(int socket) {
  const auto fd = get_socket_option<int>(socket, SO_PEERPIDFD);
  if (!fd) return fd.error();
  return PidFd::adopt(UniqueFd{*fd}, 0);
}

Result<Senders> senders_to(int socket) {
  const auto family = get_socket_option<int>(socket, SO_DOMAIN);
  if (!family) return family.error();
  if (*family == AF_INET || *family == AF_INET6) return Senders::nobody_is_named;
  if (*family != AF_UNIX) return Senders::anybody;
  const auto type = get_socket_option<int>(socket, SO_TYPE);
  if (!type) return type.error();
  if (*type != SOCK_STREAM && *type != SOCK_SEQPACKET) return Senders::anybody;
  // Only a connected one has a peer's name, and it can neither listen nor connect again.
  sockaddr_storage name{};
  socklen_t length = sizeof name;
  const bool connected = ::getpeername(socket, reinterpret_cast<sockaddr*>(&name), &length) == 0;
  return connected ? Senders::one_peer : Senders::anybody;
}

Result<void> set_socket_option(int socket, int option, int value) {
  if (::setsockopt(socket, SOL_SOCKET, option, &value, sizeof value) != 0)
    return Error::last(fmt::format("setsockopt {}", option));
  return {};
}

}  // namespace proctor::kernel
