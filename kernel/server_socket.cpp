#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstring>
#include <thread>

#include "kernel/message_socket.hpp"
#include "kernel/unix_address.hpp"

namespace proctor::kernel {

namespace {

constexpr int backlog = 4096;  // the kernel takes net.core.somaxconn when that is less
constexpr int attempts_max = 16;
constexpr int turn_attempts_max = 200;
constexpr std::chrono::milliseconds turn_pause{10};

/// What is at a path now.
enum class Occupant { nobody, stale_socket, live_socket, other_file };

/// The inode number of what is at `path`, which is not followed; 0: nothing.
std::uint64_t inode_at(const std::filesystem::path& path) {
  struct stat status {};
  return ::lstat(path.c_str(), &status) == 0 ? status.st_ino : 0;
}

Result<Occupant> occupant_of(const std::filesystem::path& path) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0) {
    if (errno == ENOENT) return Occupant::nobody;
    return Error::last("stat " + path.native());
  }
  if (!S_ISSOCK(status.st_mode)) return Occupant::other_file;
  const auto address = detail::unix_address(path);
  if (!address) return address.error();
  const UniqueFd probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!probe) return Error::last("socket");
  if (::connect(probe.get(), reinterpret_cast<const sockaddr*>(&*address), sizeof(sockaddr_un)) == 0) {
    return Occupant::live_socket;
  }
  switch (errno) {
    case ECONNREFUSED:
      return Occupant::stale_socket;
    case ENOENT:
      return Occupant::nobody;
    default:  // EAGAIN: its queue is full. EPROTOTYPE: of another kind. EACCES: not ours to judge.
      return Occupant::live_socket;
  }
}

Result<void> create_parents(const std::filesystem::path& path) {
  std::filesystem::path directory;
  for (const auto& name : path.parent_path()) {
    directory /= name;
    // Not create_directories(): its mode is the umask's.
    if (::mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST) {
      const int number = errno;
      struct stat status {};
      // A directory that is there may still answer EROFS or EACCES.
      if (::stat(directory.c_str(), &status) == 0 && S_ISDIR(status.st_mode)) continue;
      return Error{number, "mkdir " + directory.native()};
    }
  }
  return {};
}

/// Lets those that start at once on one stale socket go one at a time: of three, the second could put the
/// third's socket back in the place of the first's. Whoever else may open the directory can hold its lock, so
/// it is not waited for without end; one who goes on without it loses no more than that order.
UniqueFd take_turn(const std::filesystem::path& path) {
  const auto directory = path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
  UniqueFd turn(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!turn) return turn;
  for (int attempt = 0; attempt < turn_attempts_max && ::flock(turn.get(), LOCK_EX | LOCK_NB) != 0; ++attempt)
    std::this_thread::sleep_for(turn_pause);
  return turn;
}

/// A socket that listens, and its file, removed again unless it is kept.
class FreshSocket {
 public:
  /// At `path`, where nothing may be.
  [[nodiscard]] static Result<FreshSocket> listen(const std::filesystem::path& path) {
    const auto address = detail::unix_address(path);
    if (!address) return address.error();
    UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!fd) return Error::last("socket");
    // bind(2) makes the file with the socket's own mode: no moment between bind and chmod, and the
    // umask, which belongs to the whole process, is left alone.
    if (::fchmod(fd.get(), 0600) != 0) return Error::last("fchmod of a socket");
    if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&*address), sizeof(sockaddr_un)) != 0) {
      return Error::last("bind " + path.native());
    }
    FreshSocket fresh(std::move(fd), path);
    if (::listen(fresh.fd_.get(), backlog) != 0) return Error::last("listen " + path.native());
    return fresh;
  }

  FreshSocket(FreshSocket&&) noexcept = default;
  FreshSocket& operator=(FreshSocket&&) = delete;
  FreshSocket(const FreshSocket&) = delete;
  FreshSocket& operator=(const FreshSocket&) = delete;
  ~FreshSocket() {
    if (fd_) ::unlink(path_.c_str());
  }

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  [[nodiscard]] UniqueFd keep() { return std::move(fd_); }

 private:
  FreshSocket(UniqueFd fd, std::filesystem::path path) : fd_(std::move(fd)), path_(std::move(path)) {}

  UniqueFd fd_;
  std::filesystem::path path_;
};

