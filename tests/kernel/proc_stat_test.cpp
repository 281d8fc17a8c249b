#include "kernel/proc_stat.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <fstream>
#include <string>
#include <thread>

#include "support/catch.hpp"
#include "tests/kernel/child.hpp"

using namespace proctor::kernel;
using namespace proctor::tests;

namespace {

/// A line with every field its own number, so that a wrong one shows.
std::string line_with_comm(std::string_view comm) {
  auto line = fmt::format("17 ({}) S", comm);
  for (int field = 4; field <= 52; ++field)
    line += field == 8 ? std::string{" -1"} : fmt::format(" {}", field);
  return line + "\n";
}

bool contains(const std::vector<pid_t>& pids, pid_t pid) {
  return std::find(pids.begin(), pids.end(), pid) != pids.end();
}

}  // namespace

TEST_CASE("proc_stat: each field is where proc(5) says", "[proc_stat]") {
  const auto stat = parse_proc_stat(line_with_comm("bash"));
  REQUIRE(stat);
  CHECK(stat->pid == 17);
  CHECK(stat->comm == "bash");
  CHECK(stat->state == 'S');
  CHECK(stat->ppid == 4);
  CHECK(stat->pgrp == 5);
  CHECK(stat->session == 6);
  CHECK(stat->threads == 20);
  CHECK(stat->start_time_ticks == 22);
  CHECK(stat->virtual_bytes == 23);
  CHECK(stat->resident_pages == 24);
  CHECK(stat->start_code == 26);
  CHECK(stat->start_stack == 28);
  CHECK(stat->start_brk == 47);
  CHECK(stat->arg_start == 48);
  CHECK(stat->exit_status == 52);
}

TEST_CASE("proc_stat: a comm cannot pass for the fields after it", "[proc_stat]") {
  const std::string comm =
      GENERATE(as<std::string>{}, ") R 1", "a) R 1 (b", "(", ")", "", " ", "a\nb) Z 0", ") ");
  const auto stat = parse_proc_stat(line_with_comm(comm));
  REQUIRE(stat);
  CHECK(stat->comm == comm);
  CHECK(stat->state == 'S');
  CHECK(stat->ppid == 4);
}

TEST_CASE("proc_stat: later kernels' further fields are ignored", "[proc_stat]") {
  auto line = line_with_comm("x");
  line.replace(line.size() - 1, 1, " 53 54\n");
  CHECK(parse_proc_stat(line));
}

TEST_CASE("proc_stat: what is no stat line is EPROTO", "[proc_stat]") {
  const std::string whole = line_with_comm("bash");
  for (std::size_t length = 0; length + 3 < whole.size(); ++length) {
    const auto stat = parse_proc_stat(std::string_view{whole}.substr(0, length));
    REQUIRE_FALSE(stat);
    REQUIRE(stat.error().number == EPROTO);
  }
  CHECK_FALSE(parse_proc_stat("17 bash S 1 2 3"));
  CHECK_FALSE(parse_proc_stat(") (17"));
  CHECK_FALSE(parse_proc_stat("x" + whole));
  CHECK_FALSE(parse_proc_stat("99999999999" + whole));
  auto letters = whole;
  letters.replace(letters.find(" 22 "), 4, " 2x ");
  CHECK_FALSE(parse_proc_stat(letters));
  auto gap = whole;  // would shift every later field by one
  gap.replace(gap.find(" 9 "), 3, " 9  ");
  CHECK_FALSE(parse_proc_stat(gap));
  auto two_states = whole;
  two_states.replace(two_states.find(") S"), 3, ") SS");
  CHECK_FALSE(parse_proc_stat(two_states));
}

TEST_CASE("proc_stat: reads a real process named \") R 1\"", "[proc_stat]") {
  Shared<std::atomic<bool>> named;
  const Child child{[&] {
    ::prctl(PR_SET_NAME, ") R 1");
    *named = true;
    return wait_for_ever();
  }};
  REQUIRE(eventually([&] { return named->load(); }));
  REQUIRE(eventually([&] { return read_proc_stat(child.pid())->state == 'S'; }));
  const auto stat = read_proc_stat(child.pid());
  REQUIRE(stat);
  CHECK(stat->pid == child.pid());
  CHECK(stat->comm == ") R 1");
  CHECK(stat->ppid == ::getpid());
  CHECK(stat->pgrp == ::getpgrp());
  CHECK(stat->session == ::getsid(0));
  CHECK(stat->start_time_ticks >= read_proc_stat(::getpid())->start_time_ticks);
  CHECK(stat->virtual_bytes > 0);
  CHECK(stat->start_code > 0);
  CHECK(stat->start_stack > 0);
  CHECK(stat->arg_start > 0);
}

