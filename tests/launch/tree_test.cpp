#include "launch/tree.hpp"

#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <fstream>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

#include "kernel/proc_stat.hpp"
#include "launch/harden.hpp"
#include "program.hpp"
#include "support/catch.hpp"

using namespace proctor;

namespace {

/// In a child of the test's: becomes a subreaper, lets `grow` make a tree, ends it, and looks whether
/// anything is left. Returns the child's exit status: 0 is good.
int end_a_tree(const std::function<void()>& grow) {
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    if (!launch::become_subreaper()) ::_exit(2);
    grow();
    launch::end_tree();
    ::_exit(::waitpid(-1, nullptr, __WALL) < 0 && errno == ECHILD ? 0 : 3);
  }
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return status;
}

/// A child that runs `body`, which does not return.
pid_t spawn(const std::function<void()>& body) {
  const pid_t child = ::fork();
  if (child == 0) {
    body();
    ::_exit(0);
  }
  return child;
}

void sleep_for_ever() {
  for (;;) ::pause();
}

/// Waits until somebody wrote to the pipe.
void await(const test::Pipe& pipe) {
  char byte = 0;
  (void)!::read(pipe.read.get(), &byte, 1);
}

void announce(const test::Pipe& pipe) { (void)!::write(pipe.write.get(), "x", 1); }

/// How often a process has gone to sleep so far; -1: it is gone.
long sleeps_of(pid_t pid) {
  constexpr std::string_view name = "voluntary_ctxt_switches:";
  std::ifstream status("/proc/" + std::to_string(pid) + "/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with(name)) return std::stol(line.substr(name.size()));
  return -1;
}

}  // namespace

TEST_CASE("end_tree: nothing to end") {
  CHECK(end_a_tree([] {}) == 0);
}

TEST_CASE("end_tree: children, grandchildren, stopped ones and ones that ignore signals") {
  CHECK(end_a_tree([] {
          const test::Pipe ready;
          spawn([&] {
            spawn([&] {
              ::signal(SIGTERM, SIG_IGN);
              announce(ready);
              sleep_for_ever();
            });
            spawn([&] {
              announce(ready);
              ::raise(SIGSTOP);
            });
            announce(ready);
            sleep_for_ever();
          });
          for (int i = 0; i < 3; ++i) await(ready);
        }) == 0);
}

TEST_CASE("end_tree: a process that left its session and lost its parent") {
  CHECK(end_a_tree([] {
          const test::Pipe ready;
          spawn([&] {
            spawn([&] {
              ::setsid();
              spawn([&] {
                announce(ready);
                sleep_for_ever();
              });
            });
          });
          await(ready);
        }) == 0);
}

TEST_CASE("end_tree: a subreaper within does not keep its orphans") {
  CHECK(end_a_tree([] {
          const test::Pipe ready;
          spawn([&] {
            ::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
            spawn([&] {
              spawn([&] {
                announce(ready);
                sleep_for_ever();
              });
            });
            sleep_for_ever();
          });
          await(ready);
        }) == 0);
}

TEST_CASE("end_tree: a process that forks and exits for ever cannot outrun it") {
  CHECK(end_a_tree([] {
          const test::Pipe ready;
          spawn([&] {
            for (int generation = 0;; ++generation) {
              if (generation == 50) announce(ready);
              ::setsid();
              const pid_t next = ::fork();
              if (next != 0) ::_exit(0);  // the parent dies, the child runs on
            }
          });
          await(ready);
        }) == 0);
}

TEST_CASE("end_tree: a fork bomb at its limit") {
  if (::geteuid() != 0) {
    proctor::tests::skip("needs root, to give the bomb a user, and so a limit, of its own");
    return;
  }
  CHECK(end_a_tree([] {
          const test::Pipe ready;
          spawn([&] {
            const rlimit processes{40, 40};
            ::setrlimit(RLIMIT_NPROC, &processes);
            if (::setresgid(61234, 61234, 61234) != 0 || ::setresuid(61234, 61234, 61234) != 0) ::_exit(1);
            for (bool told = false;;) {
              if (::fork() >= 0) continue;
              // The limit is reached. Said once by each: more would fill the pipe and block the bomb.
              if (!std::exchange(told, true)) announce(ready);
              ::sched_yield();
            }
          });
          await(ready);
        }) == 0);
}

TEST_CASE("end_tree: who has no descriptor to look at the tree waits for one, and leaves nobody behind") {
  const test::Pipe told;
  const pid_t child = spawn([&] {
    if (!launch::become_subreaper()) ::_exit(2);
    const pid_t spared = spawn(sleep_for_ever);
    const auto bystanders = launch::Bystanders::note();
    const pid_t doomed = spawn(sleep_for_ever);
    rlimit before{};
    ::getrlimit(RLIMIT_NOFILE, &before);
    // One less than the next to be opened would need.
    const rlimit none{static_cast<rlim_t>(::dup(0)), before.rlim_max};
    ::setrlimit(RLIMIT_NOFILE, &none);
    (void)!::write(told.write.get(), "x", 1);
    launch::end_tree(bystanders);
    ::setrlimit(RLIMIT_NOFILE, &before);
    const bool right = !test::is_running(doomed) && test::is_running(spared);
    ::kill(doomed, SIGKILL);
    ::kill(spared, SIGKILL);
    ::_exit(right ? 0 : 3);
  });
  await(told);
  const long at_first = sleeps_of(child);
  // It looks at the tree in vain, with a sleep before it looks again.
  CHECK(test::eventually([&] { return sleeps_of(child) < 0 || sleeps_of(child) >= at_first + 3; }));
  rlimit all{};
  ::prlimit(child, RLIMIT_NOFILE, nullptr, &all);
  all.rlim_cur = all.rlim_max;
  ::prlimit(child, RLIMIT_NOFILE, &all, nullptr);
  int status = -1;
  CHECK(::waitpid(child, &status, 0) == child);
  CHECK(status == 0);
}
