#pragma once

#include <caf/all.hpp>

namespace proctor::messages {

/// Start receiving: the sandbox is complete.
struct Arm {};

/// One per listener: has each notification decided that the sandbox's Receiver receives, by itself from the
/// published snapshot or by the process actor it belongs to.
using notification_actor = caf::typed_actor<
    /// Starts the Receiver, whose thread blocks in the listener and takes turns in the loop.
    caf::reacts_to<Arm>>;

}  // namespace proctor::messages

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(proctor::messages::Arm)
