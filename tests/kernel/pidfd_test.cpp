#include "kernel/pidfd.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <fstream>
#include <thread>

#include "kernel/proc_stat.hpp"
#include "support/catch.hpp"
#include "tests/kernel/child.hpp"
#include "tests/kernel/filters.hpp"

using namespace proctor::kernel;
using namespace proctor::tests;

namespace {

pid_t current_tid() { return static_cast<pid_t>(::syscall(SYS_gettid)); }

PidFd open(pid_t pid) {
  auto pidfd = PidFd::open(pid);
  REQUIRE(pidfd);
  return std::move(*pidfd);
}

/// A child with a second thread, which runs `body` and then waits until it is told to end.
class Threaded {
 public:
  template <class Body>
  explicit Threaded(Body body) : child_([this, body] { return run(body); }) {
    REQUIRE(eventually([this] { return state_->ready.load(); }));
  }
  Threaded() : Threaded([] {}) {}

  [[nodiscard]] pid_t tgid() const { return child_.pid(); }
  [[nodiscard]] pid_t tid() const { return state_->tid; }
  [[nodiscard]] Child& child() { return child_; }
  void end_thread() const { state_->end_thread = true; }
  void end_leader() const { state_->end_leader = true; }

 private:
  struct State {
    std::atomic<pid_t> tid = 0;
    std::atomic<bool> ready = false;
    std::atomic<bool> end_thread = false;
    std::atomic<bool> end_leader = false;
  };

  template <class Body>
  int run(Body body) const {
    std::thread thread{[&] {
      state_->tid = current_tid();
      body();
      state_->ready = true;
      while (!eventually([this] { return state_->end_thread.load(); })) {
      }
    }};
    while (!eventually([this] { return state_->end_leader.load(); })) {
    }
    ::syscall(SYS_exit, 3);  // this thread alone
    return 0;
  }

  Shared<State> state_;
  Child child_;
};

bool is_readable(const PidFd& pidfd, int timeout_ms) {
  pollfd entry{pidfd.get(), POLLIN, 0};
  return ::poll(&entry, 1, timeout_ms) == 1;
}

bool has_exit_info(const PidFd& ended) {
  uapi::PidfdInfo info;
  info.mask = PIDFD_INFO_EXIT;
  return ::ioctl(ended.get(), uapi::pidfd_get_info, &info) == 0 && (info.mask & PIDFD_INFO_EXIT) != 0;
}

/// Forks children until one gets the number `pid`; others may take it first. Nothing: never.
template <class Body>
std::optional<Child> fork_as(pid_t pid, Body body) {
  for (int attempt = 0; attempt < 50; ++attempt) {
    std::ofstream{"/proc/sys/kernel/ns_last_pid"} << pid - 1;
    Child child{body};
    if (child.pid() == pid) return child;
  }
  return std::nullopt;
}

}  // namespace

TEST_CASE("pidfd: says who a child is", "[pidfd]") {
  const Child child{wait_for_ever};
  const auto pidfd = open(child.pid());
  CHECK(pidfd.pid() == child.pid());
  CHECK((::fcntl(pidfd.get(), F_GETFD) & FD_CLOEXEC) != 0);
  const auto info = pidfd.info();
  REQUIRE(info);
  CHECK(info->tid == child.pid());
  CHECK(info->tgid == child.pid());
  CHECK(info->ppid == ::getpid());
  CHECK(info->fsuid == ::geteuid());
  CHECK(info->fsgid == ::getegid());
}

TEST_CASE("pidfd: info has the file system ids, not the effective ones", "[pidfd]") {
  if (::geteuid() != 0) {
    proctor::tests::skip("needs root, to change ids");
    return;
  }
  Shared<std::atomic<bool>> ready;
  const Child child{[&] {
    ::syscall(SYS_setresgid, 10, 11, 12);
    ::syscall(SYS_setfsgid, 12);
    ::syscall(SYS_setresuid, 20, 0, 22);
    ::syscall(SYS_setfsuid, 23);
    *ready = true;
    return wait_for_ever();
  }};
  REQUIRE(eventually([&] { return ready->load(); }));
  const auto check = [&] {
    const auto info = PidFd::open(child.pid())->info();
    return info && info->fsuid == 23 && info->fsgid == 12 ? 0 : 1;
  };
  CHECK(check() == 0);
  CHECK(exit_code_of([&] { return pretend_older_kernel() ? check() : 2; }) == 0);
}

