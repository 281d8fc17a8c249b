#include "actors/receiver.hpp"

#include <pthread.h>

#include <csignal>
#include <utility>

#include "kernel/block_signals.hpp"

namespace proctor::actors {

Receiver::~Receiver() {
  if (thread_.joinable()) thread_.join();
}

void Receiver::start(OnReceived on_received, OnHangUp on_hang_up) {
  on_received_ = std::move(on_received);
  on_hang_up_ = std::move(on_hang_up);
  reserve();
  thread_ = std::thread{[this, starved = starved_] { run(starved); }};
}

void Receiver::stop() {
  stopped_ = true;
  if (std::exchange(starved_, false)) room_.release();
}

void Receiver::slot_released() {
  if (!starved_) return;
  starved_ = false;
  reserve();
  room_.release();
}

void Receiver::reserve() {
  next_ = journal_.acquire();
  starved_ = !next_ && !stopped_;
}

void Receiver::run(bool starved) {
  kernel::block_all_signals();
  pthread_setname_np(pthread_self(), "listener");
  for (bool over = false; !over;) {
    if (starved) room_.acquire();
    if (!next_) return;  // stopped while starved
    const auto received = listener_.receive(journal_[*next_].notification);
    const bool hung_up = !received && listener_.has_hung_up();
    loop_.take_turn([&] {
      const auto slot = *std::exchange(next_, std::nullopt);
      if (!received || stopped_) journal_.release(slot);
      if (received && !stopped_) on_received_(slot);
      if (hung_up && !stopped_) on_hang_up_();
      over = hung_up || stopped_;
      if (!over) reserve();
      starved = starved_;
    });
  }
}

}  // namespace proctor::actors
