#pragma once

#include <poll.h>

#include <atomic>
#include <caf/all.hpp>
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "actors/observed.hpp"
#include "kernel/result.hpp"
#include "kernel/unique_fd.hpp"

namespace proctor::actors {

/// A scheduler of its own: runs the actors that are bound to it (LoopBound), one at a time, and watches
/// descriptors for them. Its thread is in run() and blocks in poll(2) when there is nothing to do. Another
/// thread that blocks elsewhere (Receiver) may take turns: it then runs the same actors itself instead of
/// waking the first. A mutex, held but while blocked, keeps them apart, so nothing here and in the actors
/// needs another.
///
/// Why not CAF's scheduler? A hop to one of its threads costs ten to twenty times the whole round trip of
/// a notification, and a sandbox's threads must be able to keep its credentials. Why not a
/// caf_io broker? Its multiplexer is one per actor system; here every sandbox has its own thread.
class Loop final : public caf::execution_unit, public std::enable_shared_from_this<Loop> {
 public:
  using Clock = std::chrono::steady_clock;
  using OnReady = std::function<void(short events)>;
  using OnStarted = std::function<void(const ActorCounters& actor)>;
  using OnStopped = std::function<void(const ActorCounters& actor, const caf::error& reason)>;

  [[nodiscard]] static kernel::Result<std::shared_ptr<Loop>> create(caf::actor_system& system);

  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;
  ~Loop() override;

  // -- any thread -----------------------------------------------------------------------------------

  /// Queues a resumable of this loop. From another thread: pushes to the inbox and wakes the loop if the
  /// inbox was empty. Takes the reference over that the caller added.
  void exec_later(caf::resumable* job) override;

  /// Does `work()` as if it were a callback of the loop, and what it made ready after it. Not from within
  /// the loop.
  template <class Work>
  void take_turn(Work work) {
    const Hold hold{*this};
    work();
    end_turn();
  }

  // -- within the loop (actors, callbacks, turns), or before run() -----------------------------------

  /// Runs until the last actor bound to this loop has ended.
  void run();

  /// Calls `on_ready` with poll(2)'s events whenever `fd` is readable or hung up. It runs between
  /// messages, as actors do: it may touch their state, but must not end them (enqueue that).
  /// After each call the descriptor is left alone for `rest`: what comes in quick succession and can wait a
  /// little then costs one wake-up together.
  void watch(int fd, OnReady on_ready, std::chrono::milliseconds rest = {});
  void unwatch(int fd);

  /// Called each time before the loop blocks, and at the end of a turn that leaves nothing to do.
  void on_idle(std::function<void()> callback) { on_idle_ = std::move(callback); }

  /// One timer: the callback of on_timer() runs once after `at`. A later call replaces it; std::nullopt
  /// takes it away.
  void set_timer(std::optional<Clock::time_point> at);
  void on_timer(std::function<void()> callback) { on_timer_ = std::move(callback); }

  /// Told of every actor of this loop that starts, and that ended, with its reason.
  void on_actor_started(OnStarted callback) { on_actor_started_ = std::move(callback); }
  void on_actor_stopped(OnStopped callback) { on_actor_stopped_ = std::move(callback); }

  /// For LoopBound only.
  void actor_started(const ActorCounters& actor);
  void actor_stopped(const ActorCounters& actor, const caf::error& reason);

  [[nodiscard]] std::size_t actors() const noexcept { return actors_; }

 private:
  /// Work handed over by another thread: a link of a lock-free stack.
  struct Handover {
    caf::resumable* job;
    Handover* next;
  };

  /// The right to touch what is below, and with it the name of the thread that has it.
  class Hold {
   public:
    explicit Hold(Loop& loop) : loop_(loop) { take(); }
    ~Hold() { give(); }
    Hold(const Hold&) = delete;
    Hold& operator=(const Hold&) = delete;

    void take() {
      loop_.mutex_.lock();
      loop_.thread_.store(std::this_thread::get_id(), std::memory_order_relaxed);
    }
    void give() {
      loop_.thread_.store(std::thread::id{}, std::memory_order_relaxed);
      loop_.mutex_.unlock();
    }

   private:
    Loop& loop_;
  };

  struct Watched {
    std::unique_ptr<OnReady> on_ready;
    std::chrono::milliseconds rest{};
    Clock::time_point rests_until{};
  };

  struct Sleep {
    std::optional<Clock::time_point> until;
  };

  Loop(caf::actor_system& system, kernel::UniqueFd wake_up);

  void run_ready();
  void resume(caf::resumable* job);
  void take_inbox();
  void end_turn();
  void wake_up();
  void wait(Hold& hold);
  void forget_unwatched();
  void call_ready();
  [[nodiscard]] std::optional<Clock::time_point> skip_resting();
  [[nodiscard]] int poll_timeout_ms(std::optional<Clock::time_point> until) const;

  kernel::UniqueFd wake_up_;
  std::atomic<Handover*> inbox_{nullptr};
  std::mutex mutex_;
  std::atomic<std::thread::id> thread_{};  ///< who has the mutex
  std::deque<caf::resumable*> ready_;
  /// The first is wake_up_. Unwatched ones have fd -1, which poll ignores, until the loop waits again: a
  /// callback may unwatch itself, or watch another, while it runs.
  std::vector<pollfd> polled_;
  std::vector<Watched> watched_;  ///< parallel to polled_
  std::vector<pollfd> polling_;   ///< what run() is blocked on, without the mutex
  std::optional<Clock::time_point> timer_;
  std::optional<Sleep> sleep_;  ///< while run() is blocked: what a turn changes, it must be woken for
  std::function<void()> on_idle_;
  std::function<void()> on_timer_;
  OnStarted on_actor_started_;
  OnStopped on_actor_stopped_;
  std::size_t actors_ = 0;
  bool unwatched_ = false;  ///< polled_ has dead entries
};

}  // namespace proctor::actors
