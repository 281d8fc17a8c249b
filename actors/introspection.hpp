#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "actors/observed.hpp"
#include "actors/record_sink.hpp"
#include "actors/recorder.hpp"
#include "kernel/result.hpp"
#include "messages/introspection.hpp"

namespace spdlog {
class logger;
}

namespace proctor::actors {

/// One event as one line of JSON, without its newline. The schema is docs/introspection.md.
[[nodiscard]] std::string to_json_line(const messages::Event& event);

struct introspection_state {
  static inline const char* name = "introspection";

  RecordFile file;
  std::shared_ptr<RecordTarget> target;
  std::shared_ptr<RecordSink> sink;
  std::shared_ptr<spdlog::logger> log;
  std::uint64_t lost_on_record = 0;  ///< what the record itself says of lost events
  bool loss_reported = false;        ///< on standard error, once until lines are written again

  void start();
  /// Opens the file by its name; where that fails, says so and stays with the one there is.
  void open();
  void write(const messages::EventBatch& batch);
  /// Whether all of it could be written.
  bool flush();
  void report(const std::string& why);
};

using IntrospectionSelf = ObservedActor<messages::introspection_actor, introspection_state>*;

/// Writes the record. A disk that is full costs lines, which are counted and reported on standard error,
/// never a verdict.
[[nodiscard]] messages::introspection_actor::behavior_type introspection(
    IntrospectionSelf self, RecordFile file, std::shared_ptr<RecordTarget> target);

/// Starts it on a thread of its own: a disk that hangs stalls nobody else.
[[nodiscard]] messages::introspection_actor spawn_introspection(caf::actor_system& system, RecordFile file,
                                                                std::shared_ptr<RecordTarget> target);

}  // namespace proctor::actors
