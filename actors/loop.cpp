#include "actors/loop.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <limits>

namespace proctor::actors {
namespace {

/// Actors resumed between two looks at the descriptors, and messages per resume: neither side may
/// starve the other.
constexpr int resumes_per_turn_max = 64;
constexpr std::size_t messages_per_resume_max = 32;

}  // namespace

kernel::Result<std::shared_ptr<Loop>> Loop::create(caf::actor_system& system) {
  kernel::UniqueFd wake_up{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
  if (!wake_up) return kernel::Error::last("make a loop's eventfd");
  return std::shared_ptr<Loop>(new Loop(system, std::move(wake_up)));
}

Loop::Loop(caf::actor_system& system, kernel::UniqueFd wake_up)
    : caf::execution_unit(&system), wake_up_(std::move(wake_up)) {
  watch(wake_up_.get(), [this](short) {
    std::array<std::byte, 8> count;
    // Only empties the counter; a spurious wake-up has nothing to read.
    [[maybe_unused]] const auto ignored = ::read(wake_up_.get(), count.data(), count.size());
    take_inbox();
  });
}

Loop::~Loop() {
  // Every bound actor has ended by now; what is left are references of jobs that were never resumed.
  take_inbox();
  for (auto* job : ready_) caf::intrusive_ptr_release(job);
}

void Loop::exec_later(caf::resumable* job) {
  if (thread_.load(std::memory_order_relaxed) == std::this_thread::get_id()) {
    ready_.push_back(job);
    return;
  }
  auto* head = inbox_.load(std::memory_order_relaxed);
  auto* const link = new Handover{job, head};
  while (!inbox_.compare_exchange_weak(head, link, std::memory_order_release, std::memory_order_relaxed))
    link->next = head;
  // Whoever finds the inbox empty wakes the loop; for the others a wake-up is under way already. The loop
  // itself cannot be gone by now: the caller holds the actor, and the actor holds the loop.
  if (head == nullptr) wake_up();
}

void Loop::wake_up() {
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto ignored = ::write(wake_up_.get(), &one, sizeof one);
}

void Loop::run() {
  Hold hold{*this};
  take_inbox();
  while (true) {
    run_ready();
    if (actors_ == 0) break;
    wait(hold);
  }
  if (on_idle_) on_idle_();
  // A callback may hold its actor, and every actor holds the loop: what is kept here would keep both for
  // ever.
  if (unwatched_) forget_unwatched();
}

void Loop::end_turn() {
  run_ready();
  if (!ready_.empty() || actors_ == 0)
    wake_up();  // run() goes on with it
  else if (on_idle_)
    on_idle_();
}

void Loop::run_ready() {
  for (int turn = 0; turn < resumes_per_turn_max && !ready_.empty(); ++turn) {
    auto* const job = ready_.front();
    ready_.pop_front();
    resume(job);
  }
}

void Loop::resume(caf::resumable* job) {
  switch (job->resume(this, messages_per_resume_max)) {
    case caf::resumable::resume_later:
      ready_.push_back(job);
      break;
    case caf::resumable::awaiting_message:
    case caf::resumable::done:
    case caf::resumable::shutdown_execution_unit:
      caf::intrusive_ptr_release(job);
      break;
  }
}

void Loop::take_inbox() {
  Handover* link = inbox_.exchange(nullptr, std::memory_order_acquire);
  const auto first_new = static_cast<std::ptrdiff_t>(ready_.size());
  while (link != nullptr) {
    ready_.push_back(link->job);
    delete std::exchange(link, link->next);
  }
  std::reverse(ready_.begin() + first_new, ready_.end());  // the stack had the newest first
}

void Loop::wait(Hold& hold) {
  if (on_idle_ && ready_.empty()) on_idle_();
  if (unwatched_) forget_unwatched();
  polling_ = polled_;
  const auto resting = skip_resting();
  const auto until = timer_ && resting ? std::min(*timer_, *resting) : timer_ ? timer_ : resting;
  sleep_ = Sleep{until};
  const int timeout_ms = poll_timeout_ms(until);
  hold.give();
  const int ready = ::poll(polling_.data(), polling_.size(), timeout_ms);
  hold.take();
  sleep_.reset();
  if (timer_ && Clock::now() >= *timer_) {
    timer_.reset();
    if (on_timer_) on_timer_();
  }
  if (ready > 0) call_ready();  // else timed out, or EINTR: nothing to tell apart
}

void Loop::call_ready() {
  // Only wait() forgets entries, so the numbers still fit; a turn may have unwatched some meanwhile.
  for (std::size_t i = 0; i < polling_.size(); ++i) {
    if (polling_[i].revents == 0 || polled_[i].fd < 0) continue;
    (*watched_[i].on_ready)(polling_[i].revents);  // it may watch more: no reference to an entry is kept
    if (const auto rest = watched_[i].rest; rest.count() != 0) watched_[i].rests_until = Clock::now() + rest;
  }
}

/// Leaves those that rest out of polling_; when the first of them is to be looked at again.
std::optional<Loop::Clock::time_point> Loop::skip_resting() {
  std::optional<Clock::time_point> first;
  for (std::size_t i = 0; i < watched_.size(); ++i) {
    const auto until = watched_[i].rests_until;
    if (until == Clock::time_point{} || until <= Clock::now()) continue;
    polling_[i].fd = -1;
    if (!first || until < *first) first = until;
  }
  return first;
}

void Loop::set_timer(std::optional<Clock::time_point> at) {
  timer_ = at;
  if (!at || !sleep_ || (sleep_->until && *sleep_->until <= *at)) return;
  sleep_->until = at;
  wake_up();
}

void Loop::forget_unwatched() {
  std::size_t kept = 0;
  for (std::size_t i = 0; i < polled_.size(); ++i) {
    if (polled_[i].fd < 0) continue;
    polled_[kept] = polled_[i];
    if (kept != i) watched_[kept] = std::move(watched_[i]);
    ++kept;
  }
  polled_.resize(kept);
  watched_.resize(kept);
  unwatched_ = false;
}

int Loop::poll_timeout_ms(std::optional<Clock::time_point> until) const {
  if (!ready_.empty()) return 0;
  if (!until) return -1;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(*until - Clock::now()).count();
  return static_cast<int>(std::clamp<std::int64_t>(left, 0, std::numeric_limits<int>::max()));
}

void Loop::watch(int fd, OnReady on_ready, std::chrono::milliseconds rest) {
  polled_.push_back({fd, POLLIN, 0});
  watched_.push_back({std::make_unique<OnReady>(std::move(on_ready)), rest, {}});
  if (sleep_) wake_up();
}

void Loop::unwatch(int fd) {
  for (auto& polled : polled_) {
    if (polled.fd != fd) continue;
    polled.fd = -1;
    unwatched_ = true;
  }
}

void Loop::actor_started(const ActorCounters& actor) {
  ++actors_;
  if (on_actor_started_) on_actor_started_(actor);
}

void Loop::actor_stopped(const ActorCounters& actor, const caf::error& reason) {
  --actors_;
  if (on_actor_stopped_) on_actor_stopped_(actor, reason);
}

}  // namespace proctor::actors
