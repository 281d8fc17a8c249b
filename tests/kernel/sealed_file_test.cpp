#include "kernel/sealed_file.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "support/catch.hpp"

namespace proctor::kernel {

TEST_CASE("sealed file: read in pieces, from anywhere, to its end") {
  const auto file = make_sealed_file("proctor:test", "one two\n");
  REQUIRE(file);
  std::array<char, 16> bytes{};
  CHECK(::read(file->get(), bytes.data(), 4) == 4);
  CHECK(std::string_view(bytes.data(), 4) == "one ");
  CHECK(::read(file->get(), bytes.data(), bytes.size()) == 4);
  CHECK(::read(file->get(), bytes.data(), bytes.size()) == 0);
  CHECK(::pread(file->get(), bytes.data(), 3, 4) == 3);
  CHECK(std::string_view(bytes.data(), 3) == "two");
  struct stat status {};
  REQUIRE(::fstat(file->get(), &status) == 0);
  CHECK((status.st_mode & 07777U) == 0444);
}

TEST_CASE("sealed file: an empty one is at its end") {
  const auto file = make_sealed_file("proctor:empty", "");
  REQUIRE(file);
  char byte = 0;
  CHECK(::read(file->get(), &byte, 1) == 0);
}

TEST_CASE("sealed file: nobody changes it, by whatever descriptor") {
  const auto file = make_sealed_file("proctor:test", "true");
  REQUIRE(file);
  CHECK(::write(file->get(), "x", 1) == -1);
  CHECK(errno == EBADF);
  // Its owner may make it writable again, and open it anew.
  const auto path = "/proc/self/fd/" + std::to_string(file->get());
  REQUIRE(::fchmod(file->get(), 0666) == 0);
  const UniqueFd again(::open(path.c_str(), O_RDWR | O_CLOEXEC));
  REQUIRE(again);
  CHECK(::write(again.get(), "x", 1) == -1);
  CHECK(errno == EPERM);
  CHECK(::ftruncate(again.get(), 0) == -1);
  CHECK(::mmap(nullptr, 4, PROT_WRITE, MAP_SHARED, again.get(), 0) == MAP_FAILED);
}

TEST_CASE("sealed file: its name and its flags are told by a descriptor") {
  const auto file = make_sealed_file("proctor:/proc/meminfo", "x");
  REQUIRE(file);
  CHECK(memfd_name(::getpid(), file->get()) == "proctor:/proc/meminfo");
  CHECK(is_close_on_exec(::getpid(), file->get()));
  const UniqueFd kept(::dup(file->get()));
  CHECK_FALSE(is_close_on_exec(::getpid(), kept.get()));
  const UniqueFd other(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  CHECK(memfd_name(::getpid(), other.get()).empty());
  CHECK(memfd_name(::getpid(), 1 << 20).empty());
}

}  // namespace proctor::kernel
