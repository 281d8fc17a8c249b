#pragma once

#include <sys/types.h>

namespace proctor::actors {

struct SandboxContext;

/// Which of the process groups and sessions that the sandbox's processes are in are not its own.
///
/// A process is in its maker's group and session until setpgid(2) or setsid(2) founds one under the number of
/// a process of the sandbox, and a foreign group is joined by nobody (judge_pid_argument). So there is at
/// most one of each that is somebody else's: those in which the sandbox was started. All others are its own,
/// also when their founders have ended: as long as anybody is in a group or session the kernel deals its
/// number to no other process (kernel/pid.c, __change_pid). Nothing need be remembered of the dead.
class JobIds {
 public:
  /// Reads them of the sandbox's first process: to be made while that waits to be released.
  explicit JobIds(pid_t target);

  /// A process of the sandbox has this number: the group and session that had it before are gone.
  void note_process(pid_t pid) noexcept;

  /// 0: every group is the sandbox's own.
  [[nodiscard]] pid_t foreign_group() const noexcept { return group_; }
  [[nodiscard]] pid_t foreign_session() const noexcept { return session_; }

 private:
  pid_t group_ = 0;
  pid_t session_ = 0;
};

/// Whether a process of the sandbox is in a process group, its leader or not. A look at every process where
/// the leader has ended.
[[nodiscard]] bool has_member_in_group(SandboxContext& context, pid_t group);

/// The same, or it is the group that the command was started in: a shell goes back to that, and gives the
/// terminal back to it, whoever else is there.
[[nodiscard]] bool is_own_group(SandboxContext& context, pid_t group);

}  // namespace proctor::actors
