#include "kernel/remote_memory.hpp"

#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstring>
#include <fstream>
#include <optional>
#include <string>
#include <vector>

#include "kernel/proc_stat.hpp"
#include "support/catch.hpp"
#include "tests/kernel/child.hpp"

using namespace proctor::kernel;
using namespace proctor::tests;

namespace {

/// An address between two mappings of a process that waits.
std::uint64_t find_hole(pid_t pid) {
  std::ifstream maps("/proc/" + std::to_string(pid) + "/maps");
  std::uint64_t last_end = 0;
  for (std::string line; std::getline(maps, line);) {
    std::size_t read = 0;
    const std::uint64_t begin = std::stoull(line, &read, 16);
    if (last_end != 0 && begin > last_end) return last_end;
    last_end = std::stoull(line.substr(read + 1), nullptr, 16);
  }
  return last_end;
}

/// Some pages of which the last is a hole, made before the fork: a child has them at the same address.
class Pages {
 public:
  explicit Pages(std::size_t pages, int sharing = MAP_PRIVATE) : bytes_(pages * page_bytes()) {
    start_ = static_cast<char*>(
        ::mmap(nullptr, bytes_ + page_bytes(), PROT_READ | PROT_WRITE, sharing | MAP_ANONYMOUS, -1, 0));
    ::munmap(start_ + bytes_, page_bytes());
  }
  Pages(const Pages&) = delete;
  Pages& operator=(const Pages&) = delete;
  ~Pages() { ::munmap(start_, bytes_); }

  [[nodiscard]] char* start() const { return start_; }
  [[nodiscard]] char* end() const { return start_ + bytes_; }

 private:
  std::size_t bytes_;
  char* start_;
};

std::uint64_t address_of(const void* place) {
  std::uint64_t address = 0;
  std::memcpy(&address, &place, sizeof(place));
  return address;
}

std::span<const std::byte> bytes_of(std::string_view text) { return std::as_bytes(std::span{text}); }

RemoteMemory open(const Child& child) {
  auto memory = RemoteMemory::open(child.pid());
  REQUIRE(memory);
  return std::move(*memory);
}

/// Number of read calls this process has made; asking is one.
long read_calls() {
  std::array<char, 512> text{};
  const UniqueFd fd{::open("/proc/self/io", O_RDONLY | O_CLOEXEC)};
  if (!fd || ::read(fd.get(), text.data(), text.size() - 1) <= 0) return -1;
  const char* const line = std::strstr(text.data(), "syscr: ");
  return line == nullptr ? -1 : std::strtol(line + std::strlen("syscr: "), nullptr, 10);
}

/// A child that, when told, becomes another program; the answer is only given when that is done.
class Execs {
 public:
  Execs() : child_([this] { return run(); }) {
    ::close(exec_done_[1]);
    exec_done_[1] = -1;
  }
  Execs(const Execs&) = delete;
  Execs& operator=(const Execs&) = delete;
  ~Execs() { ::close(exec_done_[0]); }

  [[nodiscard]] const Child& child() const { return child_; }

  void exec() {
    *go_ = true;
    char nothing = 0;
    // The end of the pipe is close-on-exec, which is done after the address space was replaced.
    REQUIRE(::read(exec_done_[0], &nothing, 1) == 0);
    REQUIRE(std::ifstream{"/proc/" + std::to_string(child_.pid()) + "/comm"}.get() == 's');
  }

 private:
  int run() const {
    if (!eventually([this] { return go_->load(); })) return 1;
    ::execlp("sleep", "sleep", "1000", nullptr);
    return 1;
  }

  static std::array<int, 2> make_pipe() {
    std::array<int, 2> ends{-1, -1};
    REQUIRE(::pipe2(ends.data(), O_CLOEXEC) == 0);
    return ends;
  }

  Shared<std::atomic<bool>> go_;
  std::array<int, 2> exec_done_ = make_pipe();
  Child child_;
};

}  // namespace

