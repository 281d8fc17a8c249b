#include "kernel/memory_use.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cstring>

#include "child.hpp"
#include "support/catch.hpp"

using namespace proctor::kernel;

namespace {

constexpr std::size_t megabyte = std::size_t{1} << 20U;

std::size_t megabytes_of(const Result<std::uint64_t>& memory) {
  REQUIRE(memory);
  return *memory / megabyte;
}

}  // namespace

TEST_CASE("memory: what a process shares with its child counts in full for each, or in part") {
  constexpr std::size_t size = 64 * megabyte;
  const auto before = megabytes_of(read_resident_memory(::getpid()));
  const auto map = [](int flags) {
    void* const area = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, flags | MAP_ANONYMOUS, -1, 0);
    REQUIRE(area != MAP_FAILED);
    std::memset(area, 1, size);
    return area;
  };
  void* const own = map(MAP_PRIVATE);
  void* const shared = map(MAP_SHARED);
  CHECK(megabytes_of(read_resident_memory(::getpid())) >= before + 120);
  CHECK(megabytes_of(read_proportional_memory(::getpid())) >= before + 120);
  {
    const proctor::tests::Shared<std::atomic<bool>> has_looked;
    const proctor::tests::Child child([&] {
      // A parent's pages are the child's once it has looked at them, if they are shared memory.
      for (std::size_t at = 0; at < size; at += 4096)
        static_cast<void>(*(static_cast<volatile char*>(shared) + at));
      *has_looked = true;
      while (true) ::pause();
      return 0;
    });
    REQUIRE(proctor::tests::eventually([&] { return has_looked->load(); }));
    CHECK(megabytes_of(read_resident_memory(child.pid())) >= 120);
    const auto sum = *read_proportional_memory(::getpid()) + *read_proportional_memory(child.pid());
    CHECK(sum / megabyte >= before + 120);
    CHECK(sum / megabyte <= before + 160);
  }
  ::munmap(own, size);
  ::munmap(shared, size);
  CHECK_FALSE(read_resident_memory(4194305));  // nobody ever has this number
  CHECK_FALSE(read_proportional_memory(4194305));
}
