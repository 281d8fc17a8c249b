#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "actors/observed.hpp"
#include "actors/recorder.hpp"
#include "actors/sandbox_thread.hpp"
#include "messages/supervisor.hpp"
#include "policy/settings.hpp"

namespace proctor::actors {

/// What the supervisor is told at start.
struct SupervisorSettings {
  std::uint32_t sandboxes_max = policy::sandboxes_max_default;
  SandboxLimits limits;                          ///< the most that a sandbox may ask for
  bool accept_degraded = false;                  ///< else a degraded sandbox needs its user's word
  std::chrono::milliseconds sample_interval{0};  ///< between actor samples on record; 0: none
};

struct supervisor_state {
  static inline const char* name = "supervisor";

  SupervisorSettings settings;
  std::shared_ptr<RecordTarget> record;
  std::map<std::string, std::unique_ptr<SandboxThread>, std::less<>> sandboxes;
  std::uint64_t next_number = 1;
  std::uint64_t samples = 0;  ///< the series of TakeSample that goes on
  std::multimap<std::string, caf::typed_response_promise<messages::SandboxGone>, std::less<>> awaited;
  std::vector<caf::typed_response_promise<messages::SupervisorStopped>> stopping;

  /// The name to use for an order: its own if it is free, else nothing; or one made of the command.
  [[nodiscard]] std::string name_for(const messages::SandboxOrder& order);
};

using SupervisorSelf = ObservedActor<messages::supervisor_actor, supervisor_state>*;

/// The root of the tree of actors.
[[nodiscard]] messages::supervisor_actor::behavior_type supervisor(SupervisorSelf self,
                                                                   SupervisorSettings settings,
                                                                   std::shared_ptr<RecordTarget> record);

}  // namespace proctor::actors
