#include "kernel/one_cpu.hpp"

#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <thread>

#include "support/catch.hpp"
#include "tests/kernel/child.hpp"

namespace proctor::kernel {
namespace {

using Cpus = std::vector<unsigned>;

Cpus allowed(pid_t tid) {
  const auto cpus = allowed_cpus(tid);
  REQUIRE(cpus);
  return *cpus;
}

/// The CPUs of this thread; what it was kept to is undone at the end.
struct Several {
  Cpus cpus = allowed(0);
  ~Several() { static_cast<void>(set_allowed_cpus(0, cpus)); }
  [[nodiscard]] bool are() const {
    if (cpus.size() < 2) proctor::tests::skip("a machine with one CPU");
    return cpus.size() > 1;
  }
};

}  // namespace

TEST_CASE("one cpu: two threads stay on one, and are then as they were", "[one_cpu]") {
  const Several ours;
  if (!ours.are()) return;
  const bool restricted = GENERATE(false, true);
  CAPTURE(restricted);
  const Cpus theirs = restricted ? Cpus{ours.cpus[0], ours.cpus[1]} : ours.cpus;
  const tests::Child child(tests::wait_for_ever);
  REQUIRE(set_allowed_cpus(child.pid(), theirs));
  OneCpu one_cpu;
  if (restricted) one_cpu.expect_restricted(child.pid());
  for (int i = 0; i < 2; ++i) {
    {
      const auto stay = one_cpu.with(child.pid());
      const auto here = allowed(0);
      REQUIRE(here.size() == 1);
      CHECK(allowed(child.pid()) == here);
      CHECK(::sched_getcpu() == static_cast<int>(here.front()));
      errno = EXDEV;
    }
    CHECK(errno == EXDEV);
    CHECK(allowed(0) == ours.cpus);
    CHECK(allowed(child.pid()) == theirs);
  }
}

TEST_CASE("one cpu: a calling thread that is, or comes to be, restricted stays so", "[one_cpu]") {
  const Several ours;
  if (!ours.are()) return;
  const bool later = GENERATE(false, true);
  CAPTURE(later);
  const tests::Child other(tests::wait_for_ever);
  OneCpu one_cpu;
  if (later) static_cast<void>(one_cpu.with(other.pid()));
  const Cpus last{ours.cpus.back()};
  REQUIRE(set_allowed_cpus(0, last));
  for (int i = 0; i < 2; ++i) {
    const auto stay = one_cpu.with(other.pid());
    CHECK(allowed(other.pid()) == last);
  }
  CHECK(allowed(0) == last);
  CHECK(allowed(other.pid()) == ours.cpus);
}

TEST_CASE("one cpu: a leader whose number another thread may take is left alone", "[one_cpu]") {
  const Several ours;
  if (!ours.are()) return;
  tests::Shared<std::atomic<pid_t>> tid;
  const tests::Child child([&] {
    std::thread([&] {
      *tid = static_cast<pid_t>(::syscall(SYS_gettid));
      tests::wait_for_ever();
    }).join();
    return 0;
  });
  REQUIRE(tests::eventually([&] { return *tid != 0; }));
  OneCpu one_cpu;
  {
    const auto stay = one_cpu.with(child.pid());
    CHECK(allowed(child.pid()) == ours.cpus);
    CHECK(allowed(0) == ours.cpus);
  }
  const auto stay = one_cpu.with(*tid);
  CHECK(allowed(*tid).size() == 1);
}

TEST_CASE("one cpu: where the other cannot be moved, or has CPUs of its own, nothing is done", "[one_cpu]") {
  const auto ours = allowed(0);
  OneCpu one_cpu;
  tests::Child gone([] { return 0; });
  gone.wait();
  {
    const auto stay = one_cpu.with(gone.pid());
    CHECK(allowed(0) == ours);
  }
  const tests::Child elsewhere(tests::wait_for_ever);
  const Cpus theirs(ours.begin(), ours.end() - (ours.size() > 1 ? 1 : 0));
  REQUIRE(set_allowed_cpus(elsewhere.pid(), theirs));
  if (theirs == ours) return;
  const auto stay = one_cpu.with(elsewhere.pid());
  CHECK(allowed(0) == ours);
  CHECK(allowed(elsewhere.pid()) == theirs);
}

}  // namespace proctor::kernel
