#include "kernel/listener.hpp"

#include <fcntl.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <csignal>
#include <cstring>

#include "kernel/remote_memory.hpp"
#include "support/catch.hpp"
#include "tests/kernel/filters.hpp"

using namespace proctor::kernel;
using namespace proctor::tests;

namespace {

/// The call the targets make: nobody else in a child makes it.
constexpr int call = SYS_getpgid;

struct Outcome {
  std::atomic<bool> done = false;
  long result = -1;
  int number = 0;
};

/// Makes the notified call and notes how it went.
void make_call(Outcome& outcome) {
  outcome.result = ::syscall(call, 0);
  outcome.number = outcome.result < 0 ? errno : 0;
  outcome.done = true;
}

Result<SeccompListener> adopt(Target& target) { return SeccompListener::adopt(target.take_listener()); }

short poll_events(const SeccompListener& listener, int timeout_ms = 10'000) {
  pollfd entry{listener.poll_fd(), POLLIN, 0};
  return ::poll(&entry, 1, timeout_ms) == 1 ? entry.revents : short{0};
}

/// Waits for a notification and receives it.
seccomp_notif receive(SeccompListener& listener) {
  REQUIRE((poll_events(listener) & POLLIN) != 0);
  std::array<std::byte, notification_bytes_max> buffer{};
  const auto received = listener.receive(buffer);
  REQUIRE(received);
  seccomp_notif notification{};
  std::memcpy(&notification, buffer.data(), sizeof(notification));
  return notification;
}

seccomp_notif_resp answer(std::uint64_t cookie, std::int64_t value, int number = 0) {
  seccomp_notif_resp response{};
  response.id = cookie;
  response.val = value;
  response.error = -number;
  return response;
}

}  // namespace

TEST_CASE("listener: a call is received with its thread and arguments, and answered", "[listener]") {
  Shared<Outcome> outcome;
  Target target{call, -1, [&] { return make_call(*outcome), 0; }};
  auto listener = adopt(target);
  REQUIRE(listener);
  const auto notification = receive(*listener);
  CHECK(notification.pid == static_cast<std::uint32_t>(target.child().pid()));
  CHECK(notification.data.nr == call);
  REQUIRE(listener->respond(answer(notification.id, 4711)));
  CHECK(target.child().wait() == 0);
  CHECK(outcome->result == 4711);
}

TEST_CASE("listener: an answer can be an errno", "[listener]") {
  Shared<Outcome> outcome;
  Target target{call, -1, [&] { return make_call(*outcome), 0; }};
  auto listener = adopt(target);
  REQUIRE(listener);
  REQUIRE(listener->respond(answer(receive(*listener).id, 0, EXDEV)));
  CHECK(target.child().wait() == 0);
  CHECK(outcome->number == EXDEV);
}

TEST_CASE("listener: receives into a used buffer and leaves nothing of its content", "[listener]") {
  Shared<Outcome> outcome;
  Target target{call, -1, [&] { return make_call(*outcome), 0; }};
  auto listener = adopt(target);
  REQUIRE(listener);
  REQUIRE((poll_events(*listener) & POLLIN) != 0);
  std::array<std::byte, notification_bytes_max> buffer;
  buffer.fill(std::byte{0xA5});
  REQUIRE(listener->receive(buffer));
  CHECK(std::count(buffer.begin() + sizeof(seccomp_notif), buffer.end(), std::byte{0xA5}) == 0);
}