TEST_CASE("pidfd: a thread is no group, and has a pidfd of its own", "[pidfd]") {
  Threaded target;
  const auto group = PidFd::open(target.tid());
  REQUIRE_FALSE(group);
  CHECK((group.error().number == ENOENT || group.error().number == EINVAL));

  const auto thread = PidFd::open_thread(target.tid());
  if (!thread && thread.error().number == ENOTSUP) {
    proctor::tests::skip("this kernel has no PIDFD_THREAD (6.9)");
    return;
  }
  REQUIRE(thread);
  const auto info = thread->info();
  REQUIRE(info);
  CHECK(info->tid == target.tid());
  CHECK(info->tgid == target.tgid());
  CHECK(info->ppid == ::getpid());

  CHECK(thread->is_alive());
  CHECK_FALSE(is_readable(*thread, 0));
  target.end_thread();
  CHECK(is_readable(*thread, 10'000));
  CHECK(eventually([&] { return !thread->is_alive(); }));
  CHECK(thread->info().error().number == ESRCH);
  CHECK(open(target.tgid()).is_alive());
}

TEST_CASE("pidfd: opening nobody is ESRCH", "[pidfd]") {
  Child child{[] { return 0; }};
  const pid_t pid = child.pid();
  child.wait();
  CHECK(PidFd::open(pid).error().number == ESRCH);
  CHECK(PidFd::open_thread(pid).error().number == ESRCH);
  CHECK(PidFd::open(0).error().number == EINVAL);
  CHECK(PidFd::open_thread(-1).error().number == EINVAL);
}

TEST_CASE("pidfd: a zombie is alive, a reaped process is not", "[pidfd]") {
  Child child{[] { return 0; }};
  const auto pidfd = open(child.pid());
  child.await_zombie();
  CHECK(pidfd.is_alive());
  CHECK(pidfd.info());
  child.wait();
  CHECK_FALSE(pidfd.is_alive());
  CHECK(pidfd.info().error().number == ESRCH);
  CHECK(pidfd.send_signal(0).error().number == ESRCH);
  CHECK_FALSE(PidFd{}.is_alive());
}

TEST_CASE("pidfd: a process of another user is alive", "[pidfd]") {
  const int code = exit_code_of([] {
    if (::geteuid() == 0 && ::setresuid(65534, 65534, 65534) != 0) return 1;
    const auto init = PidFd::open(1);
    if (!init) return 2;
    if (init->send_signal(0)) return 3;
    if (!init->is_alive()) return 4;
    return is_thread_of(1, 1) ? 0 : 5;
  });
  CHECK(code == 0);
}

TEST_CASE("pidfd: a recycled number is not the old process", "[pidfd]") {
  if (::geteuid() != 0) {
    proctor::tests::skip("needs root, to choose the next pid");
    return;
  }
  Child first{[] { return 9; }};
  const pid_t pid = first.pid();
  const auto pidfd = open(pid);
  first.wait();
  const auto second = fork_as(pid, wait_for_ever);
  if (!second) {
    proctor::tests::skip("the number could not be had again");
    return;
  }
  CHECK(open(pid).is_alive());
  CHECK_FALSE(pidfd.is_alive());
  CHECK(pidfd.info().error().number == ESRCH);
  CHECK(pidfd.get_fd(0).error().number == ESRCH);
  CHECK(pidfd.send_signal(SIGKILL).error().number == ESRCH);
  CHECK(open(pid).is_alive());
  if (has_exit_info(pidfd)) CHECK(pidfd.exit_status() == 9 << 8);
  const int code = exit_code_of([&] {
    if (!pretend_older_kernel()) return 1;
    if (pidfd.info() || pidfd.info().error().number != ESRCH) return 2;
    return pidfd.exit_status() ? 3 : 0;
  });
  CHECK(code == 0);
}

TEST_CASE("pidfd: a recycled number's zombie does not lend its status", "[pidfd]") {
  if (::geteuid() != 0) {
    proctor::tests::skip("needs root, to choose the next pid");
    return;
  }
  Child first{[] { return 9; }};
  const pid_t pid = first.pid();
  const auto pidfd = open(pid);
  first.wait();
  const auto second = fork_as(pid, [] { return 5; });
  if (!second) {
    proctor::tests::skip("the number could not be had again");
    return;
  }
  second->await_zombie();
  const int code = exit_code_of([&] {
    if (!pretend_older_kernel()) return 1;
    return pidfd.exit_status() ? 2 : 0;
  });
  CHECK(code == 0);
}

TEST_CASE("pidfd: signals reach the process", "[pidfd]") {
  Child child{wait_for_ever};
  const auto pidfd = open(child.pid());
  CHECK(pidfd.send_signal(0));
  CHECK(pidfd.send_signal(SIGUSR1));
  CHECK(child.wait() == SIGUSR1);
}

TEST_CASE("pidfd: the inode tells instances apart", "[pidfd]") {
  const Child first{wait_for_ever};
  const Child second{wait_for_ever};
  const auto inode = open(first.pid()).inode();
  if (!inode) {
    proctor::tests::skip("this kernel has no pidfs (6.9)");
    return;
  }
  CHECK(open(first.pid()).inode() == inode);
  CHECK(open(second.pid()).inode() != inode);
  CHECK_FALSE(PidFd::adopt(UniqueFd{::open("/dev/null", O_RDONLY | O_CLOEXEC)}, 1).inode());
}

TEST_CASE("pidfd: the exit status is known before the reap, and after it", "[pidfd]") {
  const bool by_signal = GENERATE(false, true);
  Child child{[&] { return by_signal ? wait_for_ever() : 7; }};
  const int expected = by_signal ? SIGKILL : 7 << 8;
  const auto pidfd = open(child.pid());
  if (by_signal) {
    CHECK_FALSE(pidfd.exit_status());
    child.kill(SIGKILL);
  }
  child.await_zombie();
  CHECK(pidfd.exit_status() == expected);
  CHECK(child.wait() == expected);
  if (!has_exit_info(pidfd)) {
    proctor::tests::skip("this kernel has no PIDFD_INFO_EXIT (6.15)");
    return;
  }
  CHECK(pidfd.exit_status() == expected);
}

TEST_CASE("pidfd: the exit status of a process that is not a child", "[pidfd]") {
  const bool by_signal = GENERATE(false, true);
  struct State {
    std::atomic<pid_t> grandchild = 0;
    std::atomic<bool> end = false;
    std::atomic<bool> reap = false;
    std::atomic<bool> reaped = false;
  };
  Shared<State> state;
  const Child child{[&] {
    Child grandchild{[&] {
      eventually([&] { return state->end.load(); });
      if (by_signal) ::raise(SIGKILL);
      return 11;
    }};
    state->grandchild = grandchild.pid();
    eventually([&] { return state->reap.load(); });
    grandchild.wait();
    state->reaped = true;
    return wait_for_ever();
  }};
  const int expected = by_signal ? SIGKILL : 11 << 8;
  REQUIRE(eventually([&] { return state->grandchild != 0; }));
  const auto pidfd = open(state->grandchild);
  CHECK_FALSE(pidfd.exit_status());
  state->end = true;
  REQUIRE(is_readable(pidfd, 10'000));
  CHECK(pidfd.exit_status() == expected);
  state->reap = true;
  REQUIRE(eventually([&] { return state->reaped.load(); }));
  if (!has_exit_info(pidfd)) {
    proctor::tests::skip("this kernel has no PIDFD_INFO_EXIT (6.15)");
    return;
  }
  CHECK(pidfd.exit_status() == expected);
}

TEST_CASE("pidfd: a group whose leader alone has ended has no exit status", "[pidfd]") {
  Threaded target;
  const auto pidfd = open(target.tgid());
  target.end_leader();
  REQUIRE(eventually([&] { return read_proc_stat(target.tgid())->state == 'Z'; }));
  CHECK_FALSE(pidfd.exit_status());
  CHECK(pidfd.is_alive());
}

TEST_CASE("pidfd: who may not see a zombie's status is not told 0", "[pidfd]") {
  if (::geteuid() != 0) {
    proctor::tests::skip("needs root, for two users");
    return;
  }
  const int status = GENERATE(0, 7);
  Child child{[&] { return status; }};
  const auto pidfd = open(child.pid());
  child.await_zombie();
  CHECK(pidfd.exit_status() == status << 8);
  const int code = exit_code_of([&] {
    if (::setresuid(65534, 65534, 65534) != 0) return 1;
    if (read_proc_stat(pidfd.pid())->exit_status != 0) return 2;
    return pidfd.exit_status() ? 3 : 0;
  });
  CHECK(code == 0);
}

TEST_CASE("pidfd: a descriptor of the target, close-on-exec", "[pidfd]") {
  std::array<int, 2> ends{};
  REQUIRE(::pipe(ends.data()) == 0);
  const Child child{wait_for_ever};
  struct stat expected {};
  REQUIRE(::fstat(ends[0], &expected) == 0);
  ::close(ends[0]);
  ::close(ends[1]);

  const auto pidfd = open(child.pid());
  const auto fd = pidfd.get_fd(ends[0]);
  REQUIRE(fd);
  struct stat file {};
  REQUIRE(::fstat(fd->get(), &file) == 0);
  CHECK(file.st_ino == expected.st_ino);
  CHECK((::fcntl(fd->get(), F_GETFD) & FD_CLOEXEC) != 0);
  CHECK(pidfd.get_fd(1000).error().number == EBADF);
}

TEST_CASE("pidfd: a thread that unshared its descriptors is asked for its own", "[pidfd]") {
  constexpr int number = 500;
  const UniqueFd group_file{::open("/dev/null", O_RDONLY | O_CLOEXEC)};
  REQUIRE(::dup3(group_file.get(), number, O_CLOEXEC) == number);
  Threaded target{[] {
    ::unshare(CLONE_FILES);
    ::dup3(::open("/dev/zero", O_RDONLY | O_CLOEXEC), number, O_CLOEXEC);
  }};
  ::close(number);
  const auto thread = PidFd::open_thread(target.tid());
  if (!thread && thread.error().number == ENOTSUP) {
    proctor::tests::skip("this kernel has no PIDFD_THREAD (6.9)");
    return;
  }
  REQUIRE(thread);
  const auto device_of = [](const Result<UniqueFd>& fd) {
    struct stat file {};
    return fd && ::fstat(fd->get(), &file) == 0 ? file.st_rdev : dev_t{0};
  };
  struct stat zero {};
  struct stat null {};
  REQUIRE(::stat("/dev/zero", &zero) == 0);
  REQUIRE(::stat("/dev/null", &null) == 0);
  CHECK(device_of(thread->get_fd(number)) == zero.st_rdev);
  CHECK(device_of(open(target.tgid()).get_fd(number)) == null.st_rdev);
}

TEST_CASE("pidfd: a thread belongs to its group and to no other", "[pidfd]") {
  Threaded target;
  CHECK(is_thread_of(target.tgid(), target.tgid()));
  CHECK(is_thread_of(target.tgid(), target.tid()));
  CHECK_FALSE(is_thread_of(target.tid(), target.tid()));
  CHECK_FALSE(is_thread_of(::getpid(), target.tid()));
  CHECK_FALSE(is_thread_of(target.tgid(), ::getpid()));
  CHECK_FALSE(is_thread_of(0, 0));
  CHECK_FALSE(is_thread_of(-1, -1));
  target.end_thread();
  CHECK(eventually([&] { return !is_thread_of(target.tgid(), target.tid()); }));
}

TEST_CASE("pidfd: the parent is held, and nobody's is nothing", "[pidfd]") {
  Child child{[] { return 7; }};
  const auto held = open(child.pid());
  const auto parent = held.parent();
  REQUIRE(parent);
  CHECK(parent->pid() == ::getpid());
  CHECK(parent->is_alive());
  const auto of_first = open(1).parent();
  REQUIRE(of_first);
  CHECK(of_first->pid() == 0);
  CHECK_FALSE(*of_first);
  child.wait();
  const auto of_gone = held.parent();
  REQUIRE_FALSE(of_gone);
  CHECK(of_gone.error().number == ESRCH);
}

TEST_CASE("pidfd: an older kernel is asked through /proc", "[pidfd]") {
  Threaded target;
  Child ended{[] { return 7; }};
  const auto ended_fd = open(ended.pid());
  ended.await_zombie();
  const pid_t parent = ::getpid();
  const auto thread = PidFd::open_thread(target.tid());

  const int code = exit_code_of([&] {
    if (!pretend_older_kernel()) return 1;
    const auto group = PidFd::open(target.tgid());
    if (!group) return 2;
    const auto info = group->info();
    if (!info || info->tid != target.tgid() || info->tgid != target.tgid() || info->ppid != parent) return 3;
    if (info->fsuid != ::geteuid() || info->fsgid != ::getegid()) return 4;
    if (thread) {  // opened before this kernel was an older one
      const auto of_thread = thread->info();
      if (!of_thread || of_thread->tid != target.tid() || of_thread->tgid != target.tgid()) return 5;
    }
    const auto leader = PidFd::open_thread(target.tgid());
    if (!leader || !leader->is_alive()) return 6;
    const auto other = PidFd::open_thread(target.tid());
    if (other || other.error().number != ENOTSUP) return 7;
    const auto nobody = PidFd::open_thread(4'000'000);
    if (nobody || nobody.error().number != ESRCH) return 8;
    return ended_fd.exit_status() == 7 << 8 ? 0 : 9;
  });
  CHECK(code == 0);

  ended.wait();
  const int after_reap = exit_code_of([&] {
    if (!pretend_older_kernel()) return 1;
    if (ended_fd.exit_status()) return 2;
    const auto info = ended_fd.info();
    return info || info.error().number != ESRCH ? 3 : 0;
  });
  CHECK(after_reap == 0);
}
