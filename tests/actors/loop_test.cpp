// One thread's scheduler and the actors bound to it.
#include "actors/loop.hpp"

#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <fstream>
#include <future>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "actors/loop_bound.hpp"
#include "actors_fixture.hpp"
#include "support/catch.hpp"

namespace proctor::tests {

struct Numbered {
  int sender = 0;
  int number = 0;
};
struct Throw {};
struct Quit {};
/// Does not return before the test says so.
struct Hold {
  std::shared_future<void> until;
};

using listening_actor = caf::typed_actor<caf::reacts_to<Numbered>, caf::reacts_to<Throw>,
                                         caf::reacts_to<Quit>, caf::reacts_to<Hold>>;

}  // namespace proctor::tests

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(proctor::tests::Numbered)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(proctor::tests::Throw)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(proctor::tests::Quit)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(proctor::tests::Hold)

namespace proctor::tests {
namespace {

using actors::ActorCounters;
using actors::Loop;

/// What an actor saw; the plain members are for after the loop has ended.
struct Seen {
  std::vector<Numbered> messages;
  std::vector<std::thread::id> threads;
  std::atomic<int> count{0};
};

struct listening_state {
  static inline const char* name = "listening";
};

using ListeningSelf = actors::LoopActor<listening_actor, listening_state>*;

listening_actor::behavior_type listening(ListeningSelf self, std::shared_ptr<Seen> seen) {
  return {
      [seen](Numbered message) {
        seen->messages.push_back(message);
        seen->threads.push_back(std::this_thread::get_id());
        ++seen->count;
      },
      [](Throw) { throw std::runtime_error("as the test asked"); },
      [self](Quit) { self->quit(); },
      [](const Hold& hold) { hold.until.wait(); },
  };
}

/// A loop with a thread. Its actors must have been told to end before the end of the scope.
struct RunningLoop {
  RunningLoop() : loop(*Loop::create(system.system)) {}
  ~RunningLoop() { join(); }

  auto spawn(const std::shared_ptr<Seen>& seen) {
    return actors::spawn_on<listening_actor, listening_state>(*loop, 0, listening, seen);
  }
  void start() {
    std::promise<void> running;
    thread = std::thread([this, &running] {
      tid = ::gettid();
      running.set_value();
      loop->run();
    });
    running.get_future().wait();
  }
  void join() {
    if (thread.joinable()) thread.join();
  }

  /// The call that its thread is blocked in, as the kernel shows it: "7 0x... 0x1 0xffffffff ..." is poll(2)
  /// without a timeout.
  [[nodiscard]] std::string blocked_in() const {
    std::ifstream file("/proc/self/task/" + std::to_string(tid.load()) + "/syscall");
    std::string line;
    std::getline(file, line);
    return line;
  }
  [[nodiscard]] bool sleeps_for_ever() const {
    std::istringstream fields(blocked_in());
    std::string number, fds, count, timeout;
    fields >> number >> fds >> count >> timeout;
    return number == std::to_string(SYS_poll) && (timeout == "0xffffffff" || timeout == "0xffffffffffffffff");
  }