TEST_CASE("remote memory: reads bytes, and stops where the mapping does", "[remote_memory]") {
  const Pages pages{2};
  std::memset(pages.start(), 'x', 2 * page_bytes());
  std::memcpy(pages.start() + 100, "hello", 5);
  const Child child{wait_for_ever};
  const auto memory = open(child);
  std::array<std::byte, 5> five{};
  const auto count = memory.read(address_of(pages.start() + 100), five);
  REQUIRE(count);
  CHECK(*count == 5);
  CHECK(std::memcmp(five.data(), "hello", 5) == 0);

  std::vector<std::byte> more(3 * page_bytes());
  const auto fewer = memory.read(address_of(pages.start() + 1), more);
  REQUIRE(fewer);
  CHECK(*fewer == 2 * page_bytes() - 1);

  const auto nothing_asked = memory.read(address_of(pages.end()), {});
  REQUIRE(nothing_asked);
  CHECK(*nothing_asked == 0);
}

TEST_CASE("remote memory: an address nobody maps is EFAULT", "[remote_memory]") {
  const Child child{wait_for_ever};
  const auto memory = open(child);
  const std::uint64_t hole = find_hole(child.pid());
  const std::uint64_t address =
      GENERATE_REF(std::uint64_t{0}, hole, std::uint64_t{0x7fffffffffffffff},
                   std::uint64_t{0x8000000000000000}, std::uint64_t{0xffffffffffffe000}, ~std::uint64_t{0});
  std::array<std::byte, 8> bytes{};
  const auto count = memory.read(address, bytes);
  REQUIRE_FALSE(count);
  CHECK(count.error().number == EFAULT);
  std::array<char, 8> text{};
  const auto string = memory.read_c_string(address, text);
  REQUIRE_FALSE(string);
  CHECK(string.error().number == EFAULT);
  const auto written = memory.write(address, bytes);
  REQUIRE_FALSE(written);
  CHECK(written.error().number == EFAULT);
}

TEST_CASE("remote memory: a string whose NUL is the last byte of a mapping", "[remote_memory]") {
  const Pages pages{2};
  const std::size_t length = GENERATE(std::size_t{0}, std::size_t{1}, std::size_t{255}, std::size_t{256},
                                      std::size_t{257}, std::size_t{4095}, std::size_t{4096});
  const std::string expected(length, 'p');
  std::memcpy(pages.end() - length - 1, expected.c_str(), length + 1);
  const Child child{wait_for_ever};
  std::array<char, 8192> buffer;
  buffer.fill('?');
  const auto string = open(child).read_c_string(address_of(pages.end() - length - 1), buffer);
  REQUIRE(string);
  CHECK(*string == expected);
  CHECK(string->data() == buffer.data());
}

TEST_CASE("remote memory: a string that runs into an unmapped page is EFAULT", "[remote_memory]") {
  const Pages pages{2};
  std::memset(pages.start(), 'x', 2 * page_bytes());
  const Child child{wait_for_ever};
  const auto memory = open(child);
  const std::size_t length = GENERATE(std::size_t{1}, std::size_t{100}, std::size_t{256}, std::size_t{5000});
  std::array<char, 16384> buffer;
  const auto string = memory.read_c_string(address_of(pages.end() - length), buffer);
  REQUIRE_FALSE(string);
  CHECK(string.error().number == EFAULT);
}

TEST_CASE("remote memory: a string that does not fit is ENAMETOOLONG", "[remote_memory]") {
  const Pages pages{3};
  std::memset(pages.start(), 'x', 3 * page_bytes() - 1);
  const Child child{wait_for_ever};
  const auto memory = open(child);
  std::array<char, 4096> buffer;

  const auto endless = memory.read_c_string(address_of(pages.start() + 10), buffer);
  REQUIRE_FALSE(endless);
  CHECK(endless.error().number == ENAMETOOLONG);
  const auto one_too_long = memory.read_c_string(address_of(pages.end() - 4097), buffer);
  REQUIRE_FALSE(one_too_long);
  CHECK(one_too_long.error().number == ENAMETOOLONG);
  const auto just_fits = memory.read_c_string(address_of(pages.end() - 4096), buffer);
  REQUIRE(just_fits);
  CHECK(just_fits->size() == 4095);
  CHECK(memory.read_c_string(address_of(pages.start()), {}).error().number == ENAMETOOLONG);
}

