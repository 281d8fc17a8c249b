#pragma once

#include <functional>
#include <optional>
#include <semaphore>
#include <thread>

#include "actors/loop.hpp"
#include "kernel/journal.hpp"
#include "kernel/listener.hpp"

namespace proctor::actors {

/// Receives for one sandbox: a thread that blocks in the kernel's RECV and, with each notification, takes a
/// turn of the loop, in which the sandbox's actors decide and answer it.
///
/// Why a thread of its own, and not one descriptor more in the loop's poll set? A thread that polls and then
/// receives sleeps, looks and is woken twice over, a seventh of a whole round trip (bench/roundtrip,
/// docs/adr/0006). A thread blocked in RECV can wait for nothing else; whatever else there is to do, the
/// loop's own thread does.
class Receiver {
 public:
  using OnReceived = std::function<void(kernel::SlotNumber)>;
  using OnHangUp = std::function<void()>;

  /// All of them outlive the receiver.
  Receiver(Loop& loop, kernel::Listener& listener, kernel::Journal& journal)
      : loop_(loop), listener_(listener), journal_(journal) {}
  /// Waits for the thread, which ends when the last target has.
  ~Receiver();
  Receiver(const Receiver&) = delete;
  Receiver& operator=(const Receiver&) = delete;

  // -- within the loop ------------------------------------------------------------------------------

  /// Both are called within the loop. `on_received` gets a slot that was filled, and with it the duty to have
  /// it answered.
  void start(OnReceived on_received, OnHangUp on_hang_up);

  /// Neither is called any more.
  void stop();

  /// The journal has room again.
  void slot_released();

 private:
  void run(bool starved);
  void reserve();

  Loop& loop_;
  kernel::Listener& listener_;
  kernel::Journal& journal_;
  OnReceived on_received_;
  OnHangUp on_hang_up_;
  bool stopped_ = false;
  bool starved_ = false;  ///< every slot is in flight: the kernel queues for us
  /// To receive into. The thread's own while it is not starved.
  std::optional<kernel::SlotNumber> next_;
  std::binary_semaphore room_{0};  ///< ends being starved
  std::thread thread_;
};

}  // namespace proctor::actors
