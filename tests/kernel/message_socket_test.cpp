#include "kernel/message_socket.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <filesystem>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "support/catch.hpp"
#include "tests/kernel/child.hpp"
#include "tests/kernel/descriptors.hpp"
#include "tests/kernel/ordinary_user.hpp"
#include "tests/kernel/temporary_directory.hpp"

using namespace proctor::kernel;
using namespace proctor::tests;

namespace {

constexpr int soon_ms = 10'000;  // a limit for what must happen, not a wait

struct Pair {
  MessageSocket ours;
  MessageSocket theirs;
};

Pair make_pair_of_sockets() {
  auto ends = MessageSocket::pair();
  REQUIRE(ends);
  return {std::move(ends->first), std::move(ends->second)};
}

/// Sends bytes and descriptors as a hostile peer would: nothing is checked.
bool send_raw(int socket, std::string_view bytes, const std::vector<int>& fds = {}) {
  iovec part{const_cast<char*>(bytes.data()), bytes.size()};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  alignas(cmsghdr) std::array<char, CMSG_SPACE(64 * sizeof(int))> control{};
  if (!fds.empty()) {
    cmsghdr rights{};
    rights.cmsg_level = SOL_SOCKET;
    rights.cmsg_type = SCM_RIGHTS;
    rights.cmsg_len = CMSG_LEN(fds.size() * sizeof(int));
    std::memcpy(control.data(), &rights, sizeof rights);
    std::memcpy(control.data() + CMSG_LEN(0), fds.data(), fds.size() * sizeof(int));
    header.msg_control = control.data();
    header.msg_controllen = CMSG_SPACE(fds.size() * sizeof(int));
  }
  return ::sendmsg(socket, &header, MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size());
}

ino_t inode_of(int fd) {
  struct stat status {};
  return ::fstat(fd, &status) == 0 ? status.st_ino : 0;
}

/// Descriptors of different files.
std::vector<UniqueFd> pipes(std::size_t count) {
  std::vector<UniqueFd> fds;
  while (fds.size() < count) {
    std::array<int, 2> ends{};
    REQUIRE(::pipe2(ends.data(), O_CLOEXEC) == 0);
    ::close(ends[1]);
    fds.emplace_back(ends[0]);
  }
  return fds;
}

std::vector<int> numbers(const std::vector<UniqueFd>& fds) {
  std::vector<int> all;
  for (const auto& fd : fds) all.push_back(fd.get());
  return all;
}

SocketMessage must_receive(MessageSocket& socket) {
  auto message = socket.receive(soon_ms);
  REQUIRE(message);
  REQUIRE(message->has_value());
  return std::move(**message);
}

int error_of(const Result<void>& result) { return result ? 0 : result.error().number; }
template <class T>
int error_of(const Result<T>& result) {
  return result ? 0 : result.error().number;
}

bool waits_to_be_accepted(const ServerSocket& server) {
  pollfd waited{.fd = server.fd(), .events = POLLIN, .revents = 0};
  return ::poll(&waited, 1, soon_ms) == 1;
}

/// A socket file that nobody listens on any more.
void leave_stale_socket(const std::string& path) {
  const UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), path.size());
  REQUIRE(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  REQUIRE(::listen(fd.get(), 1) == 0);
}

}  // namespace

TEST_CASE("message socket: lines and descriptors arrive as they were sent") {
  auto [ours, theirs] = make_pair_of_sockets();
  const auto fds = pipes(message_fds_max);
  REQUIRE(ours.send("first", numbers(fds)));
  REQUIRE(ours.send(""));
  REQUIRE(ours.send("third", {fds[3].get()}));

  const auto first = must_receive(theirs);
  CHECK(first.line == "first");
  REQUIRE(first.fds.size() == message_fds_max);
  for (std::size_t i = 0; i < message_fds_max; ++i) {
    CHECK(inode_of(first.fds[i].get()) == inode_of(fds[i].get()));
    CHECK((::fcntl(first.fds[i].get(), F_GETFD) & FD_CLOEXEC) != 0);
  }
  const auto second = must_receive(theirs);
  CHECK(second.line.empty());
  CHECK(second.fds.empty());
  const auto third = must_receive(theirs);
  CHECK(third.line == "third");
  REQUIRE(third.fds.size() == 1);
  CHECK(inode_of(third.fds[0].get()) == inode_of(fds[3].get()));
}

