#pragma once

#include <linux/seccomp.h>

#include <cstddef>
#include <cstdint>
#include <vector>

#include "kernel/result.hpp"
#include "kernel/unique_fd.hpp"

namespace proctor::actors {

struct SandboxContext;

/// The answer to a Handler::tell_ipc call.
struct ToldIpc {
  std::int64_t value = 0;
  std::vector<std::byte> bytes;  ///< for the call's third argument; none for semctl
};

/// Whether the target's System V IPC objects and message queues are others than this thread's calls would
/// find, as a container's are. No, where that cannot be told.
[[nodiscard]] bool has_own_ipc_objects(pid_t tid);

/// Makes the call with the target's credentials; a process outside the sandbox becomes 0, as the kernel tells
/// it across pid namespaces. shmctl(2), msgctl(2), semctl(2). ESRCH: the target is gone.
[[nodiscard]] kernel::Result<ToldIpc> ask_ipc(SandboxContext& context, const seccomp_notif& notification);

/// mq_open(2) with the target's credentials and umask. `attributes`: a `struct mq_attr`, null where the
/// target gives none. `may_make`: else EACCES for a queue that is not there. The kernel's own mount of the
/// queues can have no Landlock rule, so that the target itself opens none.
[[nodiscard]] kernel::Result<kernel::UniqueFd> open_queue(SandboxContext& context,
                                                          const seccomp_notif& notification, const char* name,
                                                          const std::byte* attributes, bool may_make);

}  // namespace proctor::actors
