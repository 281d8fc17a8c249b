#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "kernel/result.hpp"
#include "policy/sandbox_policy.hpp"

namespace proctor::launch {

/// The session protocol: one JSON object a line over a kernel::MessageSocket, between a session parent
/// (the process that forked the target and is its parent, job controller and subreaper) and its
/// supervisor. Embedded sessions speak it over a socket pair, others over the daemon's socket: one code
/// path for both. Requests carry "op", replies "reply". Unknown keys and wrong types are refused.
inline constexpr int session_protocol_version = 1;

/// {"op":"attach", ...} with the descriptors, in this order: the listener, the target's pidfd, the write end
/// of its release pipe. The supervisor arms the sandbox, writes the release byte itself (one hop less) and
/// answers Armed; or closes all and answers Refused.
struct AttachRequest {
  policy::SandboxPolicy policy;  ///< an empty name: the supervisor makes one up ("make-4711")
  std::vector<std::string> command;
  pid_t target = 0;                                ///< CMD's process
  pid_t init = 0;                                  ///< the session parent: adopts the sandbox's orphans
  bool landlocked = false;                         ///< the kernel keeps the target out of procfs
  bool signals_scoped = false;                     ///< and its signals inside
  std::vector<std::string> ungranted_directories;  ///< of kernel::ProcfsDenial
  std::vector<std::string> degraded;               ///< features that are missing, in words; empty is good
};

/// {"op":"command-ended","status":256}: CMD has been reaped, with this wait(2) status. For the record.
struct CommandEnded {
  int status = 0;
};

/// {"op":"session-ended"}: no process of the session is left. The supervisor lets go of the sandbox, flushes
/// its record and answers Ended. A connection that closes without it means that the session parent died:
/// the supervisor then ends the tree.
struct SessionEnded {};

/// {"op":"list"} and {"op":"inspect","name":"..."}: answered by one line of JSON, which `proctor ps` and
/// `proctor inspect` print or lay out.
struct ListRequest {};
struct InspectRequest {
  std::string name;
};

using Request = std::variant<AttachRequest, CommandEnded, SessionEnded, ListRequest, InspectRequest>;

/// {"reply":"armed","name":"make-4711"} with one descriptor: the listener once more, to be kept open and not
/// used by whoever outlives the supervisor. As long as it is open, a dead supervisor's sandbox waits in the
/// calls it would have judged; with the last copy gone the kernel fails them with ENOSYS.
struct Armed {
  std::string name;
};
/// {"reply":"refused","reason":"a sentence for the user"}: the answer to any request that cannot be met.
struct Refused {
  std::string reason;
};
/// {"reply":"ended"}
struct Ended {};
/// {"reply":"end-session","reason":"..."}: the supervisor asks the session parent to end the tree now (the
/// daemon stops).
struct EndSession {
  std::string reason;
};

using Reply = std::variant<Armed, Refused, Ended, EndSession>;

[[nodiscard]] std::string to_json(const Request& request);
[[nodiscard]] std::string to_json(const Reply& reply);
/// EPROTO with a sentence that names what was wrong and what was expected.
[[nodiscard]] kernel::Result<Request> parse_request(std::string_view line);
[[nodiscard]] kernel::Result<Reply> parse_reply(std::string_view line);

}  // namespace proctor::launch
