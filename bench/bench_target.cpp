#include "bench/bench_target.hpp"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <utility>

#include "kernel/message_socket.hpp"
#include "kernel/seccomp_install.hpp"
#include "policy/filter.hpp"

namespace proctor::bench {
namespace {

struct Order {
  Call call;
  int count;
};

void make(Call call, int directory) {
  int fd = -1;
  switch (call) {
    case Call::getpgid:
      ::getpgid(::getpid());
      return;
    case Call::fchdir:
      static_cast<void>(::fchdir(directory));
      return;
    case Call::open_file:
      fd = ::open("/etc/hostname", O_RDONLY | O_CLOEXEC);
      break;
    case Call::open_proc:
      fd = ::open("/proc/self/comm", O_RDONLY | O_CLOEXEC);
      break;
    case Call::quit:
      ::_exit(0);
  }
  if (fd >= 0) ::close(fd);
}

[[noreturn]] void serve(int channel) {
  const int directory = ::open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  Order order{};
  while (::read(channel, &order, sizeof order) == static_cast<ssize_t>(sizeof order)) {
    const auto begin = std::chrono::steady_clock::now();
    for (int i = 0; i < order.count; ++i) make(order.call, directory);
    const double us =
        std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - begin).count();
    static_cast<void>(::write(channel, &us, sizeof us));
  }
  ::_exit(0);
}

}  // namespace

kernel::Result<BenchTarget> BenchTarget::start() {
  const auto filter = policy::build_filter(policy::rows_of(policy::ProcMode::private_view));
  if (!filter) return filter.error();
  auto denial = kernel::build_procfs_denial();
  if (!denial) return denial.error();
  auto pair = kernel::MessageSocket::pair();
  if (!pair) return pair.error();
  std::array<int, 2> channel{};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, channel.data()) != 0)
    return kernel::Error::last("socketpair");

  BenchTarget target;
  target.pid_ = ::fork();
  if (target.pid_ == 0) {
    ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (!kernel::landlock_restrict_self(denial->ruleset)) ::_exit(1);
    const auto installed = kernel::install_notifying_filter(*filter);
    if (!installed || !pair->second.send("listener", {installed->listener.get()})) ::_exit(1);
    serve(channel[1]);
  }
  ::close(channel[1]);
  target.channel_.reset(channel[0]);
  denial->ruleset.reset();
  target.denial_ = std::move(*denial);
  auto message = pair->first.receive(5000);
  if (!message || !message->has_value() || (*message)->fds.empty())
    return kernel::Error{EPROTO, "the target's listener"};
  target.listener_ = std::move((*message)->fds.front());
  return target;
}

double BenchTarget::time(Call call, int count) {
  const Order order{call, count};
  double us = 0;
  if (::write(channel_.get(), &order, sizeof order) < 0 || ::read(channel_.get(), &us, sizeof us) < 0)
    return 0;
  return us / count;
}

void BenchTarget::stop() {
  // Said, not implied by closing: a target forked later holds a copy of this end.
  const Order quit{Call::quit, 1};
  if (::write(channel_.get(), &quit, sizeof quit) < 0) return;
  ::waitpid(pid_, nullptr, 0);
}

}  // namespace proctor::bench
