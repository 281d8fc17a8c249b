#include "kernel/record_locks.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>

#include "kernel/unique_fd.hpp"
#include "support/catch.hpp"

namespace proctor::kernel {

TEST_CASE("record locks: what is held is read, and nothing else") {
  const auto locks = parse_record_locks(
      "1: POSIX  ADVISORY  WRITE 3568 fd:00:2531452 0 EOF\n"
      "1: -> POSIX  ADVISORY  WRITE 3569 fd:00:2531452 5 9\n"
      "2: FLOCK  ADVISORY  WRITE 1101 08:01:7 0 EOF\n"
      "3: OFDLCK ADVISORY  READ -1 08:01:77 10 19\n"
      "4: LEASE  ACTIVE    READ 12 08:01:78 0 EOF\n"
      "5: POSIX  ADVISORY  WRITE x 08:01:79 0 EOF\n"
      "garbage\n"
      "6: POSIX  ADVISORY  READ 1 08:01:80 0 0");
  REQUIRE(locks.size() == 3);
  CHECK(locks[0].file == "fd:00:2531452");
  CHECK(locks[0].inode == 2531452);
  CHECK(locks[0].exclusive);
  CHECK(locks[0].holder == 3568);
  CHECK(locks[0].range == ByteRange{0, ByteRange::to_the_end});
  CHECK(locks[1].holder == -1);
  CHECK_FALSE(locks[1].exclusive);
  CHECK(locks[1].range == ByteRange{10, 19});
  CHECK(locks[2].range == ByteRange{0, 0});
  CHECK(parse_record_locks("").empty());
  CHECK(parse_record_locks("\n\n").empty());
}

TEST_CASE("record locks: ranges overlap where they share a byte") {
  CHECK(ByteRange{0, 9}.overlaps({9, 9}));
  CHECK_FALSE(ByteRange{0, 9}.overlaps({10, 19}));
  CHECK(ByteRange{5, ByteRange::to_the_end}.overlaps({1000, 1000}));
  CHECK_FALSE(ByteRange{5, 6}.overlaps({0, 4}));
}

TEST_CASE("record locks: one that this process takes is listed") {
  const UniqueFd file{::open(".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600)};
  const UniqueFd elsewhere{file ? -1 : ::open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600)};
  const int fd = file ? file.get() : elsewhere.get();
  REQUIRE(fd >= 0);
  struct flock wanted {};
  wanted.l_type = F_WRLCK;
  wanted.l_start = 4711;
  wanted.l_len = 3;
  REQUIRE(::fcntl(fd, F_SETLK, &wanted) == 0);
  const auto locks = read_record_locks();
  REQUIRE(locks);
  CHECK(std::ranges::any_of(*locks, [](const RecordLock& lock) {
    return lock.holder == ::getpid() && lock.exclusive && lock.range == ByteRange{4711, 4713};
  }));
}

}  // namespace proctor::kernel
