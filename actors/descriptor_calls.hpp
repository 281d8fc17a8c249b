#pragma once

#include <linux/seccomp.h>
#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <span>

#include "index/pid_key.hpp"
#include "kernel/proc_stat.hpp"
#include "kernel/result.hpp"
#include "kernel/unique_fd.hpp"
#include "policy/verdict.hpp"

namespace proctor::actors {

class ProcessState;
struct SandboxContext;

/// The calls about a descriptor that tell of processes or take the number of one: SO_PEERCRED, F_SETOWN,
/// PIDFD_GET_INFO and their like. One notification's; made where it is decided.
///
/// The descriptor that the register names may be another one by the time the kernel looks, when a thread of
/// the target's changes it. So what is judged is a duplicate, and on that the supervisor acts itself. Only
/// where the pid itself is in a register does the kernel go on.
class DescriptorCalls {
 public:
  DescriptorCalls(SandboxContext& context, ProcessState& process, const seccomp_notif& notification)
      : context_(context), process_(process), notification_(notification) {}

  [[nodiscard]] policy::Verdict decide();

 private:
  struct Row;
  struct OwnerEx;

  [[nodiscard]] policy::Verdict tell_peer();
  [[nodiscard]] policy::Verdict give_peer_pidfd();
  [[nodiscard]] policy::Verdict pass_credentials();
  [[nodiscard]] policy::Verdict tell_lock();
  [[nodiscard]] policy::Verdict tell_session_of_terminal();
  [[nodiscard]] policy::Verdict tell_group_of_terminal();
  /// What the terminal at the call's descriptor says of itself. A pseudoterminal's master answers the
  /// supervisor as well; others answer only who has them for the controlling one (tty_jobctrl.c, tiocgsid and
  /// tiocgpgrp), so it is their `own` figure in stat. ENOTTY, as the kernel: it is not the caller's.
  [[nodiscard]] kernel::Result<pid_t> ask_terminal(const kernel::Result<kernel::ProcStat>& caller,
                                                   pid_t kernel::ProcStat::*own) const;
  [[nodiscard]] policy::Verdict give_terminal();
  [[nodiscard]] policy::Verdict take_terminal();
  [[nodiscard]] policy::Verdict set_owner();
  [[nodiscard]] policy::Verdict set_owner_ex();
  [[nodiscard]] policy::Verdict set_owner_of_socket();
  [[nodiscard]] policy::Verdict tell_owner();
  [[nodiscard]] policy::Verdict tell_owner_ex();
  [[nodiscard]] policy::Verdict tell_owner_of_socket();
  [[nodiscard]] policy::Verdict tell_of_pidfd();
  [[nodiscard]] policy::Verdict translate_pid();

  /// f_setown() on the target's behalf, by the rules of F_SETOWN_EX.
  [[nodiscard]] policy::Verdict own_on_behalf(const kernel::UniqueFd& file, int type, pid_t owner);

  /// Whom the signals of a captured descriptor go to; 0: nobody of the sandbox.
  [[nodiscard]] kernel::Result<OwnerEx> owner_of(const kernel::Result<kernel::UniqueFd>& file) const;

  [[nodiscard]] kernel::Result<kernel::UniqueFd> capture() const;
  /// The same for the requests that only sockets know. ENOTTY: it is none.
  [[nodiscard]] kernel::Result<kernel::UniqueFd> capture_socket() const;
  /// The length that a value-result argument of getsockopt(2) holds.
  [[nodiscard]] kernel::Result<int> read_length();
  /// Answers getsockopt: `value`, cut to `length`, and the length of what was written.
  [[nodiscard]] policy::Verdict answer_option(std::span<const std::byte> value, int length);
  [[nodiscard]] policy::Verdict write(std::uint64_t address, std::span<const std::byte> bytes);
  /// Whether a process group is one of processes outside the sandbox.
  [[nodiscard]] bool is_foreign_job(pid_t group) const;
  /// Whether a process group is one of the sandbox's processes, or the one that the command was started in.
  [[nodiscard]] bool is_own_job(pid_t group) const;
  /// Whether the call's descriptor is of a terminal that no process outside the sandbox has for its
  /// controlling one.
  [[nodiscard]] bool is_free_or_own_terminal() const;
  /// Whether a descriptor is of a pseudoterminal's master side, of which any holder may ask.
  [[nodiscard]] static bool is_master(const kernel::UniqueFd& terminal);
  /// Whether a descriptor is of the terminal that `caller` has for its controlling one.
  [[nodiscard]] static bool is_terminal_of(const kernel::ProcStat& caller, const kernel::UniqueFd& terminal);
  [[nodiscard]] bool is_member(pid_t pid) const;
  /// Whether a process of the sandbox, which lives, made the other end. Before Linux 6.5 nobody can tell: no.
  [[nodiscard]] bool has_own_peer(const kernel::UniqueFd& socket) const;
  /// Of the process that a pid or tid is of; 0 when that is not the sandbox's.
  [[nodiscard]] index::PidKey key_of(pid_t pid) const;

  SandboxContext& context_;
  ProcessState& process_;
  const seccomp_notif& notification_;
};

}  // namespace proctor::actors
