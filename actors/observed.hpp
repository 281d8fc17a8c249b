#pragma once

#include <atomic>
#include <caf/all.hpp>
#include <chrono>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "messages/sandbox.hpp"

#if defined(__SANITIZE_THREAD__)
#include <sanitizer/tsan_interface.h>
#endif

namespace proctor::actors {

/// What one actor has done, readable from any thread while it runs. `messages` is counted by senders, the
/// rest by whoever runs the actor; so the depth of its mailbox is messages - handled.
struct ActorCounters {
  std::string kind;          ///< constant once the actor is launched
  std::uint64_t id = 0;      ///< likewise
  std::uint64_t parent = 0;  ///< the actor that started it; likewise
  std::atomic<std::uint64_t> messages{0};
  std::atomic<std::uint64_t> handled{0};
  std::atomic<std::uint64_t> busy_ns{0};
  std::atomic<std::uint64_t> longest_ns{0};

  /// One message took `elapsed`. An actor is run by one thread at a time, so plain stores do.
  void count_handled(std::chrono::nanoseconds elapsed) noexcept;

  [[nodiscard]] messages::ActorReport report() const;
};

/// Mixin: counts what an actor does, and turns an exception into the reason of its end.
template <class Base>
class Observed : public Base {
 public:
  explicit Observed(caf::actor_config& cfg) : Base(cfg) {
    // CAF's default prints to stdout; our record has the reason when the actor stops.
    this->set_exception_handler([](caf::scheduled_actor*, std::exception_ptr& thrown) -> caf::error {
      try {
        std::rethrow_exception(thrown);
      } catch (const std::exception& e) {
        return caf::make_error(caf::sec::runtime_error, e.what());
      } catch (...) {
        return caf::make_error(caf::sec::runtime_error, "unknown exception");
      }
    });
  }

  void enqueue(caf::mailbox_element_ptr element, caf::execution_unit* unit) override {
    counters_->messages.fetch_add(1, std::memory_order_relaxed);
#if defined(__SANITIZE_THREAD__)
    __tsan_release(this->ctrl());  // CAF's own ordering is in a library that TSan does not see into
#endif
    Base::enqueue(std::move(element), unit);
  }

  caf::resumable::resume_result resume(caf::execution_unit* unit, std::size_t throughput) override {
#if defined(__SANITIZE_THREAD__)
    __tsan_acquire(this->ctrl());
#endif
    return Base::resume(unit, throughput);
  }

  caf::invoke_message_result consume(caf::mailbox_element& element) override {
    const auto begin = std::chrono::steady_clock::now();
    const auto result = Base::consume(element);
    counters_->count_handled(std::chrono::steady_clock::now() - begin);
    return result;
  }

  [[nodiscard]] const std::shared_ptr<ActorCounters>& counters() const noexcept { return counters_; }

 private:
  std::shared_ptr<ActorCounters> counters_ = std::make_shared<ActorCounters>();
};

/// A spawned actor, and what it counts.
template <class Handle>
struct Spawned {
  Handle handle;
  std::shared_ptr<const ActorCounters> counters;
};

/// An actor of interface `Handle` with state `State` over a mixin of Handle's base.
template <class Handle, class State, template <class> class Mixin>
class TripleActor : public caf::stateful_actor<State, Mixin<typename Handle::base>> {
  using super = caf::stateful_actor<State, Mixin<typename Handle::base>>;

 public:
  using Behavior = typename Handle::behavior_type;
  using Initializer = std::function<Behavior(TripleActor*)>;

  TripleActor(caf::actor_config& cfg, Initializer initializer, std::uint64_t parent)
      : super(cfg), initializer_(std::move(initializer)) {
    this->counters()->kind = this->name();
    this->counters()->id = this->id();
    this->counters()->parent = parent;
  }

 protected:
  Behavior make_behavior() override { return std::exchange(initializer_, nullptr)(this); }

 private:
  Initializer initializer_;
};

/// Starts `function(self, arguments...)` as an actor with this configuration.
template <class Actor, class Handle, caf::spawn_options Options = caf::no_spawn_options, class Function,
          class... Arguments>
Spawned<Handle> spawn_triple(caf::actor_system& system, caf::actor_config& cfg, std::uint64_t parent,
                             Function function, Arguments... arguments) {
  auto handle = system.template spawn_class<Actor, Options>(
      cfg, typename Actor::Initializer([=](Actor* self) { return function(self, arguments...); }), parent);
  auto* const actor = static_cast<Actor*>(caf::actor_cast<caf::abstract_actor*>(handle));
  return {std::move(handle), actor->counters()};
}

/// An observed actor on CAF's scheduler, or with caf::detached on a thread of its own: for what is not on the
/// way of a notification.
template <class Handle, class State>
using ObservedActor = TripleActor<Handle, State, Observed>;

template <class Handle, class State, caf::spawn_options Options = caf::no_spawn_options, class Function,
          class... Arguments>
Spawned<Handle> spawn_observed(caf::actor_system& system, std::uint64_t parent, Function function,
                               Arguments... arguments) {
  caf::actor_config cfg;
  return spawn_triple<ObservedActor<Handle, State>, Handle, Options>(system, cfg, parent, function,
                                                                     arguments...);
}

}  // namespace proctor::actors
