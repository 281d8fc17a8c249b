#pragma once

#include <atomic>
#include <caf/all.hpp>
#include <cstdio>
#include <string_view>

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

/// Says why a test could not be made here.
inline void skip(std::string_view test, std::string_view reason) {
  std::printf("SKIPPED: %.*s: %.*s\n", static_cast<int>(test.size()), test.data(),
              static_cast<int>(reason.size()), reason.data());
  std::fflush(stdout);
}

}  // namespace proctor::tests
