#include "kernel/sealed_file.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <set>

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

TEST_CASE("sealed file: those that a process holds are found, by descriptor and by map, and no others") {
  const auto inodes = [](const char* prefix) {
    std::multiset<std::uint64_t> found;
    for (const HeldFile& file : sealed_files_of(::getpid(), prefix)) found.insert(file.inode);
    return found;
  };
  const auto inode_of = [](const UniqueFd& fd) {
    struct stat info {};
    REQUIRE(::fstat(fd.get(), &info) == 0);
    return std::uint64_t{info.st_ino};
  };
  auto kept = make_sealed_file("proctor-test:kept", "x");
  auto mapped = make_sealed_file("proctor-test:mapped", "y");
  const auto other = make_sealed_file("other", "z");
  REQUIRE(kept);
  REQUIRE(mapped);
  REQUIRE(other);
  const auto inode_mapped = inode_of(*mapped);
  void* const map = ::mmap(nullptr, 1, PROT_READ, MAP_SHARED, mapped->get(), 0);
  REQUIRE(map != MAP_FAILED);
  CHECK(inodes("proctor-test:") == std::multiset{inode_of(*kept), inode_mapped, inode_mapped});
  mapped->reset();
  CHECK(inodes("proctor-test:") == std::multiset{inode_of(*kept), inode_mapped});
  REQUIRE(::munmap(map, 1) == 0);
  CHECK(inodes("proctor-test:") == std::multiset{inode_of(*kept)});
  kept->reset();
  CHECK(inodes("proctor-test:").empty());
  CHECK(sealed_file_cost(1) == sealed_file_cost(4096));
  CHECK(sealed_file_cost(4097) == sealed_file_cost(1) + 4096);
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
