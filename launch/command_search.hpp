#pragma once

#include <string>
#include <vector>

namespace proctor::launch {

/// The files that execvp(3) would try for `name`, in its order, without those that do not exist: after the
/// filter is in force every attempt costs a notification. A name with a slash is its own only candidate.
/// May be empty: not found.
[[nodiscard]] std::vector<std::string> find_command(const std::string& name);

/// Executes the first of `candidates` that can be, as execvp(3) does: an unreadable one is passed over, a
/// text file without an interpreter line is given to /bin/sh. Returns the errno of the failure.
[[nodiscard]] int execute_command(const std::vector<std::string>& candidates,
                                  const std::vector<std::string>& command);

}  // namespace proctor::launch
