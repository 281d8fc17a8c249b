#pragma once

#include <caf/all.hpp>
#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "kernel/pidfd.hpp"
#include "kernel/unique_fd.hpp"
#include "messages/sandbox.hpp"
#include "policy/sandbox_policy.hpp"
#include "policy/settings.hpp"

namespace proctor::messages {

/// All that a new sandbox is made of. Moved out of by the one who makes it.
struct SandboxOrder {
  policy::SandboxPolicy policy;
  std::vector<std::string> command;
  pid_t target = 0;
  pid_t init = 0;
  std::vector<std::string> ungranted_directories;
  std::vector<std::string> degraded;
  bool landlocked = false;      ///< the kernel keeps the target out of procfs
  bool signals_scoped = false;  ///< and its signals inside
  kernel::UniqueFd listener;
  kernel::PidFd target_pidfd;
  kernel::UniqueFd release;
};

/// Make a sandbox, arm it and release its target.
struct CreateSandbox {
  std::shared_ptr<SandboxOrder> order;
};

/// It is armed; or `refusal` says in a sentence why there is none.
struct SandboxCreated {
  std::string name;
  std::string refusal;
  sandbox_actor sandbox;
};

struct ListSandboxes {
  std::string only;  ///< one name, or empty for all
  DescribeSandbox::Detail detail = DescribeSandbox::Detail::processes;
};
using SandboxList = std::shared_ptr<const std::vector<SandboxDescriptionPtr>>;

/// End all sandboxes and, when the last is gone, everything.
struct StopSupervisor {};
struct SupervisorStopped {};

/// A sandbox's thread has run its last.
struct SandboxGone {
  std::string name;
};

/// Tell when the thread of this sandbox has run its last and all its events are with the introspection actor.
struct AwaitSandboxGone {
  std::string name;
};

/// Put the counters of every actor on record, and again after the interval.
struct TakeSample {
  std::uint64_t series = 0;  ///< a new one begins when the interval changes, and ends the one before
};

/// Settings that may change while running.
struct Reconfigure {
  bool accept_degraded = false;
  std::chrono::milliseconds verdict_timeout = policy::verdict_timeout_default;
  std::chrono::milliseconds sample_interval{0};
};

/// The root: makes sandboxes, monitors every actor it made, and lets one die without the others.
using supervisor_actor = caf::typed_actor<
    /// Starts the sandbox's threads and actors.
    caf::replies_to<CreateSandbox>::with<SandboxCreated>,
    /// Asks each sandbox, within a second.
    caf::replies_to<ListSandboxes>::with<SandboxList>,
    /// Joins the thread.
    caf::reacts_to<SandboxGone>,
    /// Answers after that; at once for a name that nobody has.
    caf::replies_to<AwaitSandboxGone>::with<SandboxGone>,
    /// Asks each sandbox; a timer of its own.
    caf::reacts_to<TakeSample>,
    /// Applies to sandboxes made from now on.
    caf::reacts_to<Reconfigure>,
    /// Answers when nothing is left.
    caf::replies_to<StopSupervisor>::with<SupervisorStopped>>;

}  // namespace proctor::messages

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(proctor::messages::CreateSandbox)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(proctor::messages::SandboxCreated)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(proctor::messages::ListSandboxes)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(proctor::messages::SandboxList)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(proctor::messages::StopSupervisor)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(proctor::messages::SupervisorStopped)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(proctor::messages::Reconfigure)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(proctor::messages::SandboxGone)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(proctor::messages::AwaitSandboxGone)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(proctor::messages::TakeSample)
