#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "kernel/message_socket.hpp"
#include "kernel/pidfd.hpp"
#include "kernel/result.hpp"
#include "kernel/unique_fd.hpp"
#include "launch/session_protocol.hpp"
#include "launch/signals.hpp"

namespace proctor::launch {

/// What a target is to become.
struct TargetPlan {
  std::vector<std::string> command;  ///< argv of CMD, not empty
  policy::SandboxPolicy policy;      ///< goes into the attach request
};

/// Why a target did not become CMD, in its own words: it knows best, it still has the caller's directory.
struct TargetFailure {
  /// env(1)'s 127 for a command that is not there, 126 for one that cannot be executed, 125 for all of
  /// proctor's own.
  int exit_code = 0;
  std::string message;  ///< one line; empty: it was not released, which the supervisor can explain
};

/// A target that sets itself up (Landlock, filter), sends its attach request to the
/// supervisor, and then waits, before its exec, to be released.
///
/// Why does the target itself send the request? It is the first to hold the listener, and its parent can
/// meanwhile become the supervisor by exec. sendmsg(2) is not a call the filter traps. For the same reason
/// it makes its ruleset and its filter itself: half a millisecond beside the start of proctord, not before
/// it.
struct SpawnedTarget {
  pid_t pid = 0;  ///< a child of the caller
  kernel::PidFd pidfd;
  /// Readable once the target has been executed or has failed: read_exec_report().
  kernel::UniqueFd exec_report;
};

/// Forks a target. `supervisor` is the connection that its attach request travels on; the target closes its
/// copy, the caller keeps the other. `signals` is what the target gets back before its exec. The target dies
/// with the calling thread (PR_SET_PDEATHSIG). The caller has one thread and is a subreaper.
[[nodiscard]] kernel::Result<SpawnedTarget> spawn_target(const TargetPlan& plan, const SignalState& signals,
                                                         kernel::MessageSocket& supervisor);

/// What a readable exec report says. Nothing: the exec worked, or the target was killed before it.
[[nodiscard]] std::optional<TargetFailure> read_exec_report(const kernel::UniqueFd& exec_report);

/// How many bytes of a command line go on record, about: it may be 2 MB long.
inline constexpr std::size_t command_bytes_max = 32768;

/// The command line as the supervisor's records show it: whole arguments, cut off with "..." after about
/// `command_bytes_max` bytes.
[[nodiscard]] std::vector<std::string> command_for_record(const std::vector<std::string>& command);

}  // namespace proctor::launch