  TestSystem system;
  std::shared_ptr<Loop> loop;
  std::atomic<pid_t> tid{0};
  std::thread thread;
};

}  // namespace

TEST_CASE("loop: messages from many threads are handled on its thread only, each sender's in order") {
  constexpr int senders = 4;
  constexpr int messages = 2000;
  RunningLoop running;
  const auto seen = std::make_shared<Seen>();
  auto actor = running.spawn(seen).handle;
  running.start();
  const auto loop_thread = running.thread.get_id();
  std::vector<std::thread> threads;
  for (int sender = 0; sender < senders; ++sender)
    threads.emplace_back([sender, actor] {
      for (int number = 0; number < messages; ++number) caf::anon_send(actor, Numbered{sender, number});
    });
  for (auto& thread : threads) thread.join();
  caf::anon_send(actor, Quit{});
  actor = nullptr;
  running.join();

  REQUIRE(seen->messages.size() == senders * messages);
  std::array<int, senders> next{};
  int disorder = 0;
  for (const auto& message : seen->messages)
    if (message.number != next.at(static_cast<std::size_t>(message.sender))++) ++disorder;
  CHECK(disorder == 0);
  CHECK(std::count(seen->threads.begin(), seen->threads.end(), loop_thread) == senders * messages);
}

TEST_CASE("loop: an idle one is blocked in poll without a timeout, and a message wakes it") {
  RunningLoop running;
  const auto seen = std::make_shared<Seen>();
  const auto actor = running.spawn(seen).handle;
  running.start();
  for (int round = 1; round <= 50; ++round) {
    REQUIRE(eventually([&] { return running.sleeps_for_ever(); }));
    caf::anon_send(actor, Numbered{});
    REQUIRE(eventually([&] { return seen->count == round; }));
  }
  caf::anon_send(actor, Quit{});
}

TEST_CASE("loop: it ends with its last actor, not with the first") {
  RunningLoop running;
  const auto seen = std::make_shared<Seen>();
  auto first = running.spawn(seen).handle;
  auto second = running.spawn(seen).handle;
  CHECK(running.loop->actors() == 2);
  running.start();
  caf::anon_send(first, Quit{});
  caf::anon_send(second, Numbered{});
  REQUIRE(eventually([&] { return seen->count == 1; }));
  REQUIRE(eventually([&] { return running.sleeps_for_ever(); }));
  CHECK(running.loop->actors() == 1);  // nobody writes it while the loop sleeps
  caf::anon_send(second, Quit{});
  running.join();
  CHECK(running.loop->actors() == 0);
  CHECK(running.system.system.registry().running() == 0);
}

TEST_CASE("loop: a message to an actor that has ended wakes nobody and harms nobody") {
  RunningLoop running;
  const auto seen = std::make_shared<Seen>();
  const auto actor = running.spawn(seen).handle;
  running.start();
  caf::anon_send(actor, Quit{});
  running.join();
  caf::anon_send(actor, Numbered{});
  CHECK(seen->count == 0);
}

TEST_CASE("loop: a handler that throws ends its actor with the reason, and the others go on") {
  RunningLoop running;
  std::vector<std::pair<std::uint64_t, std::string>> stopped;
  std::vector<std::uint64_t> started;
  running.loop->on_actor_started([&](const ActorCounters& actor) { started.push_back(actor.id); });
  running.loop->on_actor_stopped([&](const ActorCounters& actor, const caf::error& reason) {
    stopped.emplace_back(actor.id, caf::to_string(reason));
  });
  const auto seen = std::make_shared<Seen>();
  const auto thrower = running.spawn(std::make_shared<Seen>()).handle;
  const auto other = running.spawn(seen).handle;
  running.start();
  caf::anon_send(thrower, Throw{});
  caf::anon_send(other, Numbered{});
  REQUIRE(eventually([&] { return seen->count == 1; }));
  caf::anon_send(other, Quit{});
  running.join();
  CHECK(started == std::vector{thrower.id(), other.id()});
  REQUIRE(stopped.size() == 2);
  CHECK(stopped[0].first == thrower.id());
  CHECK(stopped[0].second.find("as the test asked") != std::string::npos);
  CHECK(stopped[1].first == other.id());
  CHECK(stopped[1].second.find("test") == std::string::npos);
}

TEST_CASE("observed: an actor's counters are right while it runs, read from another thread") {
  RunningLoop running;
  const auto seen = std::make_shared<Seen>();
  const auto [actor, counters] = running.spawn(seen);
  running.start();
  std::promise<void> go;
  caf::anon_send(actor, Hold{go.get_future().share()});
  for (int i = 0; i < 3; ++i) caf::anon_send(actor, Numbered{0, i});
  REQUIRE(eventually([&, c = counters] { return c->report().messages == 4; }));
  const auto held = counters->report();
  CHECK(held.kind == "listening");
  CHECK(held.id == actor.id());
  CHECK(held.handled == 0);
  CHECK(held.depth == 4);
  CHECK(held.busy_ns == 0);
  go.set_value();
  REQUIRE(eventually([&, c = counters] { return c->report().handled == 4; }));
  const auto idle = counters->report();
  CHECK(idle.messages == 4);
  CHECK(idle.depth == 0);
  CHECK(idle.longest_ns > 0);
  CHECK(idle.busy_ns >= idle.longest_ns);
  caf::anon_send(actor, Quit{});
  running.join();
}

TEST_CASE("loop: a watched descriptor calls back on its thread until it is unwatched, from within too") {
  RunningLoop running;
  std::array<int, 2> pipe{};
  REQUIRE(::pipe2(pipe.data(), O_CLOEXEC | O_NONBLOCK) == 0);
  const kernel::UniqueFd reading{pipe[0]}, writing{pipe[1]};
  const auto seen = std::make_shared<Seen>();
  const auto actor = running.spawn(seen).handle;
  std::atomic<int> calls{0};
  std::atomic<bool> on_thread{true};
  running.loop->watch(reading.get(), [&](short) {
    char byte = 0;
    on_thread = on_thread && ::gettid() == running.tid && ::read(reading.get(), &byte, 1) == 1;
    if (++calls == 2) running.loop->unwatch(reading.get());
  });
  running.start();
  REQUIRE(::write(writing.get(), "a", 1) == 1);
  REQUIRE(eventually([&] { return calls == 1; }));
  REQUIRE(::write(writing.get(), "b", 1) == 1);
  REQUIRE(eventually([&] { return calls == 2; }));
  REQUIRE(::write(writing.get(), "c", 1) == 1);
  caf::anon_send(actor, Numbered{});  // the loop has polled again, and would have seen "c"
  REQUIRE(eventually([&] { return seen->count == 1 && running.sleeps_for_ever(); }));
  CHECK(calls == 2);
  CHECK(on_thread);
  caf::anon_send(actor, Quit{});
}

TEST_CASE(
    "loop: a watched descriptor that rests is called back once for what comes meanwhile, and then sleeps") {
  RunningLoop running;
  const kernel::UniqueFd events(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK | EFD_SEMAPHORE));
  const auto seen = std::make_shared<Seen>();
  auto actor = running.spawn(seen).handle;
  constexpr std::chrono::milliseconds rest{50};
  std::vector<std::chrono::steady_clock::time_point> calls;
  // Readable for as long as it is not read empty: without a rest it would be called without end.
  running.loop->watch(
      events.get(), [&](short) { calls.push_back(std::chrono::steady_clock::now()); }, rest);
  running.start();
  constexpr std::uint64_t one = 1;
  REQUIRE(::write(events.get(), &one, sizeof one) == sizeof one);
  std::size_t count = 0;
  REQUIRE(eventually([&] {
    running.loop->take_turn([&] { count = calls.size(); });
    return count >= 3;
  }));
  std::uint64_t value = 0;
  REQUIRE(::read(events.get(), &value, sizeof value) == sizeof value);
  REQUIRE(eventually([&] { return running.sleeps_for_ever(); }));
  caf::anon_send(actor, Quit{});
  actor = nullptr;
  running.join();
  for (std::size_t i = 1; i < calls.size(); ++i) CHECK(calls[i] - calls[i - 1] >= rest);
}

