#pragma once

#include <sys/types.h>

#include <caf/all.hpp>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "index/pid_key.hpp"

namespace proctor::messages {

/// What can be on record. One struct per line of docs/introspection.md; the field names are the same.
namespace event {

struct ActorStarted {
  std::string kind;
  std::uint64_t id = 0;
  std::uint64_t parent = 0;
};

struct ActorStopped {
  std::string kind;
  std::uint64_t id = 0;
  std::string reason;  ///< "normal", or the error
};

struct SandboxArmed {
  std::vector<std::string> command;
  std::vector<std::string> degraded;
  pid_t target = 0;
};

struct CommandEnded {
  int status = 0;  ///< in wait(2)'s form
};

struct SandboxEnded {
  std::string reason;
  std::uint64_t processes = 0;      ///< registered over its life
  std::uint64_t notifications = 0;  ///< received over its life
};

struct ProcessRegistered {
  index::PidKey key;
  index::PidKey parent;
  std::string command;  ///< the kernel's comm
};

struct ProcessExec {
  index::PidKey key;
  std::string command;  ///< the new comm
};

struct ProcessExited {
  index::PidKey key;
  index::PidKey parent;
  std::string command;
  std::optional<int> status;  ///< in wait(2)'s form
  std::uint64_t notifications = 0;
  std::uint64_t refused = 0;
};

struct VerdictGiven {
  index::PidKey key;
  pid_t tid = 0;
  std::string syscall;
  std::string argument;  ///< the path, or the pid; as the target gave it, made printable
  std::string verdict;   ///< "EACCES", "return 48", "inject"
  std::string reason;
};

struct IndexPublished {
  std::uint64_t processes = 0;
  std::uint64_t version = 0;
};

struct ActorSample {
  std::string kind;
  std::uint64_t id = 0;
  std::uint64_t messages = 0;
  std::uint64_t handled = 0;
  std::uint64_t depth = 0;
  std::uint64_t busy_us = 0;
  std::uint64_t longest_us = 0;
};

struct RecordLost {
  std::uint64_t total = 0;  ///< events dropped or not written, since the start
};

}  // namespace event

using AnyEvent =
    std::variant<event::ActorStarted, event::ActorStopped, event::SandboxArmed, event::CommandEnded,
                 event::SandboxEnded, event::ProcessRegistered, event::ProcessExec, event::ProcessExited,
                 event::VerdictGiven, event::IndexPublished, event::ActorSample, event::RecordLost>;

/// One line of the record.
struct Event {
  std::chrono::system_clock::time_point time;
  std::string sandbox;  ///< empty for the supervisor's own
  AnyEvent what;
};

/// What one loop noticed since it last slept; shared, never copied.
struct EventBatch {
  std::shared_ptr<const std::vector<Event>> events;
  std::uint64_t text_bytes = 0;  ///< of their strings
};

/// Reopen the record's file (it was rotated from outside).
struct ReopenRecord {};

/// Everything handed in before this is on disk when the answer comes.
struct FlushRecord {};
struct RecordFlushed {};

/// One per supervisor: writes the record as JSON Lines, away from the listener threads.
using introspection_actor = caf::typed_actor<
    /// Writes one line per event.
    caf::reacts_to<EventBatch>,
    /// Closes and opens the file by its name.
    caf::reacts_to<ReopenRecord>,
    /// Answers when all lines are written.
    caf::replies_to<FlushRecord>::with<RecordFlushed>>;

}  // namespace proctor::messages

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(proctor::messages::EventBatch)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(proctor::messages::ReopenRecord)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(proctor::messages::FlushRecord)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(proctor::messages::RecordFlushed)
