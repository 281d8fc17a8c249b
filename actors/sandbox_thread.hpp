#pragma once

#include <atomic>
#include <functional>
#include <latch>
#include <memory>
#include <string>
#include <thread>

#include "actors/sandbox_context.hpp"
#include "messages/sandbox.hpp"

namespace proctor::actors {

/// One sandbox's loop, the thread that runs it, and all that lives there: also the Receiver, whose thread
/// takes turns in that loop. The destructor joins: call it only once the sandbox has ended (`on_ended` was
/// called), or it waits for that.
class SandboxThread {
 public:
  /// Makes the sandbox and starts its thread, which inherits a mask with every signal blocked. `on_ended`
  /// runs on that thread as its last act. Fails with what is missing; the order's target is then not
  /// released and sees its release pipe close.
  [[nodiscard]] static kernel::Result<std::unique_ptr<SandboxThread>> start(
      caf::actor_system& system, messages::SandboxOrder order, const SandboxLimits& limits,
      std::shared_ptr<RecordTarget> record, std::uint64_t supervisor_id, std::function<void()> on_ended);

  SandboxThread(const SandboxThread&) = delete;
  SandboxThread& operator=(const SandboxThread&) = delete;
  ~SandboxThread();

  [[nodiscard]] const messages::sandbox_actor& actor() const noexcept { return actor_; }

  /// What can be said of the sandbox without asking it: no processes, and "not answering" for its state.
  [[nodiscard]] const messages::SandboxDescriptionPtr& outline() const noexcept { return outline_; }

  /// The tracked processes at this moment, for any thread. Only while the sandbox has not ended.
  [[nodiscard]] Index::SnapshotPtr processes() const { return context_->index.snapshot(); }

 private:
  SandboxThread() = default;
  void run(const std::function<void()>& on_ended);

  std::unique_ptr<SandboxContext> context_;
  messages::sandbox_actor actor_;
  messages::SandboxDescriptionPtr outline_;
  std::latch set_up_{1};  ///< the thread waits for its first actor
  std::thread thread_;
};

}  // namespace proctor::actors
