#pragma once

#include <chrono>
#include <cstdint>

/// What the configuration sets and the actors go by; neither of them includes the other.
namespace proctor::policy {

/// How much goes on record, each level with all before it: docs/introspection.md.
enum class RecordLevel : std::uint8_t {
  off,        ///< nothing, samples neither
  lifecycle,  ///< actors, sandboxes and processes; samples
  verdicts,   ///< and every verdict that is not a plain continue
  all,        ///< and publications of an index
};

// What holds where nothing else is said.

inline constexpr std::uint32_t sandboxes_max_default = 1024;
inline constexpr std::uint32_t processes_max_default = 32'768;  ///< registered at once, per sandbox
inline constexpr std::uint32_t pending_max_default = 256;       ///< slots of a sandbox's journal
inline constexpr std::chrono::milliseconds verdict_timeout_default{5000};
inline constexpr std::uint64_t rotate_bytes_default = std::uint64_t{64} << 20U;
inline constexpr std::uint32_t rotate_files_default = 5;

}  // namespace proctor::policy
