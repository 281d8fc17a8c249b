#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace proctor::actors {

struct SandboxContext;

/// How much memory the sandbox's processes hold in virtual files. It is the supervisor's, and theirs for as
/// long as they keep a descriptor or a map of the file, so it is bounded.
///
/// Nobody tells when a file is let go. So all that was ever made counts as held until that reaches the bound;
/// then the descriptors and maps of every process are looked through, once.
class HeldFiles {
 public:
  /// `context` outlives this.
  explicit HeldFiles(SandboxContext& context) noexcept : context_(context) {}

  /// Whether a file of so many bytes may be made; it is then taken to be.
  [[nodiscard]] bool admit(std::size_t bytes);

  /// What processes hold now: as descriptors and as maps, each file once. Not seen: descriptors that are
  /// under way in a socket, which RLIMIT_NOFILE bounds for each user (unix(7)); and processes that a
  /// supervisor without root cannot look at, whose memory is its own user's all the same.
  [[nodiscard]] std::uint64_t count() const;

 private:
  SandboxContext& context_;
  std::uint64_t held_bytes_ = 0;                      ///< at most
  std::chrono::steady_clock::time_point counted_at_;  ///< last
};

}  // namespace proctor::actors