TEST_CASE("message socket: descriptors stay with their line though the stream glues lines together") {
  auto [ours, theirs] = make_pair_of_sockets();
  const auto fds = pipes(2);
  // One recvmsg could bring both lines, with the descriptor of the second.
  REQUIRE(ours.send("without"));
  REQUIRE(ours.send("with", {fds[0].get()}));
  REQUIRE(send_raw(ours.fd(), "with\nwithout\n", {fds[1].get()}));
  CHECK(must_receive(theirs).fds.empty());
  CHECK(must_receive(theirs).fds.size() == 1);
  const auto third = must_receive(theirs);
  CHECK(third.line == "with");
  REQUIRE(third.fds.size() == 1);
  CHECK(inode_of(third.fds[0].get()) == inode_of(fds[1].get()));
  const auto fourth = must_receive(theirs);
  CHECK(fourth.line == "without");
  CHECK(fourth.fds.empty());
}

TEST_CASE("message socket: a line may come in pieces, with its descriptors on the first byte") {
  auto [ours, theirs] = make_pair_of_sockets();
  const auto fds = pipes(1);
  REQUIRE(send_raw(ours.fd(), "p", numbers(fds)));
  for (const std::string_view piece : {"ie", "c", "es"}) {
    CHECK(error_of(theirs.try_receive()) == EAGAIN);
    REQUIRE(send_raw(ours.fd(), piece));
  }
  CHECK(error_of(theirs.try_receive()) == EAGAIN);
  REQUIRE(send_raw(ours.fd(), "\nnext\n"));
  const auto message = must_receive(theirs);
  CHECK(message.line == "pieces");
  CHECK(message.fds.size() == 1);
  CHECK(must_receive(theirs).line == "next");
}

TEST_CASE("message socket: two lines in one segment are two messages, one a call") {
  auto [ours, theirs] = make_pair_of_sockets();
  REQUIRE(send_raw(ours.fd(), "one\ntwo\n"));
  const auto one = theirs.try_receive();
  REQUIRE(one);
  CHECK((*one)->line == "one");
  // What was not taken is still the kernel's: level-triggered polling tells of it.
  pollfd waited{.fd = theirs.fd(), .events = POLLIN, .revents = 0};
  CHECK(::poll(&waited, 1, 0) == 1);
  const auto two = theirs.try_receive();
  REQUIRE(two);
  CHECK((*two)->line == "two");
  CHECK(error_of(theirs.try_receive()) == EAGAIN);
}

TEST_CASE("message socket: a megabyte passes, with descriptors") {
  auto [ours, theirs] = make_pair_of_sockets();
  const auto fds = pipes(3);
  std::string line(std::size_t{1} << 20U, 'x');
  for (std::size_t i = 0; i < line.size(); i += 1000) line[i] = static_cast<char>('a' + (i / 1000) % 26);
  // In another thread, for no socket buffer holds it.
  Result<void> sent;
  std::thread sender([&, &from = ours] { sent = from.send(line, numbers(fds)); });
  auto message = theirs.receive(soon_ms);
  sender.join();
  REQUIRE(sent);
  REQUIRE(message);
  REQUIRE(message->has_value());
  CHECK((*message)->line == line);
  CHECK((*message)->fds.size() == 3);
}

TEST_CASE("message socket: a peer that does not read is ETIMEDOUT, and half a line ends the connection") {
  auto [ours, theirs] = make_pair_of_sockets();
  const std::string line(std::size_t{8} << 20U, 'x');
  CHECK(error_of(ours.send(line, {}, 20)) == ETIMEDOUT);
  CHECK(error_of(ours.send("more")) == ETIMEDOUT);
  // The peer sees half a line and the end, never a line made of two.
  CHECK(error_of(theirs.receive(soon_ms)) == EPROTO);
}

