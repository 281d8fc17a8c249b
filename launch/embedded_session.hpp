#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>

#include "kernel/result.hpp"

namespace proctor::launch {

/// What the process that forked the target hands to the `proctord` it becomes by exec:
/// `proctord --session=JSON`. The numbers are descriptors that the exec leaves open; whoever parses this
/// owns them. The target's attach request is on its way to `supervisor_fd` by then: the target sends it
/// itself, through its copy of `parent_fd`'s end, as soon as its filter is in force.
struct EmbeddedSession {
  int front_fd = -1;        ///< MessageSocket to the front; its end of file means that the front died
  int parent_fd = -1;       ///< the session parent's end of the session protocol
  int supervisor_fd = -1;   ///< the supervisor's end of it
  pid_t target_pid = 0;     ///< a child of this very process
  int target_pidfd = -1;    ///< of the same
  int exec_report_fd = -1;  ///< SpawnedTarget::exec_report
  bool linger = false;      ///< policy::WhenCommandEnds::linger
  std::string log;          ///< where the session's introspection record goes; empty: nowhere

  bool operator==(const EmbeddedSession&) const = default;
};

/// One line of JSON. Bytes of `log` that are no UTF-8 do not survive: callers refuse such a path.
[[nodiscard]] std::string to_json(const EmbeddedSession& session);

/// EPROTO with a sentence: not an object, a missing or unknown key, a wrong type, a negative number.
[[nodiscard]] kernel::Result<EmbeddedSession> parse_embedded_session(std::string_view json);

}  // namespace proctor::launch
