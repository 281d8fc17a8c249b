#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "messages/introspection.hpp"
#include "policy/settings.hpp"

namespace proctor::actors {

using policy::RecordLevel;

/// Where recorders send their events; shared by all loops, from any thread.
struct RecordTarget {
  messages::introspection_actor actor;
  std::atomic<RecordLevel> level{RecordLevel::off};
  /// Events sent and not yet written. Bounds the introspection actor's mailbox, which CAF does not.
  std::atomic<std::uint64_t> backlog{0};
  std::atomic<std::uint64_t> backlog_bytes{0};  ///< of the text in these events
  std::atomic<std::uint64_t> dropped{0};
};

/// Most events that may wait to be written; more are dropped and counted, never waited for.
inline constexpr std::uint64_t record_backlog_max = 100'000;
/// Likewise, of their text: paths and commands are as long as the target likes.
inline constexpr std::uint64_t record_backlog_bytes_max = std::uint64_t{8} << 20U;

/// One loop's pen: collects events and sends them in one message when the loop is about to sleep.
class Recorder {
 public:
  Recorder(std::shared_ptr<RecordTarget> target, std::string sandbox);

  /// Whether events of `level` are wanted; ask before making one that costs something.
  [[nodiscard]] bool wants(RecordLevel level) const noexcept {
    return target_ != nullptr && target_->level.load(std::memory_order_relaxed) >= level;
  }

  void record(RecordLevel level, messages::AnyEvent what);

  /// Sends what was collected.
  void flush();

 private:
  std::shared_ptr<RecordTarget> target_;
  std::string sandbox_;
  std::vector<messages::Event> collected_;
  std::uint64_t collected_bytes_ = 0;
};

}  // namespace proctor::actors
