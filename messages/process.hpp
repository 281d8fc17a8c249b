#pragma once

#include <sys/types.h>

#include <caf/all.hpp>
#include <cstdint>
#include <optional>

#include "kernel/journal.hpp"

namespace proctor::messages {

/// A notification of this process, received and waiting in the sandbox's journal.
struct Decide {
  kernel::SlotNumber slot = 0;
};

/// The process has ended; its pidfd said so.
struct ProcessExited {
  std::optional<int> status;  ///< in wait(2)'s form; nothing where this kernel does not tell
};

/// One actor per process (thread group): owns its remote memory and its PerProcessState. It shares the pidfd
/// with the process's entry in the index and, until the process has ended, with the exit watcher's set.
using process_actor = caf::typed_actor<
    /// Answers the notification through the sandbox's responder, at once.
    caf::reacts_to<Decide>,
    /// Writes the process's last line on record, lets go of all it owns, ends.
    caf::reacts_to<ProcessExited>>;

}  // namespace proctor::messages

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(proctor::messages::Decide)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(proctor::messages::ProcessExited)
