#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "kernel/result.hpp"
#include "kernel/unique_fd.hpp"

namespace proctor::kernel {

/// The kernel's Landlock ABI version, landlock(7); ENOSYS or EOPNOTSUPP without Landlock.
[[nodiscard]] Result<int> landlock_abi();

/// A Landlock ruleset under which every file can be used as before, save those of procfs, which can
/// neither be opened for reading nor for writing, whatever the spelling of the path. Directories of
/// procfs can be opened (their listings are notified and judged by the descriptor).
///
/// How: Landlock cannot subtract, so every top-level directory is granted but those that lead to a
/// procfs mount (all of them, from /proc/self/mountinfo); a directory on the way to such a mount is
/// granted entry by entry. What is created later beside such an entry has no rule: `ungranted_directories`
/// names the directories where that can happen ("/" always); opens below a later entry are served on
/// behalf. REFER is handled and granted, or renames across directories would fail. A file without a rule
/// cannot be moved or linked to where it would gain one (EXDEV, whereupon mv copies). A procfs that is
/// mounted later, below a granted directory, is not closed: a sandboxed process cannot mount, so only the
/// machine's own administrator can make that.
///
/// In the same way refused_sys_paths(), the devices and the cgroups, by their names on every mount of a whole
/// sysfs, and every mount of refused_file_systems() or of cgroups elsewhere are left without a rule. Only the
/// devices and the cgroups are served, those in /sys.
struct ProcfsDenial {
  UniqueFd ruleset;
  /// Absolute, without a trailing slash, "/" first. In sys_devices_path and sys_cgroup_path, if they are
  /// among them, what was there before has no rule either.
  std::vector<std::string> ungranted_directories;
  bool scopes_signals = false;  ///< ABI 6: signals reach only tasks of the same domain
};

/// Builds the ruleset; nothing is enforced yet. Opens what it grants with the caller's rights. ENOSYS,
/// EOPNOTSUPP: no Landlock. ENOENT, EACCES: no /proc to read the mounts from.
[[nodiscard]] Result<ProcfsDenial> build_procfs_denial();

/// Enforces a ruleset on the calling thread and all it forks; needs no_new_privs or CAP_SYS_ADMIN.
/// Async-signal-safe.
[[nodiscard]] Result<void> landlock_restrict_self(const UniqueFd& ruleset);

}  // namespace proctor::kernel
