#include "kernel/result.hpp"

#include "support/catch.hpp"

using proctor::kernel::errno_name;
using proctor::kernel::Error;
using proctor::kernel::Result;

TEST_CASE("result: an error says what was attempted and why it failed", "[result]") {
  CHECK(Error{ESRCH, "open /proc/17/mem"}.message() == "open /proc/17/mem: No such process (ESRCH)");
  CHECK(Error{4242, "try"}.message() == "try: Unknown error (errno 4242)");
}

TEST_CASE("result: every errno has its name, and others their number", "[result]") {
  CHECK(errno_name(ENOENT) == "ENOENT");
  CHECK(errno_name(EFAULT) == "EFAULT");
  CHECK(errno_name(4242) == "errno 4242");
  CHECK(errno_name(-1) == "errno -1");
}

TEST_CASE("result: holds a value or an error", "[result]") {
  const Result<int> value{7};
  REQUIRE(value);
  CHECK(*value == 7);
  const Result<int> error{Error{EIO, "read"}};
  REQUIRE_FALSE(error);
  CHECK(error.error().number == EIO);
  CHECK(Result<void>{});
  CHECK_FALSE(Result<void>{Error{EIO, "read"}});
}
