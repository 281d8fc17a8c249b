#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "policy/sandbox_policy.hpp"

namespace proctor::launch {

/// Who supervises a session.
enum class Supervision {
  automatic,  ///< the daemon at the default socket when one listens there, else embedded
  embedded,   ///< a proctord of the session's own
  daemon,     ///< the daemon at SessionOptions::socket
};

/// What `proctor run` was asked for.
struct SessionOptions {
  std::vector<std::string> command;  ///< CMD and its arguments, not empty
  policy::SandboxPolicy policy;
  Supervision supervision = Supervision::automatic;
  std::filesystem::path socket;  ///< with Supervision::daemon
  std::filesystem::path log;     ///< introspection record of an embedded session; empty: none
};

/// Where a daemon of the calling user listens, policy::default_socket_path(); empty: nowhere.
[[nodiscard]] std::filesystem::path default_socket();

/// Runs CMD in a sandbox and returns what the calling process is to exit with; says on standard error
/// what went wrong. The process gives its standard streams and descriptors up on the way: nothing but
/// exit may follow. To be called while it has one thread.
[[nodiscard]] int run_session(SessionOptions options);

}  // namespace proctor::launch
