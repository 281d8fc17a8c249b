#pragma once

#include <string>
#include <variant>

#include "kernel/message_socket.hpp"
#include "launch/signals.hpp"
#include "launch/target.hpp"

namespace proctor::launch {

/// The comm of a session parent that serves a daemon's session; an embedded one is proctord's. Whoever
/// descends from a process of either name is sandboxed: standing.hpp.
inline constexpr const char* session_parent_comm = "proctor:session";

/// The supervisor of a session's own: the program to become, and where its record goes ("": nowhere).
struct EmbeddedSupervisor {
  std::string proctord;
  std::string log;
};

/// What the process between front and target does, from its first instruction on: it forks the target, lets
/// go of what it inherited, and sees the session through, with the daemon at the other end of the socket or
/// as a proctord of the session's own. A process that has nothing else below it: what the caller had started
/// before it executed proctor is the front's, and no part of the sandbox.
///
/// It leaves the session, because what the terminal or a shell does to the job must not stop or kill it
/// before the last target.
[[noreturn]] void run_session_process(const TargetPlan& plan, const SignalState& signals,
                                      kernel::MessageSocket front,
                                      std::variant<kernel::MessageSocket, EmbeddedSupervisor> supervisor);

}  // namespace proctor::launch
