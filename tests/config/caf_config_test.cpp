#include "config/caf_config.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/scoped_actor.hpp>
#include <filesystem>
#include <string>

#include "support/catch.hpp"
#include "tests/kernel/child.hpp"

namespace proctor::config {

namespace {

std::size_t thread_count() {
  std::size_t count = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator("/proc/self/task")) ++count;
  return count;
}

}  // namespace

TEST_CASE("caf: the scheduler is set up as configured") {
  DaemonConfig config;
  config.scheduler.max_threads = 3;
  caf::actor_system_config target;
  set_up_caf(target, config);
  CHECK(caf::get_or(target, "scheduler.policy", caf::atom("")) == caf::atom("sharing"));
  CHECK(caf::get_or(target, "scheduler.max-threads", std::size_t{0}) == 3);
  CHECK(caf::get_or(target, "scheduler.max-throughput", std::size_t{0}) == 10);
  CHECK(caf::get_or(target, "logger.console", caf::atom("")) == caf::atom("none"));
  CHECK(caf::get_or(target, "logger.file-verbosity", caf::atom("")) == caf::atom("quiet"));
}

TEST_CASE("caf: a system with it runs actors, with as many scheduler threads as configured") {
  const std::size_t alone = thread_count();
  const auto threads_with = [alone](std::uint64_t max_threads) {
    // The threads of the system before, one of them detached, may still be on their way out.
    REQUIRE(tests::eventually([alone] { return thread_count() == alone; }));
    DaemonConfig config;
    config.scheduler.max_threads = max_threads;
    caf::actor_system_config target;
    set_up_caf(target, config);
    caf::actor_system system(target);
    caf::scoped_actor self(system);
    int answer = 0;
    const auto doubler = system.spawn(
        [](caf::event_based_actor*, int factor) -> caf::behavior {
          return {[factor](int value) { return factor * value; }};
        },
        2);
    self->request(doubler, std::chrono::seconds(60), 21)
        .receive([&](int value) { answer = value; }, [](const caf::error&) { FAIL("no answer"); });
    CHECK(answer == 42);
    return thread_count();
  };
  CHECK(threads_with(5) == threads_with(1) + 4);
}

}  // namespace proctor::config
