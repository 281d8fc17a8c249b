#pragma once

#include "actors/loop_bound.hpp"
#include "actors/sandbox_context.hpp"
#include "messages/registry.hpp"

namespace proctor::actors {

struct registry_state {
  static inline const char* name = "registry";
};

using RegistrySelf = LoopActor<messages::registry_actor, registry_state>*;

/// The process index as an actor: what others of its thread need at once they ask the index itself.
[[nodiscard]] messages::registry_actor::behavior_type registry(RegistrySelf self, SandboxContext* context);

}  // namespace proctor::actors
