#include "kernel/socket_options.hpp"

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "kernel/unique_fd.hpp"
#include "support/catch.hpp"

namespace proctor::kernel {
namespace {

struct Pair {
  explicit Pair(int type) {
    std::array<int, 2> fds{};
    REQUIRE(::socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, fds.data()) == 0);
    one = UniqueFd{fds[0]};
    other = UniqueFd{fds[1]};
  }
  UniqueFd one;
  UniqueFd other;
};

UniqueFd make_socket(int family, int type) { return UniqueFd{::socket(family, type | SOCK_CLOEXEC, 0)}; }

/// Gives a Unix socket a name of the kernel's choice (autobind), which it needs to listen.
void name(const UniqueFd& socket) {
  const sockaddr_un address{AF_UNIX, {}};
  REQUIRE(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(sa_family_t)) == 0);
}

}  // namespace

TEST_CASE("socket options: a peer is who made the pair, and nobody where there is none") {
  const Pair pair{SOCK_STREAM};
  const auto peer = peer_credentials(pair.one.get());
  REQUIRE(peer);
  CHECK(peer->pid == ::getpid());
  CHECK(peer->uid == ::geteuid());
  const auto nobody = peer_credentials(make_socket(AF_INET, SOCK_STREAM).get());
  REQUIRE(nobody);
  CHECK(nobody->pid == 0);
  const UniqueFd file{::open("/dev/null", O_RDONLY | O_CLOEXEC)};
  CHECK(peer_credentials(file.get()).error().number == ENOTSOCK);

  const auto pidfd = peer_pidfd(pair.one.get());
  if (!pidfd && pidfd.error().number == ENOPROTOOPT) return;  // before 6.5
  REQUIRE(pidfd);
  const auto info = pidfd->info();
  if (info) CHECK(info->tgid == ::getpid());
  CHECK(peer_pidfd(make_socket(AF_UNIX, SOCK_STREAM).get()).error().number == ENODATA);
}

TEST_CASE("socket options: only a connected stream has one sender for good") {
  CHECK(*senders_to(Pair{SOCK_STREAM}.one.get()) == Senders::one_peer);
  CHECK(*senders_to(Pair{SOCK_SEQPACKET}.one.get()) == Senders::one_peer);
  CHECK(*senders_to(Pair{SOCK_DGRAM}.one.get()) == Senders::anybody);
  for (const int type : {SOCK_STREAM, SOCK_SEQPACKET, SOCK_DGRAM})
    CHECK(*senders_to(make_socket(AF_UNIX, type).get()) == Senders::anybody);
  const auto listening = make_socket(AF_UNIX, SOCK_STREAM);
  name(listening);
  REQUIRE(::listen(listening.get(), 1) == 0);
  CHECK(*senders_to(listening.get()) == Senders::anybody);
  CHECK(*senders_to(make_socket(AF_NETLINK, SOCK_RAW).get()) == Senders::anybody);
  CHECK(*senders_to(make_socket(AF_INET, SOCK_STREAM).get()) == Senders::nobody_is_named);
  const UniqueFd file{::open("/dev/null", O_RDONLY | O_CLOEXEC)};
  CHECK(senders_to(file.get()).error().number == ENOTSOCK);

  // The other end is gone: nobody else can take its place.
  Pair left{SOCK_STREAM};
  left.other.reset();
  CHECK(*senders_to(left.one.get()) == Senders::one_peer);
}

TEST_CASE("socket options: a connected stream cannot listen or be connected anew") {
  // On this Senders::one_peer relies.
  const Pair pair{SOCK_STREAM};
  const sockaddr nowhere{AF_UNSPEC, {}};
  CHECK(::connect(pair.one.get(), &nowhere, sizeof nowhere) == -1);
  name(pair.one);
  CHECK(::listen(pair.one.get(), 1) == -1);
  CHECK(*senders_to(pair.one.get()) == Senders::one_peer);
}

}  // namespace proctor::kernel
