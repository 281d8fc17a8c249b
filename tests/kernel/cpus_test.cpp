#include "kernel/cpus.hpp"

#include <sched.h>

#include <algorithm>
#include <cstring>

#include "support/catch.hpp"
#include "tests/kernel/child.hpp"

namespace proctor::kernel {
namespace {

using Cpus = std::vector<unsigned>;

std::vector<std::byte> mask_of(std::initializer_list<unsigned char> bytes) {
  std::vector<std::byte> mask;
  for (const auto byte : bytes) mask.push_back(std::byte{byte});
  return mask;
}

}  // namespace

TEST_CASE("cpus: a mask's bits are CPUs, the first byte's first") {
  CHECK(cpus_in_mask({}).empty());
  CHECK(cpus_in_mask(mask_of({0b00000101})) == Cpus{0, 2});
  CHECK(cpus_in_mask(mask_of({0, 0b10000001, 0})) == Cpus{8, 15});
}

TEST_CASE("cpus: what a thread may run on is what libc says") {
  cpu_set_t set;
  REQUIRE(::sched_getaffinity(0, sizeof set, &set) == 0);
  const auto allowed = allowed_cpus(0);
  REQUIRE(allowed);
  CHECK(allowed->size() == static_cast<std::size_t>(CPU_COUNT(&set)));
  for (const unsigned cpu : *allowed) CHECK(CPU_ISSET(cpu, &set));
  const auto online = online_cpus();
  CHECK(std::ranges::includes(online, *allowed));
}

TEST_CASE("cpus: a thread kept to one CPU is on it; to none is refused") {
  const auto allowed = allowed_cpus(0);
  REQUIRE(allowed);
  const Cpus last{allowed->back()};
  tests::Child child([&] {
    if (!set_allowed_cpus(0, last)) return 1;
    if (const auto now = allowed_cpus(0); !now || *now != last) return 2;
    if (::sched_getcpu() != static_cast<int>(last.front())) return 3;
    const auto none = set_allowed_cpus(0, Cpus{});
    return !none && none.error().number == EINVAL ? 0 : 4;
  });
  CHECK(child.wait() == 0);
}

TEST_CASE("cpus: a list as the kernel writes it") {
  CHECK(parse_cpu_list("0-3,8\n") == std::vector<unsigned>{0, 1, 2, 3, 8});
  CHECK(parse_cpu_list("5") == std::vector<unsigned>{5});
  CHECK(parse_cpu_list("").empty());
  CHECK(parse_cpu_list("\n").empty());
  CHECK(parse_cpu_list("x,2,,4-3,9-") == std::vector<unsigned>{2, 9});
  CHECK(parse_cpu_list("0-4294967295").size() == 8 * cpu_mask_bytes_max);  // no more than there may be
}

}  // namespace proctor::kernel
