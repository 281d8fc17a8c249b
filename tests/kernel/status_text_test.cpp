#include "kernel/status_text.hpp"

#include <sys/syscall.h>
#include <unistd.h>

#include "support/catch.hpp"

using namespace proctor::kernel;

TEST_CASE("status: lines are found by their whole name, and never in another's value") {
  const StatusText text("Name:\tTgid:\t1\nxPid:\t2\nPid:\t3\nUid:\t4 5\t6\nBad:\t7 x\nMask:\t00ff\nCut:\t8");
  CHECK(text.line("Name") == "\tTgid:\t1");
  CHECK_FALSE(text.line("Tgid"));
  CHECK(text.number<int>("Pid") == 3);
  CHECK(text.numbers<int>("Uid") == std::vector{4, 5, 6});
  CHECK_FALSE(text.number<int>("Uid"));  // more than one
  CHECK_FALSE(text.numbers<int>("Bad"));
  CHECK(text.number<unsigned>("Mask", 16) == 255U);
  CHECK_FALSE(text.line("Cut"));
  CHECK_FALSE(text.number<int>("Nothing"));
}

TEST_CASE("status: a thread's own is read") {
  const auto own = read_own_status();
  REQUIRE(own);
  CHECK(StatusText(*own).number<pid_t>("Pid") == static_cast<pid_t>(::syscall(SYS_gettid)));
  const auto same = read_status(::getpid());
  REQUIRE(same);
  CHECK(StatusText(*same).number<pid_t>("Tgid") == ::getpid());
  CHECK_FALSE(read_status(4194305));  // nobody ever has this number
}
