#pragma once

// Kernel constants newer than the headers of Linux 6.1 (Debian 12). Grouped by the header that has them
// today. None of them says that the running kernel knows it: that is tried, never assumed (probe.hpp).
//
// Plain numbers keep their kernel names, under #ifndef. Structures, and the ioctl numbers that hold a
// structure's size, get names of our own: a later header's version of the same structure is longer, and
// its ioctl number would let the kernel write past ours.

#include <fcntl.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <cstdint>

// -- linux/pidfd.h ----------------------------------------------------------------------------------

#ifndef PIDFD_THREAD  // 6.9
#define PIDFD_THREAD O_EXCL
#endif

#ifndef PIDFD_INFO_PID  // 6.13
#define PIDFD_INFO_PID (1UL << 0)
#define PIDFD_INFO_CREDS (1UL << 1)
#endif
#ifndef PIDFD_INFO_EXIT  // 6.15
#define PIDFD_INFO_EXIT (1UL << 3)
#endif

namespace proctor::kernel::uapi {

/// `struct pidfd_info` as first published (PIDFD_INFO_SIZE_VER0).
struct PidfdInfo {
  std::uint64_t mask = 0;  ///< in: what to ask for; out: what was answered
  std::uint64_t cgroupid = 0;
  std::uint32_t pid = 0;
  std::uint32_t tgid = 0;
  std::uint32_t ppid = 0;
  std::uint32_t ruid = 0;
  std::uint32_t rgid = 0;
  std::uint32_t euid = 0;
  std::uint32_t egid = 0;
  std::uint32_t suid = 0;
  std::uint32_t sgid = 0;
  std::uint32_t fsuid = 0;
  std::uint32_t fsgid = 0;
  std::int32_t exit_code = 0;  ///< with PIDFD_INFO_EXIT, in wait(2)'s form
};
static_assert(sizeof(PidfdInfo) == 64);

/// PIDFD_GET_INFO for a PidfdInfo.
inline constexpr unsigned long pidfd_get_info = _IOWR(0xFF, 11, PidfdInfo);

}  // namespace proctor::kernel::uapi

// -- linux/seccomp.h --------------------------------------------------------------------------------

#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV  // 5.19
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif

#ifndef SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP  // 6.6
#define SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP (1UL << 0)
#endif
#ifndef SECCOMP_IOCTL_NOTIF_SET_FLAGS  // 6.6; the argument is the flags themselves
#define SECCOMP_IOCTL_NOTIF_SET_FLAGS SECCOMP_IOW(4, __u64)
#endif

// -- linux/landlock.h -------------------------------------------------------------------------------

#ifndef LANDLOCK_ACCESS_FS_REFER  // ABI 2, 5.19
#define LANDLOCK_ACCESS_FS_REFER (1ULL << 13)
#endif
#ifndef LANDLOCK_SCOPE_SIGNAL  // ABI 6, 6.12
#define LANDLOCK_SCOPE_SIGNAL (1ULL << 1)
#endif

namespace proctor::kernel::uapi {

/// `struct landlock_ruleset_attr` of ABI 6. An older kernel takes it as long as what it does not know
/// is zero.
struct LandlockRulesetAttr {
  std::uint64_t handled_access_fs = 0;
  std::uint64_t handled_access_net = 0;  ///< ABI 4
  std::uint64_t scoped = 0;              ///< ABI 6
};
static_assert(sizeof(LandlockRulesetAttr) == 24);

}  // namespace proctor::kernel::uapi

// -- linux/magic.h, linux/memfd.h, asm/socket.h -----------------------------------------------------

#ifndef PID_FS_MAGIC  // 6.9: statfs(2) of a pidfd; anonymous inodes before
#define PID_FS_MAGIC 0x50494446
#endif

#ifndef MFD_NOEXEC_SEAL  // 6.3
#define MFD_NOEXEC_SEAL 0x0008U
#endif

#ifndef SO_PASSPIDFD  // 6.5
#define SO_PASSPIDFD 76
#endif
#ifndef SO_PEERPIDFD  // 6.5
#define SO_PEERPIDFD 77
#endif