TEST_CASE("message socket: a full queue without a byte sent leaves the connection whole") {
  auto [ours, theirs] = make_pair_of_sockets();
  std::size_t sent = 0;
  while (ours.send("line", {}, 0)) ++sent;
  REQUIRE(sent > 0);
  CHECK(error_of(ours.send("line", {}, 20)) == ETIMEDOUT);
  for (std::size_t i = 0; i < sent; ++i) REQUIRE(must_receive(theirs).line == "line");
  CHECK(ours.send("again"));
  CHECK(must_receive(theirs).line == "again");
}

TEST_CASE("message socket: nothing to read is ETIMEDOUT, or EAGAIN without waiting") {
  auto [ours, theirs] = make_pair_of_sockets();
  CHECK(error_of(theirs.receive(0)) == ETIMEDOUT);
  CHECK(error_of(theirs.receive(20)) == ETIMEDOUT);
  CHECK(error_of(theirs.try_receive()) == EAGAIN);
  REQUIRE(ours.send("still alive"));
  CHECK(must_receive(theirs).line == "still alive");
}

TEST_CASE("message socket: a dead peer is EPIPE to the sender, without a signal") {
  auto [ours, theirs] = make_pair_of_sockets();
  { const auto dies = std::move(theirs); }
  CHECK(error_of(ours.send("anybody?")) == EPIPE);
}

TEST_CASE("message socket: the end between lines is nothing, within a line EPROTO") {
  {
    auto [ours, theirs] = make_pair_of_sockets();
    REQUIRE(ours.send("last"));
    { const auto dies = std::move(ours); }
    CHECK(must_receive(theirs).line == "last");
    const auto end = theirs.receive(soon_ms);
    REQUIRE(end);
    CHECK_FALSE(end->has_value());
  }
  {
    auto [ours, theirs] = make_pair_of_sockets();
    REQUIRE(send_raw(ours.fd(), "half"));
    { const auto dies = std::move(ours); }
    CHECK(error_of(theirs.receive(soon_ms)) == EPROTO);
    CHECK(error_of(theirs.try_receive()) == EPROTO);
  }
  {
    // A peer that left something of ours unread: the kernel says ECONNRESET.
    auto [ours, theirs] = make_pair_of_sockets();
    REQUIRE(theirs.send("unread"));
    { const auto dies = std::move(ours); }
    const auto end = theirs.receive(soon_ms);
    REQUIRE(end);
    CHECK_FALSE(end->has_value());
  }
}

TEST_CASE("message socket: more than 16 descriptors are EPROTO, and none stays open") {
  auto [ours, theirs] = make_pair_of_sockets();
  const auto fds = pipes(message_fds_max + 1);
  const std::size_t before = open_descriptors();
  SECTION("at once: MSG_CTRUNC") { REQUIRE(send_raw(ours.fd(), "line\n", numbers(fds))); }
  SECTION("one after the other within a line") {
    REQUIRE(send_raw(ours.fd(), "l", {fds.begin()->get()}));
    REQUIRE(send_raw(ours.fd(), "ine\n", numbers(pipes(message_fds_max))));
  }
  CHECK(error_of(theirs.receive(soon_ms)) == EPROTO);
  CHECK(open_descriptors() == before);
  CHECK(error_of(theirs.receive(soon_ms)) == EPROTO);
  CHECK(error_of(theirs.send("no more")) == EPROTO);
  CHECK(theirs.fd() >= 0);
}

TEST_CASE("message socket: a line over the limit is EMSGSIZE, on both sides") {
  auto [ours, theirs] = make_pair_of_sockets();
  const std::string longest(message_bytes_max, 'x');
  CHECK(error_of(ours.send(longest + "x")) == EMSGSIZE);
  // A peer that never sends a newline: stopped by the limit, not by memory.
  std::thread sender([&, &from = ours] {
    while (send_raw(from.fd(), std::string_view(longest).substr(0, 65536))) {
    }
  });
  const auto received = theirs.receive(soon_ms);
  sender.join();
  CHECK(error_of(received) == EMSGSIZE);
}

