#include "actors/introspection.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <spdlog/logger.h>
#include <sys/wait.h>

#include <nlohmann/json.hpp>
#include <utility>
#include <variant>

#include "kernel/bounded_write.hpp"

namespace proctor::actors {
namespace {

using nlohmann::json;
namespace event = messages::event;

json key_json(const index::PidKey& key) {
  if (key.pid == 0) return nullptr;
  return {{"pid", key.pid}, {"start_time", key.start_time}};
}

json status_json(const std::optional<int>& status) {
  if (!status) return nullptr;
  if (WIFSIGNALED(*status)) return {{"signal", WTERMSIG(*status)}};
  return {{"exit", WEXITSTATUS(*status)}};
}

/// One overload a kind of event: its name and its own fields.
struct Fields {
  std::pair<const char*, json> operator()(const event::ActorStarted& e) const {
    return {"actor_started", {{"kind", e.kind}, {"id", e.id}, {"parent", e.parent}}};
  }
  std::pair<const char*, json> operator()(const event::ActorStopped& e) const {
    return {"actor_stopped", {{"kind", e.kind}, {"id", e.id}, {"reason", e.reason}}};
  }
  std::pair<const char*, json> operator()(const event::SandboxArmed& e) const {
    return {"sandbox_armed", {{"command", e.command}, {"target", e.target}, {"degraded", e.degraded}}};
  }
  std::pair<const char*, json> operator()(const event::CommandEnded& e) const {
    return {"command_ended", {{"status", status_json(e.status)}}};
  }
  std::pair<const char*, json> operator()(const event::SandboxEnded& e) const {
    return {"sandbox_ended",
            {{"reason", e.reason}, {"processes", e.processes}, {"notifications", e.notifications}}};
  }
  std::pair<const char*, json> operator()(const event::ProcessRegistered& e) const {
    return {"process_registered",
            {{"process", key_json(e.key)}, {"parent", key_json(e.parent)}, {"command", e.command}}};
  }
  std::pair<const char*, json> operator()(const event::ProcessExec& e) const {
    return {"process_exec", {{"process", key_json(e.key)}, {"command", e.command}}};
  }
  std::pair<const char*, json> operator()(const event::ProcessExited& e) const {
    return {"process_exited",
            {{"process", key_json(e.key)},
             {"parent", key_json(e.parent)},
             {"command", e.command},
             {"status", status_json(e.status)},
             {"notifications", e.notifications},
             {"refused", e.refused}}};
  }
  std::pair<const char*, json> operator()(const event::VerdictGiven& e) const {
    return {"verdict",
            {{"process", key_json(e.key)},
             {"tid", e.tid},
             {"syscall", e.syscall},
             {"argument", e.argument},
             {"verdict", e.verdict},
             {"reason", e.reason}}};
  }
  std::pair<const char*, json> operator()(const event::IndexPublished& e) const {
    return {"index_published", {{"processes", e.processes}, {"version", e.version}}};
  }
  std::pair<const char*, json> operator()(const event::ActorSample& e) const {
    return {"actor_sample",
            {{"kind", e.kind},
             {"id", e.id},
             {"messages", e.messages},
             {"handled", e.handled},
             {"depth", e.depth},
             {"busy_us", e.busy_us},
             {"longest_us", e.longest_us}}};
  }
  std::pair<const char*, json> operator()(const event::RecordLost& e) const {
    return {"record_lost", {{"total", e.total}}};
  }
};

std::string timestamp(std::chrono::system_clock::time_point time) {
  const auto us = std::chrono::time_point_cast<std::chrono::microseconds>(time).time_since_epoch().count();
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:06}Z", fmt::gmtime(std::chrono::system_clock::to_time_t(time)),
                     us % 1'000'000);
}

}  // namespace

std::string to_json_line(const messages::Event& one) {
  auto [name, line] = std::visit(Fields{}, one.what);
  line["event"] = name;
  line["time"] = timestamp(one.time);
  line["sandbox"] = one.sandbox;
  // Commands and paths are the target's bytes: what is no UTF-8 becomes U+FFFD, the line stays JSON.
  return line.dump(-1, ' ', false, json::error_handler_t::replace);
}

void introspection_state::start() {
  sink = std::make_shared<RecordSink>(file);
  log = std::make_shared<spdlog::logger>("record", sink);
  log->set_pattern("%v");
  log->set_error_handler([this](const std::string& why) { report(why); });
  open();
}

void introspection_state::open() {
  if (auto opened = sink->open(); !opened) report(opened.error().message());
}

void introspection_state::report(const std::string& why) {
  if (!std::exchange(loss_reported, true))
    kernel::say(fmt::format("proctord: record {}: {}; lines may be lost", file.path, why));
}

void introspection_state::write(const messages::EventBatch& batch) {
  if (const auto lost = target->dropped.load(std::memory_order_relaxed); lost != lost_on_record) {
    log->info(to_json_line({std::chrono::system_clock::now(), {}, event::RecordLost{lost}}));
    if (flush())
      lost_on_record = lost;
    else
      target->dropped.fetch_sub(1, std::memory_order_relaxed);  // that line is no event
  }
  for (const auto& one : *batch.events) log->info(to_json_line(one));
  flush();
  target->backlog.fetch_sub(batch.events->size(), std::memory_order_relaxed);
  target->backlog_bytes.fetch_sub(batch.text_bytes, std::memory_order_relaxed);
}

bool introspection_state::flush() {
  log->flush();
  const auto lost = sink->take_lost();
  target->dropped.fetch_add(lost, std::memory_order_relaxed);
  if (lost == 0) loss_reported = false;
  return lost == 0;
}

messages::introspection_actor::behavior_type introspection(IntrospectionSelf self, RecordFile file,
                                                           std::shared_ptr<RecordTarget> target) {
  auto& state = self->state;
  state.file = std::move(file);
  state.target = std::move(target);
  state.start();
  return {
      [&state](const messages::EventBatch& batch) { state.write(batch); },
      [&state](messages::ReopenRecord) { state.open(); },
      [&state](messages::FlushRecord) {
        state.flush();
        return messages::RecordFlushed{};
      },
  };
}

messages::introspection_actor spawn_introspection(caf::actor_system& system, RecordFile file,
                                                  std::shared_ptr<RecordTarget> target) {
  return spawn_observed<messages::introspection_actor, introspection_state, caf::detached>(
             system, 0, introspection, std::move(file), std::move(target))
      .handle;
}

}  // namespace proctor::actors
