#include "actors/recorder.hpp"

#include <string>
#include <utility>
#include <variant>

namespace proctor::actors {
namespace {

constexpr std::size_t events_per_batch_max = 512;
constexpr std::uint64_t bytes_per_batch_max = 64 << 10;

std::uint64_t size_of(const std::vector<std::string>& texts) {
  std::uint64_t size = 0;
  for (const auto& text : texts) size += sizeof text + text.size();
  return size;
}

/// How many bytes of text an event keeps: what of its size is not bounded by its type.
struct TextBytes {
  std::uint64_t operator()(const messages::event::SandboxArmed& e) const {
    return size_of(e.command) + size_of(e.degraded);
  }
  std::uint64_t operator()(const messages::event::VerdictGiven& e) const {
    return e.syscall.size() + e.argument.size() + e.verdict.size() + e.reason.size();
  }
  std::uint64_t operator()(const messages::event::ActorStopped& e) const { return e.reason.size(); }
  std::uint64_t operator()(const messages::event::SandboxEnded& e) const { return e.reason.size(); }
  /// The rest has names that the kernel or we keep short.
  template <class Short>
  std::uint64_t operator()(const Short& /*event*/) const {
    return 0;
  }
};

/// Adds to a backlog, unless it would then be over its bound.
bool add_within(std::atomic<std::uint64_t>& backlog, std::uint64_t count, std::uint64_t max) {
  if (backlog.fetch_add(count, std::memory_order_relaxed) + count <= max) return true;
  backlog.fetch_sub(count, std::memory_order_relaxed);
  return false;
}

}  // namespace

Recorder::Recorder(std::shared_ptr<RecordTarget> target, std::string sandbox)
    : target_(std::move(target)), sandbox_(std::move(sandbox)) {}

void Recorder::record(RecordLevel level, messages::AnyEvent what) {
  if (!wants(level)) return;
  collected_bytes_ += std::visit(TextBytes{}, what);
  collected_.push_back({std::chrono::system_clock::now(), sandbox_, std::move(what)});
  if (collected_.size() >= events_per_batch_max || collected_bytes_ >= bytes_per_batch_max) flush();
}

void Recorder::flush() {
  if (collected_.empty()) return;
  auto batch = std::make_shared<const std::vector<messages::Event>>(std::exchange(collected_, {}));
  const auto count = batch->size();
  const auto bytes = std::exchange(collected_bytes_, 0);
  if (add_within(target_->backlog, count, record_backlog_max)) {
    if (add_within(target_->backlog_bytes, bytes, record_backlog_bytes_max)) {
      caf::anon_send(target_->actor, messages::EventBatch{std::move(batch), bytes});
      return;
    }
    target_->backlog.fetch_sub(count, std::memory_order_relaxed);
  }
  target_->dropped.fetch_add(count, std::memory_order_relaxed);
}

}  // namespace proctor::actors
