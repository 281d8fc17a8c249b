#include "actors/observed.hpp"

namespace proctor::actors {

void ActorCounters::count_handled(std::chrono::nanoseconds elapsed) noexcept {
  constexpr auto relaxed = std::memory_order_relaxed;
  const auto ns = static_cast<std::uint64_t>(elapsed.count());
  handled.store(handled.load(relaxed) + 1, relaxed);
  busy_ns.store(busy_ns.load(relaxed) + ns, relaxed);
  if (ns > longest_ns.load(relaxed)) longest_ns.store(ns, relaxed);
}

messages::ActorReport ActorCounters::report() const {
  messages::ActorReport report;
  report.kind = kind;
  report.id = id;
  report.parent = parent;
  // `handled` first: a message counted between the two reads must not make the depth negative.
  report.handled = handled.load(std::memory_order_relaxed);
  report.messages = messages.load(std::memory_order_relaxed);
  report.depth = report.messages > report.handled ? report.messages - report.handled : 0;
  report.busy_ns = busy_ns.load(std::memory_order_relaxed);
  report.longest_ns = longest_ns.load(std::memory_order_relaxed);
  return report;
}

}  // namespace proctor::actors
