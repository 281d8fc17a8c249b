#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "kernel/result.hpp"
#include "kernel/unique_fd.hpp"

namespace proctor::kernel {

/// Remote memory: one address space of a target, through /proc/PID/mem.
///
/// Why not process_vm_readv(2)? It names the target by number in each call and costs a microsecond
/// more; the descriptor stays bound to one address space. That is also its trap: after exec the old
/// address space is empty and reads answer ESTALE: open again. What is read here is hostile, and may
/// change right after; no verdict other than a kernel-enforced one may rest on it.
class RemoteMemory {
 public:
  RemoteMemory() noexcept = default;

  /// Opens the memory of the process or thread `tid`; needs the right to ptrace it (EACCES). ENOENT:
  /// gone. The caller makes sure that `tid` is whom it means: with Listener::is_valid() after
  /// this call, or a live pidfd.
  [[nodiscard]] static Result<RemoteMemory> open(pid_t tid);

  [[nodiscard]] explicit operator bool() const noexcept { return static_cast<bool>(fd_); }
  void close() noexcept { fd_.reset(); }

  /// Reads up to into.size() bytes; stops, with fewer, where the mapping does.
  /// EFAULT: nothing is mapped at `address`. ESTALE: the address space is gone (exec, exit).
  [[nodiscard]] Result<std::size_t> read(std::uint64_t address, std::span<std::byte> into) const;

  /// Reads a C string; the answer is a view into `into`, without its NUL. Never touches the page
  /// after the one that holds the NUL, and reads a short path with one call.
  /// EFAULT: the mapping ends before a NUL. ENAMETOOLONG: no NUL within into.size() bytes. ESTALE.
  [[nodiscard]] Result<std::string_view> read_c_string(std::uint64_t address, std::span<char> into) const;

  /// Writes all of `from`, or fails with EFAULT (some bytes may have been written) or ESTALE.
  /// Uses process_vm_writev(2): /proc/PID/mem would force its way into read-only private pages, which
  /// the kernel itself, answering the same call, would not. That call names the target by number: the
  /// caller makes sure, with Listener::is_valid() just before, that it is still blocked.
  [[nodiscard]] Result<void> write(std::uint64_t address, std::span<const std::byte> from) const;

 private:
  RemoteMemory(UniqueFd fd, pid_t tid) noexcept : fd_(std::move(fd)), tid_(tid) {}

  UniqueFd fd_;
  pid_t tid_ = 0;
};

}  // namespace proctor::kernel
