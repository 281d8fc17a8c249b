#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "kernel/result.hpp"

namespace proctor::kernel {

class PidFd;

/// What the kernel judges a task's file accesses by: /proc/TID/status's Uid (fs), Gid (fs), Groups and
/// CapEff.
struct Credentials {
  uid_t fsuid = 0;
  gid_t fsgid = 0;
  std::vector<gid_t> groups;  ///< ascending
  /// Those that count in the reader's user namespace: 0 for a task of another one, whatever its CapEff
  /// says, because that speaks of its own namespace only.
  std::uint64_t effective_capabilities = 0;

  bool operator==(const Credentials&) const = default;
};

/// The text of a /proc/TID/status. EPROTO: it is not one. Capabilities are taken as they stand there.
[[nodiscard]] Result<Credentials> parse_credentials(std::string_view status);

/// Whether a thread lives in the calling thread's user namespace. When that cannot be told, it does not.
[[nodiscard]] bool shares_user_namespace(pid_t tid);

/// The credentials of a thread. ESRCH or ENOENT: gone. Several reads: the caller makes sure that `tid`
/// is whom it means after this call. `shares_namespace`: the caller knows the answer of shares_user_namespace
/// to be yes, and that it stays so.
[[nodiscard]] Result<Credentials> read_credentials(pid_t tid, bool shares_namespace = false);

/// Whether a thread has exactly the calling thread's rights: every uid and gid, the groups, the permitted and
/// the effective capabilities, in one user namespace. For calls that ask for more than AssumedCredentials can
/// assume: a real uid, or what may be made effective. When it cannot be told: no.
[[nodiscard]] bool has_own_rights(pid_t tid);

/// The mask of the modes of files that a thread makes: umask(2). Nothing where it cannot be told.
[[nodiscard]] std::optional<mode_t> read_umask(pid_t tid);

/// Whether no call and no exec can ever change the credentials that the text of a /proc/TID/status shows, nor
/// those of any descendant that stays in the user namespace: one uid and one gid throughout, no permitted
/// capability, no_new_privs.
[[nodiscard]] bool are_fixed_credentials(std::string_view status);

/// The same of a thread; what cannot be read is not fixed.
[[nodiscard]] bool has_fixed_credentials(pid_t tid);

/// Whether a thread may be under a seccomp filter that needed no_new_privs, as every sandbox's is. When it
/// cannot be told: yes.
[[nodiscard]] bool may_be_filtered(pid_t tid);

/// Whether a thread surely still has these credentials, by two short questions (capget(2), PIDFD_GET_INFO of
/// 6.13) instead of a text of the kernel's. `known` was read of this very thread, and this function said yes
/// of it then: the list of groups, which is not asked about, is changed only with CAP_SETGID and counts for
/// files only without the capabilities that override their modes, so whoever has the former without the
/// latter gets a no. `held`: of this thread; the group's, where it leads one.
///
/// Relies on the filter, which lets nobody leave the user namespace: capget(2) does not say in which one
/// somebody has his capabilities.
[[nodiscard]] bool surely_has(pid_t tid, const PidFd& held, const Credentials& known);

/// Whether a capability (CAP_...) is among those that a thread may make effective (CapPrm). Of a user
/// namespace of its own, or when it cannot be told: yes.
[[nodiscard]] bool may_be_permitted(pid_t tid, unsigned capability);

/// Makes the calling **thread** act with `target`'s credentials until destroyed (raw system calls:
/// libc's wrappers would change every thread of the process). Nothing is called when they are the
/// thread's own already, which `current` says. `current` must outlive this object.
///
/// The effective ids change, not only the file system ids: /proc/sys asks for euid and egid
/// (test_perm() in proc_sysctl.c), cgroup v1 and uid_map for the opener's euid. setfsuid(2) alone would
/// let anybody write /proc/sys/kernel/core_pattern through a root supervisor. Real and saved ids stay,
/// and with them the permitted capabilities that restore. While it lasts, other processes of the
/// target's user may renice the thread (but not signal or trace it). Changing credentials makes the process
/// not dumpable and clears the thread's PR_SET_PDEATHSIG (commit_creds()).
///
/// EPERM: this supervisor may not become the target (unprivileged, and of another user or with other
/// groups). A supervisor with *fewer* rights than the target acts with its own: effective capabilities
/// are the target's that the supervisor has too. Failure to restore aborts the process: a thread
/// that keeps wrong credentials must not answer anybody.
class AssumedCredentials {
 public:
  [[nodiscard]] static Result<AssumedCredentials> assume(const Credentials& target,
                                                         const Credentials& current);
  /// `current` is referred to until the destructor has restored it.
  static Result<AssumedCredentials> assume(const Credentials& target, Credentials&& current) = delete;

  AssumedCredentials(AssumedCredentials&& other) noexcept;
  AssumedCredentials& operator=(AssumedCredentials&&) = delete;
  AssumedCredentials(const AssumedCredentials&) = delete;
  AssumedCredentials& operator=(const AssumedCredentials&) = delete;
  ~AssumedCredentials();

 private:
  AssumedCredentials(const Credentials* restore, std::uint8_t steps) noexcept
      : restore_(restore), steps_(steps) {}

  const Credentials* restore_;  ///< not owned; null when nothing was changed
  std::uint8_t steps_;          ///< what was changed beside the capabilities
};

}  // namespace proctor::kernel