TEST_CASE("listener: ENOENT on receive is not the end", "[listener]") {
  struct State {
    Outcome interrupted;
    Outcome second;
    std::atomic<bool> again = false;
  };
  Shared<State> state;
  Target target{call, -1, [&] {
                  struct sigaction action {};
                  action.sa_handler = [](int) {};
                  ::sigaction(SIGUSR1, &action, nullptr);
                  make_call(state->interrupted);
                  eventually([&] { return state->again.load(); });
                  make_call(state->second);
                  return 0;
                }};
  auto listener = adopt(target);
  REQUIRE(listener);
  REQUIRE((poll_events(*listener) & POLLIN) != 0);
  target.child().kill(SIGUSR1);  // withdraws what poll has seen
  REQUIRE(eventually([&] { return state->interrupted.done.load(); }));
  REQUIRE(state->interrupted.number == EINTR);

  std::array<std::byte, notification_bytes_max> buffer;
  const auto withdrawn = listener->receive(buffer);
  REQUIRE_FALSE(withdrawn);
  CHECK(withdrawn.error().number == ENOENT);
  CHECK((poll_events(*listener, 0) & POLLHUP) == 0);

  state->again = true;
  REQUIRE(listener->respond(answer(receive(*listener).id, 12)));
  CHECK(target.child().wait() == 0);
  CHECK(state->second.result == 12);
}

TEST_CASE("listener: hangs up when the last target is gone", "[listener]") {
  Target target{call, -1, wait_for_ever};
  auto listener = adopt(target);
  REQUIRE(listener);
  CHECK((poll_events(*listener, 0) & POLLHUP) == 0);
  target.child().kill(SIGKILL);
  target.child().wait();
  CHECK((poll_events(*listener) & POLLHUP) != 0);
}

TEST_CASE("listener: a call is valid until it is answered", "[listener]") {
  Shared<Outcome> outcome;
  Target target{call, -1, [&] { return make_call(*outcome), 0; }};
  auto listener = adopt(target);
  REQUIRE(listener);
  const auto cookie = receive(*listener).id;
  CHECK(listener->is_valid(cookie));
  CHECK_FALSE(listener->is_valid(cookie + 1));
  REQUIRE(listener->respond(answer(cookie, 0)));
  CHECK_FALSE(listener->is_valid(cookie));
  const auto again = listener->respond(answer(cookie, 0));
  REQUIRE_FALSE(again);
  CHECK((again.error().number == ENOENT || again.error().number == EINPROGRESS));
}

TEST_CASE("listener: answering a call whose target was killed is ENOENT", "[listener]") {
  Shared<Outcome> outcome;
  Target target{call, -1, [&] { return make_call(*outcome), 0; }};
  auto listener = adopt(target);
  REQUIRE(listener);
  const auto cookie = receive(*listener).id;
  target.child().kill(SIGKILL);
  target.child().wait();
  CHECK_FALSE(listener->is_valid(cookie));
  const auto late = listener->respond(answer(cookie, 0));
  REQUIRE_FALSE(late);
  CHECK(late.error().number == ENOENT);
  const auto late_fd = listener->add_fd_and_respond(cookie, 0, STDIN_FILENO, 0);
  REQUIRE_FALSE(late_fd);
  CHECK(late_fd.error().number == ENOENT);
}

TEST_CASE("listener: an injected descriptor is the answer, and close-on-exec when asked", "[listener]") {
  const std::uint32_t flags = GENERATE(0U, std::uint32_t{O_CLOEXEC});
  struct State {
    Outcome outcome;
    int fd_flags = -1;
    ino_t inode = 0;
  };
  Shared<State> state;
  Target target{call, -1, [&] {
                  make_call(state->outcome);
                  const int fd = static_cast<int>(state->outcome.result);
                  state->fd_flags = ::fcntl(fd, F_GETFD);
                  struct stat file {};
                  if (::fstat(fd, &file) == 0) state->inode = file.st_ino;
                  return 0;
                }};
  auto listener = adopt(target);
  REQUIRE(listener);
  const UniqueFd file{::open("/proc/self/status", O_RDONLY | O_CLOEXEC)};
  struct stat expected {};
  REQUIRE(::fstat(file.get(), &expected) == 0);
  const auto received = receive(*listener);
  const auto number =
      listener->add_fd_and_respond(received.id, static_cast<pid_t>(received.pid), file.get(), flags);
  REQUIRE(number);
  CHECK(target.child().wait() == 0);
  CHECK(state->outcome.result == *number);
  CHECK(state->fd_flags == (flags == O_CLOEXEC ? FD_CLOEXEC : 0));
  CHECK(state->inode == expected.st_ino);
}

