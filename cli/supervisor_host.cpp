#include "cli/supervisor_host.hpp"

#include <chrono>
#include <exception>
#include <system_error>
#include <utility>

namespace proctor::cli {
namespace {

/// How long the record may take to be opened.
constexpr std::chrono::seconds record_timeout{5};
/// How long the supervisor, told to stop once more, may take to say that it has.
constexpr std::chrono::seconds stopped_timeout{1};

actors::SupervisorSettings supervisor_settings(const config::DaemonConfig& config) {
  actors::SupervisorSettings settings;
  settings.sandboxes_max = static_cast<std::uint32_t>(config.proctord.sandboxes_max);
  settings.limits.processes_max = static_cast<std::uint32_t>(config.sandbox.processes_max);
  settings.limits.pending_max = static_cast<std::uint32_t>(config.sandbox.pending_max);
  settings.accept_degraded = config.sandbox.accept_degraded;
  settings.limits.verdict_timeout = config.sandbox.verdict_timeout;
  settings.sample_interval = config.introspection.sample_interval;
  return settings;
}

}  // namespace

std::string why_terminated() {
  try {
    if (const auto thrown = std::current_exception()) std::rethrow_exception(thrown);
  } catch (const std::system_error& error) {
    if (error.code() == std::errc::resource_unavailable_try_again)
      return "a thread could not be started; see 'ulimit -u', 'ulimit -v' and pids.max of the cgroup";
    return error.what();
  } catch (const std::exception& error) {
    return error.what();
  } catch (...) {
    return "an exception of no known kind";
  }
  return "a fault of its own";
}

SupervisorHost::SupervisorHost(caf::actor_system& system, const config::DaemonConfig& config,
                               std::shared_ptr<kernel::ServerSocket> server,
                               std::shared_ptr<kernel::MessageSocket> first,
                               std::vector<std::string> features, std::shared_ptr<actors::Loop> loop)
    : system_(system), record_(std::make_shared<actors::RecordTarget>()) {
  const auto& introspection = config.introspection;
  if (introspection.file != "none") {
    actors::RecordFile file{introspection.file.empty() ? "-" : introspection.file, introspection.rotate_bytes,
                            static_cast<std::uint32_t>(introspection.rotate_files)};
    introspection_ = actors::spawn_introspection(system, std::move(file), record_);
    record_->actor = introspection_;
    record_->level = introspection.level;
  }
  supervisor_ = actors::spawn_observed<messages::supervisor_actor, actors::supervisor_state>(
                    system, 0, actors::supervisor, supervisor_settings(config), record_)
                    .handle;
  actors::ControlSetup setup{loop.get(), supervisor_, introspection_, std::move(server), std::move(features)};
  control_ = actors::spawn_on<messages::control_actor, actors::control_state>(
                 *loop, supervisor_.id(), actors::control, std::move(setup), std::move(first))
                 .handle;
}

SupervisorHost::~SupervisorHost() = default;

void SupervisorHost::await_record() {
  if (!introspection_) return;
  caf::scoped_actor self{system_};
  // That it takes longer is its own affair.
  self->request(introspection_, record_timeout, messages::FlushRecord{})
      .receive([](messages::RecordFlushed) {}, [](const caf::error&) {});
}

void SupervisorHost::reconfigure(const config::DaemonConfig& config) {
  if (introspection_) {
    record_->level = config.introspection.level;
    caf::anon_send(introspection_, messages::ReopenRecord{});
  }
  const auto settings = supervisor_settings(config);
  caf::anon_send(supervisor_, messages::Reconfigure{settings.accept_degraded, settings.limits.verdict_timeout,
                                                    settings.sample_interval});
}

bool SupervisorHost::has_stopped() {
  bool stopped = false;
  caf::scoped_actor self{system_};
  self->request(supervisor_, stopped_timeout, messages::StopSupervisor{})
      .receive([&](messages::SupervisorStopped) { stopped = true; },
               [&](const caf::error& error) { stopped = error == caf::sec::request_receiver_down; });
  return stopped;
}

bool SupervisorHost::finish() {
  control_ = nullptr;
  if (!has_stopped()) {  // its threads may still write to the record
    await_record();
    return false;
  }
  supervisor_ = nullptr;
  if (introspection_) caf::anon_send_exit(introspection_, caf::exit_reason::user_shutdown);
  introspection_ = nullptr;
  record_->actor = nullptr;
  return true;
}

}  // namespace proctor::cli
