#include "config/caf_config.hpp"

#include <caf/actor_system_config.hpp>
#include <caf/atom.hpp>
#include <cstddef>

namespace proctor::config {

void set_up_caf(caf::actor_system_config& target, const DaemonConfig& config) {
  static_assert(static_cast<int>(SchedulerPolicy::sharing) == 0, "the only policy there is");
  target.set("scheduler.policy", caf::atom("sharing"));
  target.set("scheduler.max-threads", static_cast<std::size_t>(config.scheduler.max_threads));
  // CAF's default is without limit: one actor that keeps sending to itself starves its thread for ever.
  target.set("scheduler.max-throughput", std::size_t{10});
  // CAF's logger blocks its callers for good after an empty message; proctor has its own.
  target.set("logger.verbosity", caf::atom("quiet"));
  target.set("logger.file-verbosity", caf::atom("quiet"));
  target.set("logger.console", caf::atom("none"));
  target.set("logger.console-verbosity", caf::atom("quiet"));
}

}  // namespace proctor::config
