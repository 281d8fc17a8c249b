#pragma once

#include <caf/all.hpp>

namespace proctor::messages {

/// Start receiving: the sandbox is complete.
struct Arm {};

/// One per listener: receives notifications as they come and has each decided, by itself from the
/// published snapshot or by the process actor it belongs to.
using notification_actor = caf::typed_actor<
    /// Puts the listener into the loop of its thread.
    caf::reacts_to<Arm>>;

}  // namespace proctor::messages

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(proctor::messages::Arm)
