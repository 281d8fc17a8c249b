#include "actors/exit_set.hpp"

#include <sys/epoll.h>

#include <array>
#include <utility>

namespace proctor::actors {

kernel::Result<ExitSet> ExitSet::create() {
  kernel::UniqueFd epoll{::epoll_create1(EPOLL_CLOEXEC)};
  if (!epoll) return kernel::Error::last("make an epoll for pidfds");
  return ExitSet{std::move(epoll)};
}

kernel::Result<void> ExitSet::add(const index::PidKey& key, std::shared_ptr<const kernel::PidFd> pidfd) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = next_;
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, pidfd->get(), &event) != 0)
    return kernel::Error::last("watch a pidfd");
  watched_.emplace(next_++, Watched{key, std::move(pidfd)});
  return {};
}

void ExitSet::drain(const OnEnded& on_ended) {
  std::array<epoll_event, 64> events;
  while (true) {
    const int count = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), 0);
    for (int i = 0; i < count; ++i) {
      const auto found = watched_.find(events[static_cast<std::size_t>(i)].data.u64);
      if (found == watched_.end()) continue;
      const Watched ended = std::move(found->second);
      watched_.erase(found);
      ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, ended.pidfd->get(), nullptr);
      on_ended(ended.key);
    }
    if (count < static_cast<int>(events.size())) return;
  }
}

}  // namespace proctor::actors
