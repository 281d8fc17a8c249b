#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "kernel/result.hpp"
#include "policy/proc_mode.hpp"
#include "policy/stated_limits.hpp"

namespace proctor::policy {

/// What happens to the rest of the tree when CMD ends.
enum class WhenCommandEnds : std::uint8_t {
  end_tree,  ///< every other process of the sandbox is killed
  linger,    ///< the sandbox goes on until its last process has ended
};

/// Longest name of a sandbox, in bytes.
inline constexpr std::size_t name_bytes_max = 63;

/// Bounds of SandboxPolicy::verdict_timeout. Below, a loaded machine would refuse honest calls; above, a
/// stuck notification would hold its target for longer than anyone waits.
inline constexpr std::chrono::milliseconds verdict_timeout_min{10};
inline constexpr std::chrono::milliseconds verdict_timeout_max{std::chrono::minutes{10}};

/// What the user asked one sandbox to be. Travels as JSON from `proctor run` to its supervisor.
struct SandboxPolicy {
  std::string name;  ///< [a-z0-9][a-z0-9_.-]{0,62}, unique within one supervisor
  WhenCommandEnds when_command_ends = WhenCommandEnds::end_tree;
  bool accept_degraded = false;  ///< start even where a kernel feature that safety needs is missing
  /// A notification unanswered for so long is refused. Nothing: as long as the supervisor lets one wait.
  std::optional<std::chrono::milliseconds> verdict_timeout;
  ProcMode proc = ProcMode::private_view;  ///< which calls /proc's privacy covers
  StatedLimits limits;                     ///< what the sandbox is told it has

  bool operator==(const SandboxPolicy&) const = default;
};

/// "private", "strict", as `proctor run --proc` and the policy's JSON say it.
[[nodiscard]] std::string_view name_of(ProcMode mode);
/// "end-tree", "linger".
[[nodiscard]] std::string_view name_of(WhenCommandEnds ending);
/// The reverse. EINVAL with a sentence that says what is expected.
[[nodiscard]] kernel::Result<ProcMode> proc_mode_of(std::string_view word);

/// Whether `name` is [a-z0-9][a-z0-9_.-]{0,62}. EINVAL with a sentence that says what is wrong with it.
[[nodiscard]] kernel::Result<void> validate_name(std::string_view name);

/// Whether `hostname` is 1 to 64 letters, digits, '-', '.' and '_', with neither '-' nor '.' at its ends.
/// EINVAL with a sentence that says what is wrong with it.
[[nodiscard]] kernel::Result<void> validate_hostname(std::string_view hostname);

/// {"accept_degraded":false,"name":"make-1","when_command_ends":"end-tree"} on one line. In strict mode also
/// "proc":"strict", with a timeout "verdict_timeout_ms":5000, where something is limited
/// "limits":{"cpus":2,"hostname":"box","memory_bytes":536870912,"processes":64}, without what is not. Bytes
/// that are no UTF-8 become U+FFFD, which validate_name and validate_hostname refuse at the other end.
[[nodiscard]] std::string to_json(const SandboxPolicy& policy);

/// The reverse of to_json, for text from outside. A key that is left out keeps its default; an empty name is
/// taken, because the supervisor may make one up; an empty hostname is not. EINVAL with a sentence that names
/// the key: not JSON, not an object, a key that is unknown or there twice, a wrong type, a value out of
/// range.
[[nodiscard]] kernel::Result<SandboxPolicy> sandbox_policy_from_json(std::string_view text);

}  // namespace proctor::policy