bool rename_with(unsigned int flags, const std::filesystem::path& from, const std::filesystem::path& to) {
  return ::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), flags) == 0;
}

/// Puts a listening socket in the place of a stale one. The exchange shows what was really replaced: if
/// that has come to life, or is another one, it is put back. ENOENT: the stale one went away.
Result<void> replace_stale(const std::filesystem::path& fresh, const std::filesystem::path& path) {
  if (!rename_with(RENAME_EXCHANGE, fresh, path)) return Error::last("replace " + path.native());
  const auto replaced = occupant_of(fresh);
  if (replaced && *replaced == Occupant::stale_socket) {
    ::unlink(fresh.c_str());
    return {};
  }
  // Nothing better than to try: should it fail, the other server's file is at our temporary name.
  (void)rename_with(RENAME_EXCHANGE, fresh, path);
  return Error{EADDRINUSE, "listen " + path.native()};
}

/// Gives a listening socket its name. Again when what was there goes away between two looks.
Result<void> move_into_place(const std::filesystem::path& fresh, const std::filesystem::path& path) {
  for (int attempt = 0; attempt < attempts_max; ++attempt) {
    if (rename_with(RENAME_NOREPLACE, fresh, path)) return {};
    if (errno != EEXIST) return Error::last("rename to " + path.native());
    const auto occupant = occupant_of(path);
    if (!occupant) return occupant.error();
    switch (*occupant) {
      case Occupant::nobody:
        continue;
      case Occupant::other_file:
        return Error{EEXIST, "listen " + path.native()};
      case Occupant::live_socket:
        return Error{EADDRINUSE, "listen " + path.native()};
      case Occupant::stale_socket:
        if (auto replaced = replace_stale(fresh, path); replaced || replaced.error().number != ENOENT) {
          return replaced;
        }
    }
  }
  return Error{EADDRINUSE, "listen " + path.native()};
}

}  // namespace

Result<sockaddr_un> detail::unix_address(const std::filesystem::path& path) {
  const std::string& name = path.native();
  sockaddr_un address{};
  if (name.size() >= sizeof address.sun_path) return Error{ENAMETOOLONG, "socket " + name};
  if (name.empty() || name.find('\0') != std::string::npos)
    return Error{EINVAL, "socket with no proper path"};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, name.data(), name.size());
  return address;
}

Result<ServerSocket> ServerSocket::listen(const std::filesystem::path& path) {
  if (const auto address = detail::unix_address(path); !address) return address.error();
  if (auto created = create_parents(path); !created) return created.error();
  // It gets its name when it listens already: who finds a socket that refuses can tell it for stale, and
  // of several that start at once one wins.
  std::uint32_t random = 0;
  if (::getrandom(&random, sizeof random, 0) != sizeof random) return Error::last("getrandom");
  auto fresh = FreshSocket::listen(path.parent_path() / fmt::format(".{:08x}", random));
  if (!fresh) return fresh.error();
  const std::uint64_t inode = inode_at(fresh->path());
  const auto turn = take_turn(path);
  if (auto moved = move_into_place(fresh->path(), path); !moved) return moved.error();
  return ServerSocket(fresh->keep(), path, inode);
}

ServerSocket::ServerSocket(UniqueFd fd, std::filesystem::path path, std::uint64_t inode) noexcept
    : fd_(std::move(fd)), path_(std::move(path)), inode_(inode) {}

ServerSocket& ServerSocket::operator=(ServerSocket&& other) noexcept {
  // Swapped, so that what was here is closed and removed by `other`'s end.
  std::swap(fd_, other.fd_);
  std::swap(path_, other.path_);
  std::swap(inode_, other.inode_);
  return *this;
}

ServerSocket::~ServerSocket() {
  if (fd_ && inode_at(path_) == inode_) ::unlink(path_.c_str());
}

Result<MessageSocket> ServerSocket::accept() {
  while (true) {
    UniqueFd fd(::accept4(fd_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (fd) return MessageSocket(std::move(fd));
    if (errno != EINTR && errno != ECONNABORTED) return Error::last("accept");
  }
}

}  // namespace proctor::kernel
