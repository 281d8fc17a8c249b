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
#include <sys/syscall.h>

#include <cstdint>

// -- linux/pidfd.h ----------------------------------------------------------------------------------

#ifndef PIDFD_THREAD  // 6.9
#define PIDFD_THREAD O_EXCL
#endif

#ifndef PIDFD_SIGNAL_THREAD  // 6.9; without a flag the kind of the pidfd decides
#define PIDFD_SIGNAL_THREAD (1UL << 0)
#define PIDFD_SIGNAL_THREAD_GROUP (1UL << 1)
#define PIDFD_SIGNAL_PROCESS_GROUP (1UL << 2)
#endif

#ifndef PIDFD_SELF_THREAD  // 6.14
#define PIDFD_SELF_THREAD (-10000)
#define PIDFD_SELF_THREAD_GROUP (-10001)
#endif
#ifndef PIDFD_SELF
#define PIDFD_SELF PIDFD_SELF_THREAD
#define PIDFD_SELF_PROCESS PIDFD_SELF_THREAD_GROUP
#endif

#ifndef PIDFD_INFO_PID  // 6.13
#define PIDFD_INFO_PID (1UL << 0)
#define PIDFD_INFO_CREDS (1UL << 1)
#define PIDFD_INFO_CGROUPID (1UL << 2)
#endif
#ifndef PIDFD_INFO_EXIT  // 6.15
#define PIDFD_INFO_EXIT (1UL << 3)
#endif
#ifndef PIDFD_INFO_COREDUMP  // 6.16
#define PIDFD_INFO_COREDUMP (1UL << 4)
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
#ifndef LANDLOCK_ACCESS_FS_TRUNCATE  // ABI 3, 6.2
#define LANDLOCK_ACCESS_FS_TRUNCATE (1ULL << 14)
#endif
#ifndef LANDLOCK_ACCESS_NET_BIND_TCP  // ABI 4, 6.7
#define LANDLOCK_ACCESS_NET_BIND_TCP (1ULL << 0)
#define LANDLOCK_ACCESS_NET_CONNECT_TCP (1ULL << 1)
#endif
#ifndef LANDLOCK_ACCESS_FS_IOCTL_DEV  // ABI 5, 6.10
#define LANDLOCK_ACCESS_FS_IOCTL_DEV (1ULL << 15)
#endif
#ifndef LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET  // ABI 6, 6.12
#define LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET (1ULL << 0)
#define LANDLOCK_SCOPE_SIGNAL (1ULL << 1)
#endif
#ifndef LANDLOCK_RESTRICT_SELF_LOG_SAME_EXEC_OFF  // ABI 7, 6.15
#define LANDLOCK_RESTRICT_SELF_LOG_SAME_EXEC_OFF (1U << 0)
#define LANDLOCK_RESTRICT_SELF_LOG_NEW_EXEC_ON (1U << 1)
#define LANDLOCK_RESTRICT_SELF_LOG_SUBDOMAINS_OFF (1U << 2)
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

/// `struct landlock_net_port_attr`, ABI 4.
struct LandlockNetPortAttr {
  std::uint64_t allowed_access = 0;
  std::uint64_t port = 0;
};
/// LANDLOCK_RULE_NET_PORT, an enumerator in the kernel's header and so not to be tested by #ifndef.
inline constexpr int landlock_rule_net_port = 2;

}  // namespace proctor::kernel::uapi

// -- linux/magic.h, linux/memfd.h, asm/socket.h -----------------------------------------------------

#ifndef PID_FS_MAGIC  // 6.9: statfs(2) of a pidfd; anonymous inodes before
#define PID_FS_MAGIC 0x50494446
#endif

#ifndef MFD_NOEXEC_SEAL  // 6.3
#define MFD_NOEXEC_SEAL 0x0008U
#define MFD_EXEC 0x0010U
#endif

#ifndef SO_PASSPIDFD  // 6.5
#define SO_PASSPIDFD 76
#endif
#ifndef SO_PEERPIDFD  // 6.5
#define SO_PEERPIDFD 77
#endif
#ifndef SCM_PIDFD  // 6.5
#define SCM_PIDFD 0x04
#endif

// -- asm/unistd.h: the numbers are the same on every architecture but alpha ------------------------------

#ifndef SYS_cachestat  // 6.5
#define SYS_cachestat 451
#endif
#ifndef SYS_fchmodat2  // 6.6
#define SYS_fchmodat2 452
#endif
#ifndef SYS_map_shadow_stack  // 6.6
#define SYS_map_shadow_stack 453
#endif
#ifndef SYS_futex_wake  // 6.7
#define SYS_futex_wake 454
#define SYS_futex_wait 455
#define SYS_futex_requeue 456
#endif
#ifndef SYS_statmount  // 6.8
#define SYS_statmount 457
#define SYS_listmount 458
#endif
#ifndef SYS_lsm_get_self_attr  // 6.8
#define SYS_lsm_get_self_attr 459
#define SYS_lsm_set_self_attr 460
#define SYS_lsm_list_modules 461
#endif
#ifndef SYS_mseal  // 6.10
#define SYS_mseal 462
#endif
#ifndef SYS_setxattrat  // 6.13
#define SYS_setxattrat 463
#define SYS_getxattrat 464
#define SYS_listxattrat 465
#define SYS_removexattrat 466
#endif
#ifndef SYS_open_tree_attr  // 6.15
#define SYS_open_tree_attr 467
#endif
#ifndef SYS_file_getattr  // 6.17
#define SYS_file_getattr 468
#define SYS_file_setattr 469
#endif
