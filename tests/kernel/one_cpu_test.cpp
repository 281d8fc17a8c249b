#include "kernel/one_cpu.hpp"

#include <sched.h>

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

}  // namespace

TEST_CASE("one cpu: two threads stay on one, and are then as they were", "[one_cpu]") {
  const auto ours = allowed(0);
  if (ours.size() < 2) return proctor::tests::skip("a machine with one CPU");
  const bool restricted = GENERATE(false, true);
  CAPTURE(restricted);
  const Cpus theirs = restricted ? Cpus{ours[0], ours[1]} : ours;
  const tests::Child child(tests::wait_for_ever);
  REQUIRE(set_allowed_cpus(child.pid(), theirs));
  OneCpu one_cpu;
  {
    const auto stay = one_cpu.with(child.pid());
    const auto here = allowed(0);
    REQUIRE(here.size() == 1);
    CHECK(allowed(child.pid()) == here);
    CHECK(::sched_getcpu() == static_cast<int>(here.front()));
  }
  CHECK(allowed(0) == ours);
  CHECK(allowed(child.pid()) == theirs);
}

TEST_CASE("one cpu: a calling thread that is restricted stays so", "[one_cpu]") {
  const auto ours = allowed(0);
  if (ours.size() < 2) return proctor::tests::skip("a machine with one CPU");
  const Cpus last{ours.back()};
  const tests::Child other(tests::wait_for_ever);
  tests::Child child([&] {
    if (!set_allowed_cpus(0, last)) return 1;
    OneCpu one_cpu;
    for (int i = 0; i < 2; ++i) {
      const auto stay = one_cpu.with(other.pid());
      const auto now = allowed_cpus(other.pid());
      if (!now || *now != last) return 2;
    }
    const auto own = allowed_cpus(0), others = allowed_cpus(other.pid());
    return own && *own == last && others && *others == ours ? 0 : 3;
  });
  CHECK(child.wait() == 0);
}

TEST_CASE("one cpu: where the other cannot be moved nothing is", "[one_cpu]") {
  const auto ours = allowed(0);
  OneCpu one_cpu;
  tests::Child gone([] { return 0; });
  gone.wait();
  {
    const auto stay = one_cpu.with(gone.pid());
    CHECK(allowed(0) == ours);
  }
  const tests::Child elsewhere(tests::wait_for_ever);
  REQUIRE(set_allowed_cpus(elsewhere.pid(), Cpus{ours.front()}));
  {
    const auto stay = one_cpu.with(elsewhere.pid());
    CHECK(allowed(0) == ours);
    CHECK(allowed(elsewhere.pid()) == Cpus{ours.front()});
  }
}

}  // namespace proctor::kernel
