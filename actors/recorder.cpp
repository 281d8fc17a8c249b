#include "actors/recorder.hpp"

#include <utility>

namespace proctor::actors {
namespace {

constexpr std::size_t events_per_batch_max = 512;

}  // namespace

Recorder::Recorder(std::shared_ptr<RecordTarget> target, std::string sandbox)
    : target_(std::move(target)), sandbox_(std::move(sandbox)) {}

void Recorder::record(RecordLevel level, messages::AnyEvent what) {
  if (!wants(level)) return;
  collected_.push_back({std::chrono::system_clock::now(), sandbox_, std::move(what)});
  if (collected_.size() >= events_per_batch_max) flush();
}

void Recorder::flush() {
  if (collected_.empty()) return;
  auto batch = std::make_shared<const std::vector<messages::Event>>(std::exchange(collected_, {}));
  const auto count = batch->size();
  if (target_->backlog.fetch_add(count, std::memory_order_relaxed) + count > record_backlog_max) {
    target_->backlog.fetch_sub(count, std::memory_order_relaxed);
    target_->dropped.fetch_add(count, std::memory_order_relaxed);
    return;
  }
  caf::anon_send(target_->actor, messages::EventBatch{std::move(batch)});
}

}  // namespace proctor::actors
