#pragma once

#include <caf/all.hpp>
#include <memory>
#include <utility>

#include "actors/loop.hpp"
#include "actors/observed.hpp"

namespace proctor::actors {

/// Mixin: binds an actor to the Loop it was spawned on. It then runs within that loop only, whoever
/// sends to it, as CAF's brokers do with their multiplexer.
template <class Base>
class LoopBound : public Observed<Base> {
 public:
  explicit LoopBound(caf::actor_config& cfg)
      : Observed<Base>(cfg), loop_(static_cast<Loop*>(cfg.host)->shared_from_this()) {}

  void enqueue(caf::mailbox_element_ptr element, caf::execution_unit*) override {
    Observed<Base>::enqueue(std::move(element), loop_.get());
  }

  void launch(caf::execution_unit*, bool lazy, bool hide) override {
    loop_->actor_started(*this->counters());
    if (!hide) this->register_at_system();
    if (lazy && this->mailbox().try_block()) return;
    caf::intrusive_ptr_add_ref(this->ctrl());  // the loop's own reference, as CAF's schedulers keep one
    loop_->exec_later(this);
  }

  caf::resumable::subtype_t subtype() const override { return caf::resumable::io_actor; }

  bool cleanup(caf::error&& reason, caf::execution_unit* host) override {
    const caf::error why = reason;
    const bool first = Observed<Base>::cleanup(std::move(reason), host);
    if (first) loop_->actor_stopped(*this->counters(), why);
    return first;
  }

 private:
  std::shared_ptr<Loop> loop_;  ///< kept: a sender may still be waking it when the actor has ended
};

/// An actor of interface `Handle` with state `State`, bound to a loop.
template <class Handle, class State>
using LoopActor = TripleActor<Handle, State, LoopBound>;

/// Starts `function(self, arguments...)` as an actor on `loop`, within the loop or before it runs.
template <class Handle, class State, class Function, class... Arguments>
Spawned<Handle> spawn_on(Loop& loop, std::uint64_t parent, Function function, Arguments... arguments) {
  caf::actor_config cfg{&loop};
  return spawn_triple<LoopActor<Handle, State>, Handle>(loop.system(), cfg, parent, function, arguments...);
}

}  // namespace proctor::actors
