#pragma once

#include <caf/all.hpp>
#include <cstdint>
#include <string>

namespace proctor::messages {

/// One connection of a supervisor process; no later one has its number, as one may have its descriptor.
using ConnectionId = std::uint64_t;

/// Somebody waits to be accepted.
struct ConnectionWaiting {};

/// This connection can be read, or was closed.
struct ConnectionReadable {
  ConnectionId id = 0;
};

/// End every session, then the supervisor, then yourself.
struct StopDaemon {
  std::string reason;
};

/// The sessions have had their time.
struct StopNow {};

/// One per supervisor process: the door for session parents and for `proctor ps` and `proctor inspect`.
using control_actor = caf::typed_actor<
    /// Accepts one connection and checks whose it is.
    caf::reacts_to<ConnectionWaiting>,
    /// Takes one request.
    caf::reacts_to<ConnectionReadable>,
    /// Asks the session parents to end their trees.
    caf::reacts_to<StopDaemon>,
    /// Has the supervisor end what is left.
    caf::reacts_to<StopNow>>;

}  // namespace proctor::messages

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(proctor::messages::ConnectionWaiting)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(proctor::messages::ConnectionReadable)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(proctor::messages::StopDaemon)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(proctor::messages::StopNow)
