#pragma once

#include <atomic>
#include <caf/all.hpp>

#include "support/catch.hpp"
#include "tests/kernel/child.hpp"

namespace proctor::tests {

/// The actor system as proctord sets it up.
struct TestSystem {
  struct Config : caf::actor_system_config {
    Config() {
      set("scheduler.policy", caf::atom("sharing"));
      set("scheduler.max-threads", std::size_t{2});
      set("scheduler.max-throughput", std::size_t{10});
      set("logger.verbosity", caf::atom("quiet"));
    }
  };
  Config config;
  caf::actor_system system{config};
};

}  // namespace proctor::tests