TEST_CASE("message socket: a line of exactly the limit passes") {
  auto [ours, theirs] = make_pair_of_sockets();
  const std::string longest(message_bytes_max, 'x');
  Result<void> sent;
  std::thread sender([&, &from = ours] { sent = from.send(longest, {}, soon_ms); });
  const auto received = theirs.receive(soon_ms);
  sender.join();
  CHECK(sent);
  REQUIRE(received);
  CHECK((*received)->line.size() == message_bytes_max);
}

TEST_CASE("message socket: a newline in a line, or too many descriptors, are EINVAL and nothing is sent") {
  auto [ours, theirs] = make_pair_of_sockets();
  CHECK(error_of(ours.send("two\nlines")) == EINVAL);
  CHECK(error_of(ours.send("line", std::vector<int>(message_fds_max + 1, 0))) == EINVAL);
  CHECK(error_of(ours.send("line", {-1})) == EBADF);
  CHECK(error_of(theirs.try_receive()) == EAGAIN);
}

TEST_CASE("message socket: connecting to nobody says so") {
  const TemporaryDirectory directory;
  CHECK(error_of(MessageSocket::connect(directory / "none")) == ENOENT);
  leave_stale_socket(directory / "stale");
  CHECK(error_of(MessageSocket::connect(directory / "stale")) == ECONNREFUSED);
  CHECK(error_of(MessageSocket::connect("/" + std::string(107, 'x'))) == ENAMETOOLONG);
  CHECK(error_of(MessageSocket::connect("/" + std::string(106, 'x'))) == ENOENT);
  // It would be an abstract address otherwise, which anybody may take.
  CHECK(error_of(MessageSocket::connect("")) == EINVAL);
  CHECK(error_of(MessageSocket::connect(std::string("\0abstract", 9))) == EINVAL);
}

TEST_CASE("server socket: mode 0600 and parents 0700, whatever the umask") {
  const TemporaryDirectory directory;
  const std::string path = directory / "a/b/socket";
  const mode_t before = ::umask(0);
  const auto server = ServerSocket::listen(path);
  ::umask(before);
  REQUIRE(server);
  struct stat status {};
  REQUIRE(::lstat(path.c_str(), &status) == 0);
  CHECK(S_ISSOCK(status.st_mode));
  CHECK((status.st_mode & 07777) == 0600);
  for (const char* parent : {"a", "a/b"}) {
    REQUIRE(::stat((directory / parent).c_str(), &status) == 0);
    CHECK((status.st_mode & 07777) == 0700);
  }
  CHECK((::fcntl(server->fd(), F_GETFD) & FD_CLOEXEC) != 0);
  // Nothing else was left there.
  const std::filesystem::directory_iterator all(directory / "a/b");
  CHECK(std::distance(begin(all), end(all)) == 1);
}

TEST_CASE("server socket: accepts connections, and says who they are") {
  const TemporaryDirectory directory;
  auto server = ServerSocket::listen(directory / "socket");
  REQUIRE(server);
  CHECK(error_of(server->accept()) == EAGAIN);
  const Child peer([&] {
    if (is_root() && !become_ordinary()) return 1;
    // The socket is root's alone; its mode is not what this is about.
    auto socket = MessageSocket::connect(directory / "socket");
    return socket && socket->send("hello") ? wait_for_ever() : 1;
  });
  if (is_root()) {
    // Mode 0600 keeps the ordinary user out.
    peer.await_zombie();
    CHECK(error_of(server->accept()) == EAGAIN);
  }
  auto socket = MessageSocket::connect(directory / "socket");
  REQUIRE(socket);
  REQUIRE(waits_to_be_accepted(*server));
  const auto accepted = server->accept();
  REQUIRE(accepted);
  CHECK((::fcntl(accepted->fd(), F_GETFD) & FD_CLOEXEC) != 0);
  const auto who = accepted->peer();
  REQUIRE(who);
  CHECK((who->pid == ::getpid() || who->pid == peer.pid()));
  CHECK(who->uid == ::getuid());
  CHECK(who->gid == ::getgid());
}

