#include "kernel/mounts.hpp"

#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>

#include "support/catch.hpp"

using namespace proctor::kernel;

TEST_CASE("mounts: the lines of mountinfo, unescaped, and nothing else") {
  const auto mounts = parse_mounts(
      "22 27 0:21 / /proc rw,relatime - proc proc rw\n"
      "\n"
      "23 27 8:22 / /sys rw,relatime shared:1 - sysfs proc rw\n"
      "24 27 0:6 /x\\040y /a\\040b\\134c\\011 rw shared:2 master:1 propagate_from:2 - proc none rw\n"
      " garbage - \n"
      "- proc\n"
      "25 24 0 /sys /no-device rw,relatime - proc proc rw\n"
      "26 24 0:24 / /no-type rw\n"
      "27 24 0:24 / /odd\\9x\\04 rw - proc proc rw");
  REQUIRE(mounts.size() == 4);
  CHECK(mounts[0].id == 22);
  CHECK(mounts[0].device == makedev(0, 21));
  CHECK(mounts[0].root == "/");
  CHECK(mounts[0].mount_point == "/proc");
  CHECK(mounts[0].type == "proc");
  CHECK(mounts[1].device == makedev(8, 22));
  CHECK(mounts[1].type == "sysfs");
  CHECK(mounts[2].root == "/x y");
  CHECK(mounts[2].mount_point == "/a b\\c\t");
  CHECK(mounts[3].id == 27);
  CHECK(mounts[3].mount_point == "/odd\\9x\\04");
  CHECK(parse_mounts("").empty());
}

TEST_CASE("mounts: those of a thread are the kernel's own") {
  const auto mounts = read_mounts(::getpid());
  REQUIRE(mounts);
  const auto root = std::ranges::find(*mounts, "/", &Mount::mount_point);
  REQUIRE(root != mounts->end());
  struct stat status {};
  REQUIRE(::stat("/", &status) == 0);
  CHECK(std::ranges::any_of(*mounts, [&](const Mount& mount) { return mount.device == status.st_dev; }));
  CHECK(read_own_mounts()->size() == mounts->size());
  CHECK_FALSE(read_mounts(4194305));  // nobody ever has this number
}
