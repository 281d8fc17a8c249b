#include "actors/registry.hpp"

namespace proctor::actors {

messages::registry_actor::behavior_type registry(RegistrySelf, SandboxContext* context) {
  return {
      [context](messages::Register order) { return context->index.register_process(order.pid).has_value(); },
  };
}

}  // namespace proctor::actors