TEST_CASE("loop: a callback that was unwatched last keeps neither its actor nor the loop") {
  RunningLoop running;
  auto actor = running.spawn(std::make_shared<Seen>()).handle;
  const kernel::UniqueFd never{::open("/dev/null", O_RDONLY | O_CLOEXEC)};
  // As an actor's callback does: it sends to the actor, which in turn holds the loop.
  running.loop->watch(never.get(), [actor](short) { caf::anon_send(actor, Numbered{}); });
  running.loop->on_actor_stopped(
      [&](const ActorCounters&, const caf::error&) { running.loop->unwatch(never.get()); });
  running.start();
  caf::anon_send(actor, Quit{});
  actor = nullptr;
  running.join();
  const std::weak_ptr<Loop> loop = running.loop;
  running.loop.reset();
  CHECK(loop.expired());
}

TEST_CASE("loop: its timer runs once, after its time, and leaves no timeout behind") {
  RunningLoop running;
  const auto seen = std::make_shared<Seen>();
  const auto actor = running.spawn(seen).handle;
  const auto at = Loop::Clock::now() + std::chrono::milliseconds{20};
  std::atomic<int> calls{0};
  std::atomic<bool> early{false};
  running.loop->on_timer([&] {
    early = early || Loop::Clock::now() < at;
    ++calls;
  });
  running.loop->set_timer(at);
  running.start();
  REQUIRE(eventually([&] { return calls > 0 && running.sleeps_for_ever(); }));
  CHECK(calls == 1);
  CHECK_FALSE(early);
  caf::anon_send(actor, Quit{});
}

TEST_CASE("loop: an actor that keeps sending to others does not starve the descriptors") {
  RunningLoop running;
  std::array<int, 2> pipe{};
  REQUIRE(::pipe2(pipe.data(), O_CLOEXEC) == 0);
  const kernel::UniqueFd reading{pipe[0]}, writing{pipe[1]};
  // Two actors that play each other the ball until the descriptor was served.
  const auto seen = std::make_shared<Seen>();
  std::atomic<bool> served{false};
  const auto make = [&](ListeningSelf self, std::shared_ptr<Seen> mine) {
    auto behavior = listening(self, mine);
    return listening_actor::behavior_type{
        [self, &served, mine](Numbered ball) {
          ++mine->count;
          if (served) return;
          self->send(caf::actor_cast<listening_actor>(self->current_sender()), ball);
        },
        [](Throw) {}, [self](Quit) { self->quit(); }, [](const Hold&) {}};
  };
  const auto left = actors::spawn_on<listening_actor, listening_state>(*running.loop, 0, make, seen).handle;
  const auto right = actors::spawn_on<listening_actor, listening_state>(*running.loop, 0, make, seen).handle;
  running.loop->watch(reading.get(), [&](short) {
    running.loop->unwatch(reading.get());
    served = true;  // last: the descriptor goes when this is seen
  });
  caf::send_as(left, right, Numbered{});
  running.start();
  REQUIRE(eventually([&] { return seen->count > 1000; }));
  REQUIRE(::write(writing.get(), "a", 1) == 1);
  CHECK(eventually([&] { return served.load(); }));
  served = true;
  caf::anon_send(left, Quit{});
  caf::anon_send(right, Quit{});
}

}  // namespace proctor::tests
