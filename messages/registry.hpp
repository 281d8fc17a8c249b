#pragma once

#include <sys/types.h>

#include <caf/all.hpp>

namespace proctor::messages {

/// Put the process with this id under supervision; answered when it is in the published index.
struct Register {
  pid_t pid = 0;
};

/// One per sandbox: answers for its process index, whose only writer is this actor's thread.
using registry_actor = caf::typed_actor<
    /// Registers a process that somebody vouches for (the target itself); false: it is gone.
    caf::replies_to<Register>::with<bool>>;

}  // namespace proctor::messages

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(proctor::messages::Register)
