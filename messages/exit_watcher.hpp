#pragma once

#include <caf/all.hpp>

namespace proctor::messages {

/// Some watched process may have ended.
struct LookForEnded {};

/// One per sandbox: one epoll for all of its pidfds, drained as soon as a process ends.
using exit_watcher_actor = caf::typed_actor<
    /// Takes what has ended out of the index.
    caf::reacts_to<LookForEnded>>;

}  // namespace proctor::messages

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(proctor::messages::LookForEnded)