TEST_CASE("server socket: a stale socket is replaced, a live one is EADDRINUSE") {
  const TemporaryDirectory directory;
  const std::string path = directory / "socket";
  leave_stale_socket(path);
  auto server = ServerSocket::listen(path);
  REQUIRE(server);
  auto client = MessageSocket::connect(path);
  REQUIRE(client);
  REQUIRE(client->send("to the new one"));
  auto accepted = server->accept();
  REQUIRE(accepted);
  CHECK(must_receive(*accepted).line == "to the new one");

  CHECK(error_of(ServerSocket::listen(path)) == EADDRINUSE);
  CHECK(MessageSocket::connect(path));
  const std::filesystem::directory_iterator all(directory.path());
  CHECK(std::distance(begin(all), end(all)) == 1);
}

TEST_CASE("server socket: what is no socket is never replaced") {
  const TemporaryDirectory directory;
  const std::string path = directory / "file";
  write_file(path, "precious");
  CHECK(error_of(ServerSocket::listen(path)) == EEXIST);
  CHECK(std::filesystem::file_size(path) == 8);
  REQUIRE(::symlink("nowhere", (directory / "link").c_str()) == 0);
  CHECK(error_of(ServerSocket::listen(directory / "link")) == EEXIST);
  CHECK(std::filesystem::is_symlink(directory / "link"));
  CHECK(error_of(ServerSocket::listen(directory / "file/socket")) == ENOTDIR);
}

TEST_CASE("server socket: of several that start at once on a stale socket one wins") {
  const TemporaryDirectory directory;
  const std::string path = directory / "socket";
  constexpr std::size_t starters = 8;
  for (int round = 0; round < 100; ++round) {
    leave_stale_socket(path);
    std::array<int, starters> errors{};
    std::vector<ServerSocket> servers;
    {
      std::vector<std::thread> threads;
      std::atomic<bool> go = false;  // so that they are at it together
      std::array<std::optional<Result<ServerSocket>>, starters> results;
      for (auto& result : results) {
        threads.emplace_back([&] {
          while (!go) std::this_thread::yield();
          result = ServerSocket::listen(path);
        });
      }
      go = true;
      for (auto& thread : threads) thread.join();
      std::transform(results.begin(), results.end(), errors.begin(), [](auto& r) { return error_of(*r); });
      for (auto& result : results) {
        if (*result) servers.push_back(std::move(**result));
      }
    }
    REQUIRE(servers.size() == 1);
    CHECK(std::count(errors.begin(), errors.end(), EADDRINUSE) == starters - 1);
    CHECK(MessageSocket::connect(path));
    const std::filesystem::directory_iterator all(directory.path());
    CHECK(std::distance(begin(all), end(all)) == 1);
  }
}

TEST_CASE("server socket: its end removes its file, and no other's") {
  const TemporaryDirectory directory;
  const std::string path = directory / "socket";
  {
    auto server = ServerSocket::listen(path);
    REQUIRE(server);
    const ServerSocket moved = *std::move(server);
  }
  CHECK_FALSE(std::filesystem::exists(path));
  {
    const auto server = ServerSocket::listen(path);
    REQUIRE(server);
    REQUIRE(::unlink(path.c_str()) == 0);
    write_file(path, "another's");
  }
  CHECK(std::filesystem::exists(path));
  {
    auto one = ServerSocket::listen(directory / "one");
    auto two = ServerSocket::listen(directory / "two");
    REQUIRE(one);
    REQUIRE(two);
    { *one = *std::move(two); }
    CHECK(std::filesystem::exists(directory / "two"));
  }
  CHECK_FALSE(std::filesystem::exists(directory / "one"));
  CHECK_FALSE(std::filesystem::exists(directory / "two"));
}

TEST_CASE("server socket: a path that is too long is ENAMETOOLONG, the longest works") {
  const TemporaryDirectory directory;
  const std::size_t room = 107 - directory.path().native().size() - 1;
  const auto longest = ServerSocket::listen(directory / std::string(room, 'x'));
  REQUIRE(longest);
  CHECK(MessageSocket::connect(directory / std::string(room, 'x')));
  CHECK(error_of(ServerSocket::listen(directory / std::string(room + 1, 'x'))) == ENAMETOOLONG);
}
