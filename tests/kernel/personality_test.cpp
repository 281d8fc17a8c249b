#include "kernel/personality.hpp"

#include <sys/personality.h>
#include <unistd.h>

#include <atomic>
#include <string>

#include "support/catch.hpp"
#include "tests/kernel/child.hpp"

namespace proctor::kernel {

using tests::Child;
using tests::Shared;
using tests::wait_for_ever;

TEST_CASE("personality: a thread is told what the kernel tells it, and the asking one keeps its own") {
  utsname plain{};
  REQUIRE(::uname(&plain) == 0);
  const int before = ::personality(0xffffffff);
  constexpr unsigned long machine = PER_LINUX32;
  constexpr unsigned long release = UNAME26;
  constexpr unsigned long neither = ADDR_NO_RANDOMIZE;
  for (const unsigned long personality : {0UL, machine, release, machine | release, neither}) {
    CAPTURE(personality);
    struct Told {
      utsname name;
      std::atomic<bool> done = false;
    };
    Shared<Told> child_told;
    const Child child{[&] {
      ::personality(personality);
      ::uname(&child_told->name);
      child_told->done = true;
      wait_for_ever();
      return 0;
    }};
    REQUIRE(tests::eventually([&] { return child_told->done.load(); }));
    const auto told = uname_for(child.pid());
    REQUIRE(told);
    CHECK(std::string(told->machine) == child_told->name.machine);
    CHECK(std::string(told->release) == child_told->name.release);
    CHECK((std::string(told->machine) == plain.machine) == ((personality & machine) == 0));
    CHECK((std::string(told->release) == plain.release) == ((personality & release) == 0));
  }
  CHECK(::personality(0xffffffff) == before);
}

TEST_CASE("personality: of nobody, what everybody is told") {
  utsname plain{};
  REQUIRE(::uname(&plain) == 0);
  const auto told = uname_for(4194305);
  REQUIRE(told);
  CHECK(std::string(told->machine) == plain.machine);
}

}  // namespace proctor::kernel
