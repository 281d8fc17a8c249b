#pragma once

#include "config/options.hpp"

namespace caf {
class actor_system_config;
}

namespace proctor::config {

/// Sets up CAF as `config` wants it and proctor needs it: the scheduler, a finite share of a thread for each
/// actor, no output of CAF's own. Takes the object by reference because CAF's is not safely movable (its
/// options point into it), and because the caller's may be a derived one that declares message types. CAF
/// reads no file and no command line of its own: do not call its parse().
void set_up_caf(caf::actor_system_config& target, const DaemonConfig& config);

}  // namespace proctor::config
