#include "kernel/remote_memory.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <limits>

#include "kernel/proc_stat.hpp"

namespace proctor::kernel {
namespace {

/// First chunk of a string: most paths fit, and the kernel copies no more than it must.
constexpr std::size_t string_chunk_bytes = 256;

std::size_t bytes_to_page_end(std::uint64_t address) {
  return page_bytes() - static_cast<std::size_t>(address % page_bytes());
}

Error unmapped(const char* operation) { return {EFAULT, operation}; }
Error stale(const char* operation) { return {ESTALE, operation}; }

/// One pread of /proc/PID/mem; `bytes` is not 0. The kernel's answers (fs/proc/base.c, mem_rw): EIO
/// when the first byte cannot be read, 0 when the address space has no users left.
Result<std::size_t> read_once(int fd, std::uint64_t address, void* into, std::size_t bytes) {
  constexpr auto* operation = "read the target's memory";
  // An offset with the sign bit is EINVAL to pread(2), though only an address no target has mapped.
  if (address > static_cast<std::uint64_t>(std::numeric_limits<off_t>::max())) return unmapped(operation);
  const ssize_t count = ::pread(fd, into, bytes, static_cast<off_t>(address));
  if (count > 0) return static_cast<std::size_t>(count);
  if (count == 0) return stale(operation);
  if (errno == EIO) return unmapped(operation);
  return Error::last(operation);
}

}  // namespace

Result<RemoteMemory> RemoteMemory::open(pid_t tid) {
  char path[32];
  *fmt::format_to_n(path, sizeof(path) - 1, "/proc/{}/mem", tid).out = '\0';
  // Read-only, for write() does not go this way: a mistake cannot force its way into read-only pages.
  UniqueFd fd{::open(path, O_RDONLY | O_CLOEXEC)};
  if (!fd) return Error::last(fmt::format("open {}", path));
  return RemoteMemory{std::move(fd), tid};
}

Result<std::size_t> RemoteMemory::read(std::uint64_t address, std::span<std::byte> into) const {
  if (into.empty()) return std::size_t{0};
  return read_once(fd_.get(), address, into.data(), into.size());
}

Result<std::string_view> RemoteMemory::read_c_string(std::uint64_t address, std::span<char> into) const {
  std::size_t length = 0;
  std::size_t chunk = string_chunk_bytes;
  while (length < into.size()) {
    chunk = std::min({chunk, bytes_to_page_end(address + length), into.size() - length});
    char* const start = into.data() + length;
    const auto count = read_once(fd_.get(), address + length, start, chunk);
    if (!count) return count.error();
    if (const void* const end = std::memchr(start, '\0', *count); end != nullptr)
      return std::string_view{into.data(), static_cast<const char*>(end)};
    length += *count;
    chunk = page_bytes();
  }
  return Error{ENAMETOOLONG, "read a string of the target's memory"};
}

Result<void> RemoteMemory::write(std::uint64_t address, std::span<const std::byte> from) const {
  constexpr auto* operation = "write the target's memory";
  if (from.empty()) return {};
  // process_vm_writev(2) names the target by number, so ask first whether the address space that was
  // opened is still there. What remains between the two calls the caller's is_valid() covers: a target
  // blocked in its call neither execs nor gives its number away.
  std::byte probe{};
  if (const auto readable = read_once(fd_.get(), address, &probe, 1); !readable)
    return Error{readable.error().number, operation};
  // const_cast: struct iovec serves both directions; this call only reads through it.
  const iovec local{const_cast<std::byte*>(from.data()), from.size()};
  iovec remote{};
  remote.iov_len = from.size();
  static_assert(sizeof(remote.iov_base) == sizeof(address));
  std::memcpy(&remote.iov_base, &address, sizeof(address));
  const ssize_t count = ::process_vm_writev(tid_, &local, 1, &remote, 1, 0);
  if (count < 0) return errno == ESRCH ? stale(operation) : Error::last(operation);
  if (static_cast<std::size_t>(count) != from.size()) return unmapped(operation);
  return {};
}

}  // namespace proctor::kernel
