#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "actors/loop_bound.hpp"
#include "kernel/message_socket.hpp"
#include "launch/session_protocol.hpp"
#include "messages/control.hpp"
#include "messages/introspection.hpp"
#include "messages/supervisor.hpp"

namespace proctor::actors {

/// Most connections at a time: one for each session, and the curious.
inline constexpr std::size_t connections_max = 4096;

/// What the control actor works with.
struct ControlSetup {
  Loop* loop = nullptr;
  messages::supervisor_actor supervisor;
  messages::introspection_actor introspection;   ///< invalid when no record is kept
  std::shared_ptr<kernel::ServerSocket> server;  ///< null in an embedded supervisor
  std::vector<std::string> features;             ///< of this kernel, for `proctor inspect`
};

/// One connection: a session parent's once it has attached.
struct Connection {
  kernel::MessageSocket socket;
  std::string sandbox_name;
  messages::sandbox_actor sandbox;
  kernel::UniqueFd listener;  ///< for the session parent, until the sandbox is armed
  bool attached = false;
  bool session_ended = false;  ///< its parent said that no process is left
};

struct control_state {
  static inline const char* name = "control";

  ControlSetup setup;
  std::map<messages::ConnectionId, Connection> connections;
  messages::ConnectionId next_connection = 1;
  bool stopping = false;
};

using ControlSelf = LoopActor<messages::control_actor, control_state>*;

/// Speaks the session protocol with whoever connects; `first` is a connection that exists already (the
/// embedded session's).
[[nodiscard]] messages::control_actor::behavior_type control(ControlSelf self, ControlSetup setup,
                                                             std::shared_ptr<kernel::MessageSocket> first);

}  // namespace proctor::actors
