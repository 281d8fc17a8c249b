#pragma once

#include <memory>

#include "actors/loop_bound.hpp"
#include "actors/process_state.hpp"
#include "kernel/pidfd.hpp"
#include "messages/process.hpp"

namespace proctor::actors {

struct process_actor_state {
  static inline const char* name = "process";
  std::unique_ptr<ProcessState> process;
  index::PidKey parent;
};

using ProcessSelf = LoopActor<messages::process_actor, process_actor_state>*;

/// One process of the sandbox: a shell around ProcessState.
[[nodiscard]] messages::process_actor::behavior_type process(ProcessSelf self, SandboxContext* context,
                                                             index::PidKey key, index::PidKey parent,
                                                             std::shared_ptr<const kernel::PidFd> pidfd,
                                                             std::shared_ptr<ProcessRecord> record);

}  // namespace proctor::actors