TEST_CASE("remote memory: a NUL alone on the next page, as the last byte that fits", "[remote_memory]") {
  const Pages pages{2};
  std::memset(pages.start(), 'x', page_bytes());
  const Child child{wait_for_ever};
  std::vector<char> buffer(page_bytes());
  const auto string = open(child).read_c_string(address_of(pages.start() + 1), buffer);
  REQUIRE(string);
  CHECK(string->size() == page_bytes() - 1);
}

TEST_CASE("remote memory: a string never touches the page after its NUL", "[remote_memory]") {
  const Pages pages{2, MAP_SHARED};  // what anybody touches of it becomes resident for everybody
  char* const second = pages.start() + page_bytes();
  const std::size_t length = GENERATE(std::size_t{3}, std::size_t{300}, std::size_t{2000});
  std::memset(second - length - 1, 'x', length);
  const Child child{wait_for_ever};
  std::array<char, 8192> buffer;
  const auto string = open(child).read_c_string(address_of(second - length - 1), buffer);
  REQUIRE(string);
  CHECK(string->size() == length);
  unsigned char resident = 0xFF;
  REQUIRE(::mincore(second, page_bytes(), &resident) == 0);
  CHECK((resident & 1U) == 0);
}

TEST_CASE("remote memory: a short path costs one read", "[remote_memory]") {
  const Pages pages{1};
  std::strcpy(pages.start(), "/usr/lib/x86_64-linux-gnu/libc.so.6");
  const Child child{wait_for_ever};
  const auto memory = open(child);
  std::array<char, 4096> buffer;
  const long before = read_calls();
  if (before < 0) {
    proctor::tests::skip("this kernel does not count reads (/proc/self/io)");
    return;
  }
  const long own = read_calls() - before;
  const long start = read_calls();
  const auto string = memory.read_c_string(address_of(pages.start()), buffer);
  const long reads = read_calls() - start - own;
  REQUIRE(string);
  CHECK(reads == 1);
}

TEST_CASE("remote memory: the address space is stale after exec", "[remote_memory]") {
  const Pages pages{1};
  std::strcpy(pages.start(), "before");
  Execs target;
  const auto memory = open(target.child());
  std::array<char, 64> buffer;
  REQUIRE(memory.read_c_string(address_of(pages.start()), buffer));
  target.exec();

  CHECK(memory.read_c_string(address_of(pages.start()), buffer).error().number == ESTALE);
  CHECK(memory.read(address_of(pages.start()), std::as_writable_bytes(std::span{buffer})).error().number ==
        ESTALE);
  CHECK(memory.write(address_of(pages.start()), bytes_of("x")).error().number == ESTALE);
  CHECK(RemoteMemory::open(target.child().pid()));
}

TEST_CASE("remote memory: a write never reaches the program after an exec", "[remote_memory]") {
  // The attack: the number still names a living process, so a write by number alone would reach it.
  // The stack of the new program is found from outside, where its old one would not be.
  Execs target;
  const auto stale = open(target.child());
  target.exec();
  const auto fresh = open(target.child());
  std::ifstream maps{"/proc/" + std::to_string(target.child().pid()) + "/maps"};
  std::uint64_t stack = 0;
  for (std::string line; std::getline(maps, line);)
    if (line.find("[stack]") != std::string::npos) stack = std::stoull(line, nullptr, 16);
  REQUIRE(stack != 0);
  REQUIRE(fresh.write(stack, bytes_of("fresh")));
  CHECK(stale.write(stack, bytes_of("stale")).error().number == ESTALE);
  std::array<std::byte, 5> bytes{};
  REQUIRE(fresh.read(stack, bytes));
  CHECK(std::memcmp(bytes.data(), "fresh", 5) == 0);
}

TEST_CASE("remote memory: the address space is stale after exit", "[remote_memory]") {
  const Pages pages{1};
  Child child{wait_for_ever};
  const auto memory = open(child);
  child.kill(SIGKILL);
  child.await_zombie();
  std::array<char, 64> buffer;
  CHECK(memory.read_c_string(address_of(pages.start()), buffer).error().number == ESTALE);
  child.wait();
  CHECK(memory.read_c_string(address_of(pages.start()), buffer).error().number == ESTALE);
  CHECK(memory.write(address_of(pages.start()), bytes_of("x")).error().number == ESTALE);
}

