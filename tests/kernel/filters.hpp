#pragma once

#include <linux/seccomp.h>
#include <seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include <atomic>
#include <cerrno>
#include <cstdint>

#include "kernel/listener.hpp"
#include "kernel/pidfd.hpp"
#include "kernel/uapi.hpp"
#include "tests/kernel/child.hpp"

namespace proctor::tests {

/// Adds `action` for a call whose argument `index` equals `value`.
inline bool add_rule(scmp_filter_ctx filter, std::uint32_t action, int call, unsigned int index,
                     std::uint64_t value) {
  const scmp_arg_cmp compare{index, SCMP_CMP_EQ, value, 0};
  return ::seccomp_rule_add_array(filter, action, call, 1, &compare) == 0;
}

/// Makes the calling process live, for good, on a kernel of before 6.6: no ioctl of pidfds, no thread
/// pidfds, no flags of listeners. Only in a child.
inline bool pretend_older_kernel() {
  const scmp_filter_ctx filter = ::seccomp_init(SCMP_ACT_ALLOW);
  const bool ready =
      add_rule(filter, SCMP_ACT_ERRNO(ENOTTY), SCMP_SYS(ioctl), 1, kernel::uapi::pidfd_get_info) &&
      add_rule(filter, SCMP_ACT_ERRNO(EINVAL), SCMP_SYS(ioctl), 1, SECCOMP_IOCTL_NOTIF_SET_FLAGS) &&
      add_rule(filter, SCMP_ACT_ERRNO(EINVAL), SCMP_SYS(pidfd_open), 1, PIDFD_THREAD) &&
      ::seccomp_load(filter) == 0;
  ::seccomp_release(filter);
  return ready;
}

/// Filters one system call of the calling process into a new listener, whose descriptor it returns.
/// `first_argument`: only calls with it, when not negative.
inline int notify(int call, int first_argument = -1) {
  const scmp_filter_ctx filter = ::seccomp_init(SCMP_ACT_ALLOW);
  const bool added =
      first_argument < 0
          ? ::seccomp_rule_add_array(filter, SCMP_ACT_NOTIFY, call, 0, nullptr) == 0
          : add_rule(filter, SCMP_ACT_NOTIFY, call, 0, static_cast<std::uint64_t>(first_argument));
  // The context is never released: that would close the descriptor.
  return added && ::seccomp_load(filter) == 0 ? ::seccomp_notify_fd(filter) : -1;
}

/// A child with a filter, and the listener's descriptor in this process.
class Target {
 public:
  /// The child runs `body` once this process has its listener.
  template <class Body>
  Target(int call, int first_argument, Body body)
      : child_([this, call, first_argument, &body] {
          const int listener = notify(call, first_argument);
          state_->listener = listener >= 0 ? listener : -2;
          if (!eventually([this] { return state_->taken.load(); })) return 100;
          ::close(listener);
          return body();
        }) {
    if (!eventually([this] { return state_->listener.load() != -1; })) return;
    const auto pidfd = kernel::PidFd::open(child_.pid());
    if (!pidfd) return;
    if (auto listener = pidfd->get_fd(state_->listener)) listener_ = std::move(*listener);
    state_->taken = true;
  }

  [[nodiscard]] Child& child() { return child_; }
  [[nodiscard]] kernel::UniqueFd take_listener() { return std::move(listener_); }

 private:
  struct State {
    std::atomic<int> listener = -1;
    std::atomic<bool> taken = false;
  };
  Shared<State> state_;
  kernel::UniqueFd listener_;
  Child child_;
};

}  // namespace proctor::tests
