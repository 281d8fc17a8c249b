#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <unordered_map>

#include "index/pid_key.hpp"
#include "kernel/pidfd.hpp"
#include "kernel/result.hpp"
#include "kernel/unique_fd.hpp"

namespace proctor::actors {

/// The pidfds of one sandbox in one epoll. A pidfd is readable from the moment its process ends, before
/// the reap and so before its number can be used again: who drains this after receiving a notification
/// and before a look-up never takes a new process for a dead one.
class ExitSet {
 public:
  using OnEnded = std::function<void(const index::PidKey&)>;

  [[nodiscard]] static kernel::Result<ExitSet> create();

  /// Shares the pidfd until the process has ended.
  [[nodiscard]] kernel::Result<void> add(const index::PidKey& key,
                                         std::shared_ptr<const kernel::PidFd> pidfd);

  /// Calls `on_ended` for every process that has ended since, without blocking. One system call when
  /// there is none.
  void drain(const OnEnded& on_ended);

  [[nodiscard]] int poll_fd() const noexcept { return epoll_.get(); }
  [[nodiscard]] std::size_t size() const noexcept { return watched_.size(); }

 private:
  struct Watched {
    index::PidKey key;
    std::shared_ptr<const kernel::PidFd> pidfd;
  };

  explicit ExitSet(kernel::UniqueFd epoll) noexcept : epoll_(std::move(epoll)) {}

  kernel::UniqueFd epoll_;
  std::unordered_map<std::uint64_t, Watched> watched_;  ///< by a number of our own, never used again
  std::uint64_t next_ = 1;
};

}  // namespace proctor::actors
