#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

namespace proctor::kernel {

/// Whether a thread is in the calling thread's namespace of a kind ("user", "pid", "ipc", ...):
/// namespaces(7). Nothing where it cannot be told: the thread is gone, or the caller may not look at it.
[[nodiscard]] std::optional<bool> shares_namespace(pid_t tid, const std::string& kind);

}  // namespace proctor::kernel
