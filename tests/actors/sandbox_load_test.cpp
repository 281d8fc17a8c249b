// Many processes, many sandboxes: what is left of them, and what each of them costs.
#include <malloc.h>
#include <sys/resource.h>
#include <unistd.h>

#include "sandbox_fixture.hpp"

namespace proctor::tests {
namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool memory_is_ours = false;  // the sanitizers' own bookkeeping would be measured
#else
constexpr bool memory_is_ours = true;
#endif

/// Memory of this process that is in use now, as the kernel counts.
std::size_t resident_bytes() {
  ::malloc_trim(0);
  std::ifstream file("/proc/self/statm");
  std::size_t total = 0, resident = 0;
  file >> total >> resident;
  return resident * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

/// A pidfd per process needs more than the usual 1024.
bool allow_fds(rlim_t wanted) {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  if (limit.rlim_max < wanted) return false;
  limit.rlim_cur = std::max(limit.rlim_cur, wanted);
  return ::setrlimit(RLIMIT_NOFILE, &limit) == 0;
}

}  // namespace

TEST_CASE("sandbox: after its end no actor, descriptor or thread is left") {
  TestSystem actors;
  const auto once = [&] {
    RunningSandbox sandbox{actors.system};
    REQUIRE(sandbox.stage.ask_number("children 5") > 0);
    REQUIRE(sandbox.stage.ask("threads 3") == "ok");
    REQUIRE(sandbox.end());
  };
  once();  // what is made once and kept, like CAF's own threads, is not counted
  REQUIRE(eventually([&] { return actors.system.registry().running() == 0; }));
  const Holdings before{actors.system};
  for (int i = 0; i < 3; ++i) once();
  CHECK(eventually([&] { return Holdings{actors.system}.is_within(before); }));
}

TEST_CASE("sandbox: 10,000 processes come and go, and nothing of them is left") {
  constexpr int processes = 10'000;
  constexpr int round = 2'500;
  TestSystem actors;
  RunningSandbox sandbox{actors.system};
  REQUIRE(sandbox.stage.ask("churn 100") == "ok");
  // This voice, the sandbox's four, and the target's.
  REQUIRE(eventually([&] { return actors.system.registry().running() == 6; }));
  const auto notified = sandbox.describe()->notifications;
  const Holdings before{actors.system};
  for (int done = 0; done < processes; done += round)
    REQUIRE(sandbox.stage.ask("churn " + std::to_string(round)) == "ok");
  CHECK(eventually([&] {
    return Holdings{actors.system}.is_within(before) && sandbox.thread->processes()->processes.size() == 1;
  }));
  const auto after = sandbox.describe();
  CHECK(after->processes.size() == 1);
  CHECK(sandbox.thread->processes()->threads.size() == 0);
  CHECK(after->notifications >= notified + processes);  // each was heard of
  CHECK(after->in_flight == 0);
}

TEST_CASE("sandbox: a tracked process costs at most 8 kB of the supervisor's memory") {
  constexpr int processes = 1000;
  if (!memory_is_ours) return;
  if (!allow_fds(4096)) return skip("the limit of open files is below 4096");
  TestSystem actors;
  RunningSandbox sandbox{actors.system};
  REQUIRE(sandbox.stage.ask("churn 100") == "ok");
  const auto before = resident_bytes();
  const auto last = sandbox.stage.ask("children " + std::to_string(processes));
  if (last == "errno " + std::to_string(EAGAIN)) return skip("too few processes allowed");
  REQUIRE(std::atoi(last.c_str()) > 0);
  REQUIRE(sandbox.thread->processes()->processes.size() == processes + 1);
  const auto after = resident_bytes();
  const auto each = after > before ? (after - before) / processes : 0;
  CAPTURE(each);
  CHECK(each <= 8 * 1024);
  REQUIRE(sandbox.end());
}

TEST_CASE("sandbox: a sandbox costs at most 256 kB of the supervisor's memory") {
  constexpr std::size_t sandboxes = 50;
  if (!memory_is_ours) return;
  TestSystem actors;
  std::vector<std::unique_ptr<RunningSandbox>> all;
  all.reserve(sandboxes + 1);
  all.push_back(std::make_unique<RunningSandbox>(actors.system));
  REQUIRE(all.back()->stage.ask("ask") == "ok");
  const auto before = resident_bytes();
  for (std::size_t i = 0; i < sandboxes; ++i) {
    all.push_back(std::make_unique<RunningSandbox>(actors.system));
    REQUIRE(all.back()->stage.ask("read /proc/self/comm") == "read sandbox_stage");
  }
  const auto after = resident_bytes();
  const auto each = after > before ? (after - before) / sandboxes : 0;
  CAPTURE(each);
  CHECK(each <= 256 * 1024);
  // Each sees only itself.
  const auto first = std::to_string(all.front()->stage.target);
  CHECK(all.back()->stage.ask("kill-check " + first) == "errno " + std::to_string(ESRCH));
  CHECK(all.back()->stage.ask("read /proc/" + first + "/comm") == "errno " + std::to_string(ENOENT));
  for (auto& sandbox : all) REQUIRE(sandbox->end());
}

}  // namespace proctor::tests
