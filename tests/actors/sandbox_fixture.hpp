#pragma once

#include <dirent.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <fstream>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "actors/observed.hpp"
#include "actors/sandbox_thread.hpp"
#include "actors_fixture.hpp"
#include "messages/introspection.hpp"
#include "support/catch.hpp"
#include "tests/support/stage.hpp"

namespace proctor::tests {

/// Everything that was put on record, as it was; in place of the actor that writes the record.
class CollectedRecord {
 public:
  explicit CollectedRecord(caf::actor_system& system,
                           actors::RecordLevel level = actors::RecordLevel::verdicts) {
    target->actor =
        actors::spawn_observed<messages::introspection_actor, collector_state>(system, 0, collector, events_)
            .handle;
    target->level = level;
  }
  CollectedRecord(const CollectedRecord&) = delete;
  CollectedRecord& operator=(const CollectedRecord&) = delete;
  ~CollectedRecord() { caf::anon_send_exit(target->actor, caf::exit_reason::user_shutdown); }

  /// The events of one kind so far, with those that `matches` takes.
  template <class Event>
  [[nodiscard]] std::vector<Event> of() const {
    const std::lock_guard lock(events_->mutex);
    std::vector<Event> found;
    for (const auto& one : events_->all)
      if (const auto* event = std::get_if<Event>(&one.what)) found.push_back(*event);
    return found;
  }
  template <class Event, class Matches>
  [[nodiscard]] std::size_t count(Matches matches) const {
    const auto found = of<Event>();
    return static_cast<std::size_t>(std::count_if(found.begin(), found.end(), matches));
  }
  template <class Event, class Matches>
  [[nodiscard]] bool comes(Matches matches) const {
    return eventually([&] { return count<Event>(matches) > 0; });
  }

  std::shared_ptr<actors::RecordTarget> target = std::make_shared<actors::RecordTarget>();

 private:
  struct Events {
    std::mutex mutex;
    std::vector<messages::Event> all;
  };
  struct collector_state {
    static inline const char* name = "collector";
  };
  using CollectorSelf = actors::ObservedActor<messages::introspection_actor, collector_state>*;
  static messages::introspection_actor::behavior_type collector(CollectorSelf,
                                                                std::shared_ptr<Events> events) {
    return {
        [events](const messages::EventBatch& batch) {
          const std::lock_guard lock(events->mutex);
          events->all.insert(events->all.end(), batch.events->begin(), batch.events->end());
        },
        [](messages::ReopenRecord) {},
        [](messages::FlushRecord) { return messages::RecordFlushed{}; },
    };
  }

  std::shared_ptr<Events> events_ = std::make_shared<Events>();
};

/// What a sandbox is made of, from a target that waits for it.
inline messages::SandboxOrder order_of(Stage& stage, std::string name = "test") {
  messages::SandboxOrder order;
  order.policy.name = std::move(name);
  order.command = {"sandbox_stage", "serve"};
  order.target = stage.target;
  order.init = stage.init;
  order.landlocked = true;
  order.ungranted_directories = stage.ungranted_directories;
  order.signals_scoped = stage.signals_scoped;
  order.listener = std::move(stage.listener);
  order.target_pidfd = std::move(stage.target_pidfd);
  order.release = std::move(stage.release);
  return order;
}

/// A target with its sandbox, in this process.
class RunningSandbox {
 public:
  explicit RunningSandbox(caf::actor_system& system, std::shared_ptr<actors::RecordTarget> record = nullptr,
                          const actors::SandboxLimits& limits = {})
      : self_(system) {
    auto started = actors::SandboxThread::start(system, order_of(stage), limits, std::move(record), 0,
                                                [ended = ended_] { *ended = true; });
    if (!started) throw std::runtime_error(started.error().message());
    thread = *std::move(started);
  }
  RunningSandbox(const RunningSandbox&) = delete;
  RunningSandbox& operator=(const RunningSandbox&) = delete;
  ~RunningSandbox() {
    if (!*ended_) caf::anon_send(thread->actor(), messages::EndSandbox{"the test is over"});
  }

  /// Has it ended and waits for that.
  [[nodiscard]] bool end() {
    caf::anon_send(thread->actor(), messages::EndSandbox{"the test is over"});
    return has_ended();
  }
  [[nodiscard]] bool has_ended() const {
    return eventually([this] { return ended_->load(); });
  }

  [[nodiscard]] messages::SandboxDescriptionPtr describe() {
    messages::SandboxDescriptionPtr answer;
    self_
        ->request(thread->actor(), std::chrono::seconds{60},
                  messages::DescribeSandbox{messages::DescribeSandbox::Detail::everything})
        .receive([&](const messages::SandboxDescriptionPtr& description) { answer = description; },
                 [](const caf::error& error) { throw std::runtime_error(caf::to_string(error)); });
    return answer;
  }
  /// What the sandbox says of one of its processes; nothing: it has none of that number.
  [[nodiscard]] std::optional<messages::ProcessReport> process(pid_t pid) {
    const auto description = describe();
    for (const auto& one : description->processes)
      if (one.key.pid == pid) return one;
    return std::nullopt;
  }
  [[nodiscard]] bool has(pid_t pid) { return process(pid).has_value(); }

  Stage stage;
  std::unique_ptr<actors::SandboxThread> thread;

 private:
  std::shared_ptr<std::atomic<bool>> ended_ = std::make_shared<std::atomic<bool>>(false);
  caf::scoped_actor self_;
};

/// How many entries a directory has.
inline std::size_t entries_of(const char* directory) {
  std::size_t count = 0;
  DIR* const stream = ::opendir(directory);
  while (::readdir(stream) != nullptr) ++count;
  ::closedir(stream);
  return count;
}

/// What this process holds, for comparing before and after.
struct Holdings {
  explicit Holdings(caf::actor_system& system)
      : fds(entries_of("/proc/self/fd")),
        threads(entries_of("/proc/self/task")),
        actors(system.registry().running()) {}
  /// Whether nothing has come to it since. There may be less: a thread that has ended is listed for a moment.
  [[nodiscard]] bool is_within(const Holdings& before) const {
    return fds <= before.fds && threads <= before.threads && actors <= before.actors;
  }

  std::size_t fds;
  std::size_t threads;
  std::size_t actors;
};

}  // namespace proctor::tests
