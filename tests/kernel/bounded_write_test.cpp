#include "kernel/bounded_write.hpp"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <string>
#include <thread>

#include "kernel/unique_fd.hpp"
#include "support/catch.hpp"

namespace proctor::tests {
namespace {

using kernel::UniqueFd;
using kernel::write_within;
using std::chrono::steady_clock;

struct Pipe {
  explicit Pipe(int flags = 0) {
    int fds[2] = {-1, -1};
    REQUIRE(::pipe2(fds, O_CLOEXEC | flags) == 0);
    reader.reset(fds[0]);
    writer.reset(fds[1]);
  }
  UniqueFd reader;
  UniqueFd writer;
};

std::string lines_of(std::size_t length, std::size_t count) {
  std::string lines;
  for (std::size_t i = 0; i < count; ++i) lines += std::string(length - 1, 'x') + '\n';
  return lines;
}

}  // namespace

TEST_CASE("bounded write: a reader that does not read costs the time it was given, and no line is torn") {
  for (const int flags : {0, O_NONBLOCK}) {
    const Pipe pipe{flags};
    const auto begin = steady_clock::now();
    const auto lines = lines_of(100, 10'000);
    const auto done = write_within(pipe.writer.get(), lines, begin + std::chrono::milliseconds{50});
    CHECK(done.error == EAGAIN);
    CHECK(steady_clock::now() - begin >= std::chrono::milliseconds{50});
    CHECK(done.bytes > 0);
    CHECK(done.bytes < lines.size());
    CHECK(done.bytes % 100 == 0);
  }
}

TEST_CASE("bounded write: all of it is written to who reads, also after the deadline while there is room") {
  const Pipe pipe;
  const auto lines = lines_of(PIPE_BUF + 1, 100);
  std::string got;
  std::thread reading{[&] {
    char buffer[1000];
    while (got.size() < lines.size())
      got.append(buffer, static_cast<std::size_t>(::read(pipe.reader.get(), buffer, sizeof buffer)));
  }};
  const auto done = write_within(pipe.writer.get(), lines, steady_clock::now() + std::chrono::minutes{1});
  reading.join();
  CHECK(done.error == 0);
  CHECK(got == lines);
  CHECK(write_within(pipe.writer.get(), "late\n", steady_clock::time_point{}).bytes == 5);
}

TEST_CASE("bounded write: what cannot be written is told at once") {
  const UniqueFd full{::open("/dev/full", O_WRONLY | O_CLOEXEC)};
  CHECK(write_within(full.get(), "x", steady_clock::now()).error == ENOSPC);
  CHECK(write_within(-1, "x", steady_clock::now() + std::chrono::milliseconds{1}).error != 0);
  Pipe pipe;
  pipe.reader.reset();
  auto* const before = ::signal(SIGPIPE, SIG_IGN);
  CHECK(write_within(pipe.writer.get(), "x", steady_clock::now() + std::chrono::minutes{1}).error == EPIPE);
  ::signal(SIGPIPE, before);
}

}  // namespace proctor::tests