TEST_CASE("remote memory: the target sees what was written", "[remote_memory]") {
  const Pages pages{2};
  Shared<std::atomic<bool>> written;
  char* const place = pages.start() + page_bytes() - 3;
  Child child{[&] {
    if (!eventually([&] { return written->load(); })) return 1;
    return std::memcmp(place, "across a page", 13) == 0 ? 0 : 2;
  }};
  const auto memory = open(child);
  CHECK(memory.write(address_of(place), bytes_of("across a page")));
  CHECK(memory.write(address_of(pages.end()), {}));
  *written = true;
  CHECK(child.wait() == 0);
  CHECK(*place == '\0');  // its own copy of the page, not this process's
}

TEST_CASE("remote memory: a read-only page cannot be written", "[remote_memory]") {
  const Pages pages{2};
  std::strcpy(pages.start(), "constant");
  REQUIRE(::mprotect(pages.start(), page_bytes(), PROT_READ) == 0);
  const Child child{wait_for_ever};
  const auto memory = open(child);
  CHECK(memory.write(address_of(pages.start()), bytes_of("changed!")).error().number == EFAULT);
  std::array<char, 64> buffer;
  CHECK(*memory.read_c_string(address_of(pages.start()), buffer) == "constant");
}

TEST_CASE("remote memory: a write that does not fit is EFAULT", "[remote_memory]") {
  const Pages pages{1};
  const Child child{wait_for_ever};
  CHECK(open(child).write(address_of(pages.end() - 4), bytes_of("12345678")).error().number == EFAULT);
}

TEST_CASE("remote memory: nobody, or somebody else's process", "[remote_memory]") {
  Child child{[] { return 0; }};
  const pid_t pid = child.pid();
  child.wait();
  const auto gone = RemoteMemory::open(pid);
  REQUIRE_FALSE(gone);
  CHECK(gone.error().number == ENOENT);
  CHECK(gone.error().operation == "open /proc/" + std::to_string(pid) + "/mem");
  const int code = exit_code_of([] {
    if (::geteuid() == 0 && ::setresuid(65534, 65534, 65534) != 0) return 1;
    const auto foreign = RemoteMemory::open(1);
    return foreign ? 2 : foreign.error().number;
  });
  CHECK(code == EACCES);
}

TEST_CASE("remote memory: a page whose fault the target answers itself does not hold the reader up",
          "[remote_memory]") {
  // The attack: an argument in a userfaultfd page, which nobody ever fills.
  const Pages pages{1};
  Shared<std::atomic<int>> state;
  const Child target{[&] {
    const int fd = static_cast<int>(::syscall(SYS_userfaultfd, O_CLOEXEC));
    uffdio_api api{};
    api.api = UFFD_API;
    uffdio_register range{};
    range.range.start = address_of(pages.start());
    range.range.len = page_bytes();
    range.mode = UFFDIO_REGISTER_MODE_MISSING;
    const bool ready =
        fd >= 0 && ::ioctl(fd, UFFDIO_API, &api) == 0 && ::ioctl(fd, UFFDIO_REGISTER, &range) == 0;
    *state = ready ? 1 : -1;
    return wait_for_ever();
  }};
  REQUIRE(eventually([&] { return *state != 0; }));
  if (*state < 0) {
    proctor::tests::skip("this user has no userfaultfd");
    return;
  }
  Shared<std::atomic<int>> outcome;
  const Child reader{[&] {
    const auto memory = RemoteMemory::open(target.pid());
    std::array<char, 16> buffer;
    if (!memory) return 1;
    const int read = memory->read_c_string(address_of(pages.start()), buffer).error().number;
    const int write = memory->write(address_of(pages.start()), bytes_of("x")).error().number;
    *outcome = read == EFAULT && write == EFAULT ? 1 : -1;
    return 0;
  }};
  CHECK(eventually([&] { return *outcome != 0; }));
  CHECK(*outcome == 1);
}
