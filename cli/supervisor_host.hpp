#pragma once

#include <caf/all.hpp>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "actors/control.hpp"
#include "actors/introspection.hpp"
#include "actors/loop.hpp"
#include "actors/supervisor.hpp"
#include "config/options.hpp"
#include "kernel/message_socket.hpp"

namespace proctor::cli {

/// Why std::terminate was called, for a person to read. To be used in its handler.
[[nodiscard]] std::string why_terminated();

/// The actors of one supervisor process: introspection, supervisor and control, with the loop that
/// control runs on. Made while every signal is blocked, so that all threads inherit that.
class SupervisorHost {
 public:
  /// `server`: the door of a daemon; null for an embedded supervisor, which speaks on `first` alone.
  SupervisorHost(caf::actor_system& system, const config::DaemonConfig& config,
                 std::shared_ptr<kernel::ServerSocket> server, std::shared_ptr<kernel::MessageSocket> first,
                 std::vector<std::string> features, std::shared_ptr<actors::Loop> loop);
  SupervisorHost(const SupervisorHost&) = delete;
  SupervisorHost& operator=(const SupervisorHost&) = delete;
  ~SupervisorHost();

  [[nodiscard]] const messages::control_actor& control() const noexcept { return control_; }

  /// Returns when the record, if there is one, has been opened.
  void await_record();

  /// Applies what SIGHUP may change, and reopens the record.
  void reconfigure(const config::DaemonConfig& config);

  /// Lets go of the record; after the loop has ended. No: a sandbox's thread has not, which hangs in a call
  /// that the kernel does not finish. The actor system cannot be taken down then: end the process.
  [[nodiscard]] bool finish();

 private:
  /// Whether the supervisor, and with it every sandbox's thread, has ended.
  [[nodiscard]] bool has_stopped();

  caf::actor_system& system_;
  std::shared_ptr<actors::RecordTarget> record_;
  messages::introspection_actor introspection_;
  messages::supervisor_actor supervisor_;
  messages::control_actor control_;
};

}  // namespace proctor::cli
