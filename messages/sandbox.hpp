#pragma once

#include <caf/all.hpp>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "index/pid_key.hpp"
#include "policy/stated_limits.hpp"

namespace proctor::messages {

/// CMD has ended with this wait(2) status; what becomes of the rest is the session parent's business.
struct SandboxCommandEnded {
  int status = 0;
};

/// End every process of the sandbox, now. With the session parent alive it does so itself and better; this
/// is for when it is gone, or the daemon stops.
struct EndSandbox {
  std::string reason;
};

/// No process of the session is left (its parent reaped them all): close the books.
struct SandboxDrained {};

/// The listener hung up: no task uses the filter any more.
struct ListenerEnded {};

/// Describe yourself.
struct DescribeSandbox {
  enum class Detail : std::uint8_t { processes, everything };
  Detail detail = Detail::processes;
};

/// One actor's counters, read while it runs.
struct ActorReport {
  std::string kind;
  std::uint64_t id = 0;
  std::uint64_t parent = 0;
  std::uint64_t messages = 0;
  std::uint64_t handled = 0;
  std::uint64_t depth = 0;
  std::uint64_t busy_ns = 0;
  std::uint64_t longest_ns = 0;
};

struct ProcessReport {
  index::PidKey key;
  index::PidKey parent;
  std::string command;
  std::uint64_t notifications = 0;
  std::uint64_t refused = 0;
  std::uint64_t threads = 0;
  std::uint64_t memory_bytes = 0;  ///< resident, as the kernel counts
};

struct SandboxDescription {
  std::string name;
  std::vector<std::string> command;
  std::string state;  ///< "armed", "command ended", "ending", "not answering"
  pid_t target = 0;
  pid_t init = 0;
  std::int64_t started_unix_ms = 0;
  std::vector<std::string> degraded;
  std::string when_command_ends;
  bool accept_degraded = false;
  std::int64_t verdict_timeout_ms = 0;
  std::string proc;  ///< policy::name_of(ProcMode)
  policy::StatedLimits limits;
  std::vector<ProcessReport> processes;
  std::vector<ActorReport> actors;
  std::uint64_t in_flight = 0;
  std::uint64_t notifications = 0;
  std::uint64_t continued = 0, failed = 0, returned = 0, injected = 0, withdrawn = 0, expired = 0;
};

/// Shared, never copied.
using SandboxDescriptionPtr = std::shared_ptr<const SandboxDescription>;

/// One per sandbox: ties its actors together and owns the end of its life.
using sandbox_actor = caf::typed_actor<
    /// Notes it on record.
    caf::reacts_to<SandboxCommandEnded>,
    /// Kills by pidfd until the listener hangs up.
    caf::reacts_to<EndSandbox>,
    /// Ends all actors of the sandbox and then itself.
    caf::reacts_to<SandboxDrained>,
    /// Nobody is left: as SandboxDrained, unless the session parent is still to say so.
    caf::reacts_to<ListenerEnded>,
    /// Answers from the snapshot and the counters.
    caf::replies_to<DescribeSandbox>::with<SandboxDescriptionPtr>>;

}  // namespace proctor::messages

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(proctor::messages::SandboxCommandEnded)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(proctor::messages::EndSandbox)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(proctor::messages::SandboxDrained)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(proctor::messages::ListenerEnded)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(proctor::messages::DescribeSandbox)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(proctor::messages::SandboxDescriptionPtr)
