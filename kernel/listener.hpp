#pragma once

#include <linux/seccomp.h>
#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

#include "kernel/one_cpu.hpp"
#include "kernel/result.hpp"
#include "kernel/unique_fd.hpp"

namespace proctor::kernel {

/// Room for one `struct seccomp_notif` of this or a later kernel. The kernel says how much it needs
/// (SECCOMP_GET_NOTIF_SIZES); SeccompListener::adopt refuses a kernel that needs more.
inline constexpr std::size_t notification_bytes_max = 128;
using NotificationBuffer = std::span<std::byte, notification_bytes_max>;

/// The receiving end of seccomp user notifications, seccomp_unotify(2). An interface, so that tests
/// can make failures that a kernel does not produce on demand. One thread uses it at a time.
class Listener {
 public:
  virtual ~Listener() = default;

  /// Receives into `buffer`, which this zeroes first, all of it (the kernel refuses anything else). Blocks
  /// until a notification is pending or the last target is gone. Any error: what was pending was withdrawn,
  /// so go on, unless has_hung_up().
  [[nodiscard]] virtual Result<void> receive(NotificationBuffer buffer) = 0;

  /// Answers `response.id`. ENOENT: the target is no longer blocked in that call.
  [[nodiscard]] virtual Result<void> respond(const seccomp_notif_resp& response) = 0;

  /// Whether the target is still blocked in the call. Says nothing about its memory.
  [[nodiscard]] virtual bool is_valid(std::uint64_t cookie) = 0;

  /// Puts a duplicate of `fd` into the target, whose thread `tid` waits in the call (0: not known, at some
  /// cost), and answers the call with its number. The calling thread must have every signal blocked: an
  /// interrupted ADDFD with SEND makes the target's call return 0, which nothing can repair.
  /// `target_fd_flags`: O_CLOEXEC or 0. EMFILE and the like leave the call unanswered.
  [[nodiscard]] virtual Result<int> add_fd_and_respond(std::uint64_t cookie, pid_t tid, int fd,
                                                       std::uint32_t target_fd_flags) = 0;

  /// Puts a duplicate of `fd` into the target; the call stays unanswered. The target must be held in it
  /// (WAIT_KILLABLE_RECV), or it goes on with a descriptor that it does not know of. ENOENT: it is no longer
  /// blocked in the call.
  [[nodiscard]] virtual Result<int> add_fd(std::uint64_t cookie, pid_t tid, int fd,
                                           std::uint32_t target_fd_flags) = 0;

  /// Makes the target's descriptor `number` a duplicate of `fd`; the call stays unanswered. ENOENT: the
  /// target is no longer blocked in it.
  [[nodiscard]] virtual Result<void> replace_fd(std::uint64_t cookie, pid_t tid, int fd, int number,
                                                std::uint32_t target_fd_flags) = 0;

  /// Whether no task uses the filter any more. Does not block.
  [[nodiscard]] virtual bool has_hung_up() const = 0;
};

/// The kernel's listener.
///
/// With WAIT_KILLABLE_RECV (5.19) a descriptor is injected by ADDFD and then SEND: only death can come
/// between them, and takes the descriptor with it. SECCOMP_ADDFD_FLAG_SEND does both at once, for which older
/// kernels have it, and costs four times as much: see docs/adr/0008. The target is kept on the calling
/// thread's CPU meanwhile (OneCpu).
class SeccompListener final : public Listener {
 public:
  /// Takes `fd` over. Checks that this kernel's notification fits notification_bytes_max (ENOTSUP) and
  /// that `fd` is a listener (ENOTTY, EINVAL or EBADF when not), and asks for SYNC_WAKE_UP (6.6),
  /// which keeps supervisor and target on one CPU; a kernel without it is slower, not wrong.
  [[nodiscard]] static Result<SeccompListener> adopt(UniqueFd fd);

  [[nodiscard]] Result<void> receive(NotificationBuffer buffer) override;
  [[nodiscard]] Result<void> respond(const seccomp_notif_resp& response) override;
  [[nodiscard]] bool is_valid(std::uint64_t cookie) override;
  [[nodiscard]] Result<int> add_fd_and_respond(std::uint64_t cookie, pid_t tid, int fd,
                                               std::uint32_t target_fd_flags) override;
  [[nodiscard]] Result<int> add_fd(std::uint64_t cookie, pid_t tid, int fd,
                                   std::uint32_t target_fd_flags) override;
  [[nodiscard]] Result<void> replace_fd(std::uint64_t cookie, pid_t tid, int fd, int number,
                                        std::uint32_t target_fd_flags) override;
  [[nodiscard]] bool has_hung_up() const override;

  /// To poll: POLLIN a notification is pending, POLLHUP the last target is gone.
  [[nodiscard]] int poll_fd() const { return fd_.get(); }

  /// The supervisor keeps its targets to the CPUs that `target` has now.
  void expect_restricted(pid_t target) noexcept { one_cpu_.expect_restricted(target); }

  /// Whether SYNC_WAKE_UP is in force.
  [[nodiscard]] bool synchronous_wake_up() const noexcept { return synchronous_wake_up_; }

 private:
  SeccompListener(UniqueFd fd, bool synchronous_wake_up, bool receive_ends, bool waits_killable) noexcept
      : fd_(std::move(fd)),
        synchronous_wake_up_(synchronous_wake_up),
        receive_ends_(receive_ends),
        waits_killable_(waits_killable) {}

  /// ADDFD, for a target that is held in its call.
  [[nodiscard]] int add(pid_t tid, seccomp_notif_addfd& request);

  UniqueFd fd_;
  OneCpu one_cpu_;
  bool synchronous_wake_up_;
  bool receive_ends_;    ///< RECV returns when the last target is gone (6.11); else it must be polled for
  bool waits_killable_;  ///< WAIT_KILLABLE_RECV is in force
};

}  // namespace proctor::kernel