TEST_CASE("listener: EMFILE in the target leaves its call unanswered", "[listener]") {
  Shared<Outcome> outcome;
  Target target{call, -1, [&] {
                  const rlimit none{0, 0};
                  ::setrlimit(RLIMIT_NOFILE, &none);
                  make_call(*outcome);
                  return 0;
                }};
  auto listener = adopt(target);
  REQUIRE(listener);
  const auto cookie = receive(*listener).id;
  const auto number = listener->add_fd_and_respond(cookie, target.child().pid(), STDIN_FILENO, O_CLOEXEC);
  REQUIRE_FALSE(number);
  CHECK(number.error().number == EMFILE);
  CHECK(listener->is_valid(cookie));
  CHECK_FALSE(outcome->done);
  REQUIRE(listener->respond(answer(cookie, 0, EMFILE)));
  CHECK(target.child().wait() == 0);
  CHECK(outcome->number == EMFILE);
}

TEST_CASE("listener: adopts nothing but a listener", "[listener]") {
  CHECK(SeccompListener::adopt(UniqueFd{}).error().number == EBADF);
  CHECK_FALSE(SeccompListener::adopt(UniqueFd{::open("/dev/null", O_RDWR | O_CLOEXEC)}));
  std::array<int, 2> ends{};
  REQUIRE(::pipe2(ends.data(), O_CLOEXEC) == 0);
  const UniqueFd writer{ends[1]};
  CHECK(SeccompListener::adopt(UniqueFd{ends[0]}).error().number == ENOTTY);
}

TEST_CASE("listener: refuses a kernel whose notifications are longer than the buffer", "[listener]") {
  // The supervisor of this test is a target itself, and is told of sizes that no kernel has yet.
  Target supervisor{SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, [] {
                      const auto listener = SeccompListener::adopt(UniqueFd{::dup(STDIN_FILENO)});
                      return listener ? 0 : listener.error().number;
                    }};
  // Not adopted in the usual way by mistake: this process asks the true kernel.
  auto kernel = adopt(supervisor);
  REQUIRE(kernel);
  const auto notification = receive(*kernel);
  const auto memory = RemoteMemory::open(supervisor.child().pid());
  REQUIRE(memory);
  const seccomp_notif_sizes longer{notification_bytes_max + 8, sizeof(seccomp_notif_resp),
                                   sizeof(seccomp_data)};
  REQUIRE(memory->write(notification.data.args[2], std::as_bytes(std::span{&longer, 1})));
  REQUIRE(kernel->respond(answer(notification.id, 0)));
  const int status = supervisor.child().wait();
  REQUIRE(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == ENOTSUP);
}

TEST_CASE("listener: works without SYNC_WAKE_UP", "[listener]") {
  const int code = exit_code_of([] {
    Shared<Outcome> outcome;
    Target target{call, -1, [&] { return make_call(*outcome), 0; }};
    if (!pretend_older_kernel()) return 1;
    auto listener = adopt(target);
    if (!listener) return 2;
    if (listener->synchronous_wake_up()) return 3;
    std::array<std::byte, notification_bytes_max> buffer;
    if (!listener->receive(buffer)) return 4;
    seccomp_notif notification{};
    std::memcpy(&notification, buffer.data(), sizeof(notification));
    if (!listener->respond(answer(notification.id, 5))) return 5;
    if (target.child().wait() != 0 || outcome->result != 5) return 6;
    return 0;
  });
  CHECK(code == 0);
}

TEST_CASE("listener: says whether SYNC_WAKE_UP is in force", "[listener]") {
  Target target{call, -1, wait_for_ever};
  const auto fd = target.take_listener();
  const bool known =
      ::ioctl(fd.get(), SECCOMP_IOCTL_NOTIF_SET_FLAGS, SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP) == 0;
  if (!known) {
    proctor::tests::skip("this kernel has no SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP (6.6)");
    return;
  }
  const auto listener = SeccompListener::adopt(UniqueFd{::dup(fd.get())});
  REQUIRE(listener);
  CHECK(listener->synchronous_wake_up());
}