TEST_CASE("proc_stat: a zombie shows how it ended, and is gone after the reap", "[proc_stat]") {
  Child child{[] { return 7; }};
  const pid_t pid = child.pid();
  child.await_zombie();
  const auto stat = read_proc_stat(pid);
  REQUIRE(stat);
  CHECK(stat->state == 'Z');
  CHECK(stat->exit_status == 7 << 8);
  child.wait();
  const auto later = read_proc_stat(pid);
  REQUIRE_FALSE(later);
  CHECK((later.error().number == ENOENT || later.error().number == ESRCH));
  CHECK(later.error().operation == fmt::format("open /proc/{}/stat", pid));
}

TEST_CASE("proc_stat: threads and children of a group, of its other threads too", "[proc_stat]") {
  struct State {
    std::atomic<pid_t> tid = 0;
    std::atomic<pid_t> child_of_main = 0;
    std::atomic<pid_t> child_of_thread = 0;
  };
  Shared<State> state;
  const Child child{[&] {
    const auto fork_one = [self = ::getpid()] {
      const pid_t pid = ::fork();
      if (pid == 0) {
        die_with(self);
        wait_for_ever();
      }
      return pid;
    };
    state->child_of_main = fork_one();
    std::thread thread{[&] {
      state->tid = static_cast<pid_t>(::syscall(SYS_gettid));
      state->child_of_thread = fork_one();
      wait_for_ever();
    }};
    thread.join();
    return 0;
  }};
  REQUIRE(eventually([&] { return state->child_of_thread != 0; }));
  const auto threads = read_threads(child.pid());
  REQUIRE(threads);
  // In the order of their numbers, which begin anew one day.
  const auto sorted = [](std::vector<pid_t> pids) {
    std::sort(pids.begin(), pids.end());
    return pids;
  };
  CHECK(*threads == sorted({child.pid(), state->tid}));
  CHECK_FALSE(has_one_thread(child.pid()));
  CHECK(has_one_thread(state->child_of_main));
  CHECK_FALSE(has_one_thread(0));

  const auto children = read_children(child.pid());
  if (!children && children.error().number == ENOTSUP) {
    proctor::tests::skip("this kernel has no /proc/PID/task/TID/children");
    return;
  }
  REQUIRE(children);
  CHECK(*children == sorted({state->child_of_main, state->child_of_thread}));
}

TEST_CASE("proc_stat: a group that is gone has neither threads nor children", "[proc_stat]") {
  Child child{[] { return 0; }};
  const pid_t pid = child.pid();
  child.wait();
  const auto threads = read_threads(pid);
  REQUIRE_FALSE(threads);
  CHECK(threads.error().number == ENOENT);
  const auto children = read_children(pid);
  REQUIRE_FALSE(children);
  CHECK(children.error().number == ENOENT);
}

TEST_CASE("proc_stat: all pids are ascending and hold this process and its child", "[proc_stat]") {
  const Child child{wait_for_ever};
  const auto pids = read_all_pids();
  REQUIRE(pids);
  CHECK(std::is_sorted(pids->begin(), pids->end()));
  CHECK(contains(*pids, ::getpid()));
  CHECK(contains(*pids, child.pid()));
}

TEST_CASE("proc_stat: children files of any length, a kernel without them, groups that end meanwhile",
          "[proc_stat]") {
  if (::geteuid() != 0) {
    proctor::tests::skip("needs root, to put a made-up /proc in place");
    return;
  }
  const int code = exit_code_of([] {
    if (::unshare(CLONE_NEWNS) != 0 || ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
      return 1;
    if (::mount("none", "/proc", "tmpfs", 0, nullptr) != 0) return 2;
    for (const char* path :
         {"/proc/10", "/proc/10/task", "/proc/10/task/10", "/proc/20", "/proc/20/task", "/proc/20/task/20",
          "/proc/20/task/21", "/proc/30", "/proc/30/task", "/proc/40", "/proc/40/task"})
      if (::mkdir(path, 0755) != 0) return 3;
    const auto without = read_children(10);
    if (without || without.error().number != ENOTSUP) return 4;

    std::vector<pid_t> expected;
    std::ofstream leader{"/proc/20/task/20/children"};
    for (pid_t pid = 5; pid < 4'000'000; pid += 997) leader << pid << ' ', expected.push_back(pid);
    leader.close();
    std::ofstream{"/proc/20/task/21/children"} << "5 7 ";
    expected.insert(expected.begin() + 1, 7);
    const auto children = read_children(20);
    if (!children) return 5;
    if (*children != expected) return 6;

    const auto ended = read_threads(30);  // as when the group ends while it is listed
    if (ended || ended.error().number != ENOENT) return 7;
    if (::symlink("gone", "/proc/40/task/40") != 0) return 8;  // a thread that is always just gone
    const auto restless = read_children(40);
    return restless || restless.error().number != EAGAIN ? 9 : 0;
  });
  CHECK(code == 0);
}
