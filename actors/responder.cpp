#include "actors/responder.hpp"

#include <fcntl.h>
#include <linux/seccomp.h>
#include <sys/syscall.h>

#include <cerrno>
#include <csignal>
#include <variant>

#include "kernel/pidfd.hpp"

namespace proctor::actors {
namespace {

/// The thread that waits in the call.
pid_t caller_of(const kernel::JournalSlot& slot) { return static_cast<pid_t>(slot.view().pid); }

}  // namespace

void Responder::respond(kernel::SlotNumber number, const policy::Verdict& verdict) {
  const kernel::JournalSlot& slot = journal_[number];
  if (slot.cookie == 0) return;
  if (std::holds_alternative<policy::Continue>(verdict.answer)) {
    // Continue safety: whoever made this verdict says why; nothing is decided here.
    send(slot, 0, 0, SECCOMP_USER_NOTIF_FLAG_CONTINUE, counts_.continued);
  } else if (const auto* fail = std::get_if<policy::Fail>(&verdict.answer)) {
    // getppid(2) has no errors, and its callers look for none: kill(getppid(), ...) would be kill(-1, ...).
    const bool can_fail = slot.view().data.nr != SYS_getppid;
    send(slot, 0, can_fail ? -fail->error : 0, 0, counts_.failed);
  } else if (const auto* value = std::get_if<policy::Return>(&verdict.answer)) {
    send(slot, value->value, 0, 0, counts_.returned);
  } else if (const auto* added = std::get_if<policy::Inject>(&verdict.answer)) {
    inject(slot, *added);
  } else if (const auto* told = std::get_if<policy::InjectAndTell>(&verdict.answer)) {
    inject_and_tell(slot, *told);
  } else {
    replace(slot, std::get<policy::Replace>(verdict.answer));
  }
  journal_.release(number);
  if (on_released_) on_released_();
}

void Responder::send(const kernel::JournalSlot& slot, std::int64_t value, int error, std::uint32_t flags,
                     std::uint64_t& counter) {
  seccomp_notif_resp response{};
  response.id = slot.cookie;
  response.val = value;
  response.error = error;
  response.flags = flags;
  // ENOENT: the target died or was interrupted before the answer. Nothing was done that would have to be
  // undone: an injected descriptor goes with its target, and listings are read by nobody.
  ++(listener_.respond(response) ? counter : counts_.withdrawn);
}

void Responder::inject(const kernel::JournalSlot& slot, const policy::Inject& inject) {
  const auto added = listener_.add_fd_and_respond(slot.cookie, caller_of(slot), inject.fd->get(),
                                                  inject.close_on_exec ? O_CLOEXEC : 0U);
  if (added) {
    ++counts_.injected;
    return;
  }
  switch (added.error().number) {
    case ENOENT:
      ++counts_.withdrawn;
      return;
    case EINTR: {
      // Before 5.19 the target has its descriptor then, and believes that the call returned 0: nothing can
      // repair that.
      // Signals are blocked on this thread, so only a dying target comes here.
      if (auto target = kernel::PidFd::open_thread(caller_of(slot)); target)
        static_cast<void>(target->send_signal(SIGKILL));
      ++counts_.withdrawn;
      return;
    }
    default:  // EMFILE and the like: the target's own limits
      send(slot, 0, -added.error().number, 0, counts_.failed);
  }
}

void Responder::inject_and_tell(const kernel::JournalSlot& slot, const policy::InjectAndTell& inject) {
  const auto number =
      listener_.add_fd(slot.cookie, caller_of(slot), inject.fd->get(), inject.close_on_exec ? O_CLOEXEC : 0U);
  // EMFILE and the like, the target's own limits. ENOENT: it is gone, and takes no answer.
  const int error = number ? inject.tell(*number) : number.error().number;
  send(slot, 0, -error, 0, error == 0 ? counts_.injected : counts_.failed);
}

void Responder::replace(const kernel::JournalSlot& slot, const policy::Replace& replace) {
  // Two steps, because ADDFD with SEND answers with the number. Whatever comes between them, the target has
  // one whole file or the other under that number.
  const auto done = listener_.replace_fd(slot.cookie, caller_of(slot), replace.fd->get(), replace.number,
                                         replace.close_on_exec ? O_CLOEXEC : 0U);
  const bool goes_on = !done || replace.then == policy::Replace::Then::goes_on;
  // Continue safety: the kernel reads the target's own descriptor, whichever file that is by then. Above its
  // RLIMIT_NOFILE, for one, it keeps the file that it had.
  send(slot, 0, 0, goes_on ? SECCOMP_USER_NOTIF_FLAG_CONTINUE : 0U,
       done ? counts_.injected : counts_.continued);
}

void Responder::expire(std::int64_t now_ns) {
  const auto slots = journal_.slots();
  for (std::size_t number = 0; number < slots.size(); ++number) {
    if (slots[number].cookie == 0 || slots[number].deadline_ns > now_ns) continue;
    ++counts_.expired;
    respond(static_cast<kernel::SlotNumber>(number), {policy::Fail{ETIMEDOUT}, "nobody decided in time"});
  }
}

std::int64_t Responder::earliest_deadline_ns() const {
  std::int64_t earliest = 0;
  for (const auto& slot : journal_.slots())
    if (slot.cookie != 0 && (earliest == 0 || slot.deadline_ns < earliest)) earliest = slot.deadline_ns;
  return earliest;
}

void Responder::refuse_all(int error, const char* reason) {
  for (std::size_t number = 0; number < journal_.slots().size(); ++number)
    respond(static_cast<kernel::SlotNumber>(number), {policy::Fail{error}, reason});
}

void Responder::refuse_process(pid_t tgid, int error, const char* reason) {
  const auto slots = journal_.slots();
  for (std::size_t number = 0; number < slots.size(); ++number) {
    if (slots[number].cookie != 0 && kernel::is_thread_of(tgid, caller_of(slots[number])))
      respond(static_cast<kernel::SlotNumber>(number), {policy::Fail{error}, reason});
  }
}

}  // namespace proctor::actors
