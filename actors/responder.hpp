#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>

#include "kernel/journal.hpp"
#include "kernel/listener.hpp"
#include "policy/verdict.hpp"

namespace proctor::actors {

/// How notifications of one sandbox were answered.
struct VerdictCounts {
  std::uint64_t continued = 0;
  std::uint64_t failed = 0;
  std::uint64_t returned = 0;
  std::uint64_t injected = 0;   ///< descriptors, new ones and replacements
  std::uint64_t withdrawn = 0;  ///< the target was gone before its answer
  std::uint64_t expired = 0;    ///< refused because nobody had decided in time
};

/// The one place that writes verdicts to the kernel. Every slot of the journal that was filled ends here,
/// exactly once.
class Responder {
 public:
  /// Both outlive the responder.
  Responder(kernel::Listener& listener, kernel::Journal& journal) : listener_(listener), journal_(journal) {}

  /// Answers and frees the slot. A slot that is already free (its deadline passed) is left alone. What
  /// cannot be carried out is refused with its errno, never continued.
  void respond(kernel::SlotNumber slot, const policy::Verdict& verdict);

  /// Refuses every slot whose deadline is not after `now_ns` (steady clock).
  void expire(std::int64_t now_ns);

  /// The first deadline of what is in flight, on the steady clock; 0 when nothing is.
  [[nodiscard]] std::int64_t earliest_deadline_ns() const;

  /// Refuses all that is in flight, with `error`.
  void refuse_all(int error, const char* reason);

  /// Refuses what is in flight for the thread group `tgid`, with `error`.
  void refuse_process(pid_t tgid, int error, const char* reason);

  /// Called whenever a slot becomes free.
  void on_released(std::function<void()> callback) { on_released_ = std::move(callback); }

  [[nodiscard]] const VerdictCounts& counts() const noexcept { return counts_; }

 private:
  void send(const kernel::JournalSlot& slot, std::int64_t value, int error, std::uint32_t flags,
            std::uint64_t& counter);
  void inject(const kernel::JournalSlot& slot, const policy::Inject& inject);
  void inject_and_tell(const kernel::JournalSlot& slot, const policy::InjectAndTell& inject);
  void replace(const kernel::JournalSlot& slot, const policy::Replace& replace);

  kernel::Listener& listener_;
  kernel::Journal& journal_;
  VerdictCounts counts_;
  std::function<void()> on_released_;
};

}  // namespace proctor::actors
