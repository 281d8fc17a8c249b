#include "policy/syscall_table.hpp"

#include <sys/syscall.h>

#include <algorithm>
#include <cerrno>
#include <iterator>
#include <limits>
#include <utility>

#include "policy/syscall_rows.hpp"

namespace proctor::policy {
namespace {

using namespace rows;

// Never here: close, fork, vfork, clone without the flags below, exit, exit_group. A notified call that a
// signal interrupts before it is received returns EINTR, and nobody retries those.
// Left to the kernel's own checks of capabilities: clock_settime of real clocks, settimeofday, adjtimex,
// quotactl, sethostname: nothing a sandbox adds would make them safer.
constexpr std::array table{
    ask("open", SYS_open, Handler::open_path, may_lead_to_proc),
    ask("openat", SYS_openat, Handler::open_path, may_lead_to_proc),
    ask("openat2", SYS_openat2, Handler::open_path, may_lead_to_proc),
    ask("creat", SYS_creat, Handler::open_path, may_lead_to_proc),
    ask("getdents", SYS_getdents, Handler::directory, lists_proc),
    ask("getdents64", SYS_getdents64, Handler::directory, lists_proc),
    ask("chdir", SYS_chdir, Handler::change_cwd, moves_cwd),
    ask("fchdir", SYS_fchdir, Handler::change_cwd, moves_cwd),
    ask("execve", SYS_execve, Handler::exec, starts_program),
    ask("execveat", SYS_execveat, Handler::exec, starts_program),

    judge_link("readlink", SYS_readlink, 0),
    judge_link("readlinkat", SYS_readlinkat, 1, 0),
    judge_path("fanotify_mark", SYS_fanotify_mark, 4, 3),
    judge_link("name_to_handle_at", SYS_name_to_handle_at, 1, 0),
    judge_path("getxattr", SYS_getxattr, 0),
    judge_link("lgetxattr", SYS_lgetxattr, 0),
    judge_path("getxattrat", sys_getxattrat, 1, 0, 2),
    // Also how runtimes tell one version of cgroups from the other.
    judge_path("statfs", SYS_statfs, 0),
    ask("inotify_add_watch", SYS_inotify_add_watch, Handler::watch, tells_what_others_do),
    // These tell no more than stat does.
    strictly(judge_path("listxattr", SYS_listxattr, 0)),
    strictly(judge_link("llistxattr", SYS_llistxattr, 0)),
    strictly(judge_path("listxattrat", sys_listxattrat, 1, 0, 2)),
    strictly(judge_path("setxattr", SYS_setxattr, 0)),
    strictly(judge_link("lsetxattr", SYS_lsetxattr, 0)),
    strictly(judge_path("setxattrat", sys_setxattrat, 1, 0, 2)),
    strictly(judge_path("removexattr", SYS_removexattr, 0)),
    strictly(judge_link("lremovexattr", SYS_lremovexattr, 0)),
    strictly(judge_path("removexattrat", sys_removexattrat, 1, 0, 2)),
    strictly(judge_path("file_getattr", sys_file_getattr, 1, 0, 4)),
    strictly(judge_path("file_setattr", sys_file_setattr, 1, 0, 4)),
    strictly(judge_path("stat", SYS_stat, 0)),
    strictly(judge_link("lstat", SYS_lstat, 0)),
    strictly(judge_path("newfstatat", SYS_newfstatat, 1, 0, 3)),
    strictly(judge_path("statx", SYS_statx, 1, 0, 2)),
    strictly(judge_path("access", SYS_access, 0)),
    strictly(judge_path("faccessat", SYS_faccessat, 1, 0)),
    strictly(judge_path("faccessat2", SYS_faccessat2, 1, 0, 3)),
    strictly(judge_path("utime", SYS_utime, 0)),
    strictly(judge_path("utimes", SYS_utimes, 0)),
    strictly(judge_path("futimesat", SYS_futimesat, 1, 0)),
    strictly(judge_path("utimensat", SYS_utimensat, 1, 0, 3)),

    // Whoever may not change a path still learns from the errno whether it is there.
    strictly(judge_link("mkdir", SYS_mkdir, 0)),
    strictly(judge_link("mkdirat", SYS_mkdirat, 1, 0)),
    strictly(judge_link("rmdir", SYS_rmdir, 0)),
    strictly(judge_link("mknod", SYS_mknod, 0)),
    strictly(judge_link("mknodat", SYS_mknodat, 1, 0)),
    strictly(judge_link("unlink", SYS_unlink, 0)),
    strictly(judge_link("unlinkat", SYS_unlinkat, 1, 0)),
    strictly(judge_link("symlink", SYS_symlink, 1)),
    strictly(judge_link("symlinkat", SYS_symlinkat, 2, 1)),
    strictly(judge_two_paths("rename", SYS_rename, -1, 0, -1, 1)),
    strictly(judge_two_paths("renameat", SYS_renameat, 0, 1, 2, 3)),
    strictly(judge_two_paths("renameat2", SYS_renameat2, 0, 1, 2, 3)),
    strictly(judge_two_paths("link", SYS_link, -1, 0, -1, 1)),
    strictly(judge_two_paths("linkat", SYS_linkat, 0, 1, 2, 3)),
    strictly(judge_path("truncate", SYS_truncate, 0)),
    strictly(judge_path("chmod", SYS_chmod, 0)),
    strictly(judge_path("fchmodat", SYS_fchmodat, 1, 0)),
    strictly(judge_path("fchmodat2", sys_fchmodat2, 1, 0, 3)),
    strictly(judge_path("chown", SYS_chown, 0)),
    strictly(judge_link("lchown", SYS_lchown, 0)),
    strictly(judge_path("fchownat", SYS_fchownat, 1, 0, 4)),

    ask("sysinfo", SYS_sysinfo, Handler::tell_system, tells_as_proc_does),
    ask("getppid", SYS_getppid, Handler::tell_parent, tells_as_proc_does),
    ask("getsid", SYS_getsid, Handler::tell_session, tells_as_proc_does),
    ask("uname", SYS_uname, Handler::tell_name, tells_as_proc_does),
    ask("capget", SYS_capget, Handler::tell_caps, names_pid_in_memory),
    ask_ipc("shmctl", SYS_shmctl, 1, ipc_stat),
    ask_ipc("shmctl", SYS_shmctl, 1, shm_stat),
    ask_ipc("shmctl", SYS_shmctl, 1, shm_stat_any),
    ask_ipc("msgctl", SYS_msgctl, 1, ipc_stat),
    ask_ipc("msgctl", SYS_msgctl, 1, msg_stat),
    ask_ipc("msgctl", SYS_msgctl, 1, msg_stat_any),
    ask_ipc("semctl", SYS_semctl, 2, sem_getpid),
    ask("mq_open", SYS_mq_open, Handler::open_queue, opens_queue),
    ask_rewind(),
    ask_at_beginning("pread64", SYS_pread64, 3),

    ask_of_descriptor("getsockopt", SYS_getsockopt, sol_socket, so_peercred, tells_peer),
    ask_of_descriptor("getsockopt", SYS_getsockopt, sol_socket, so_peerpidfd, tells_peer),
    ask_of_descriptor("setsockopt", SYS_setsockopt, sol_socket, so_passcred, passes_senders),
    ask_of_descriptor("setsockopt", SYS_setsockopt, sol_socket, so_passpidfd, passes_senders),
    ask_of_request("fcntl", SYS_fcntl, f_getlk, tells_holder),
    ask_of_request("fcntl", SYS_fcntl, f_ofd_getlk, tells_holder),
    ask_of_request("fcntl", SYS_fcntl, f_setown, signals_owner),
    ask_of_request("fcntl", SYS_fcntl, f_setown_ex, signals_owner),
    ask_of_request("fcntl", SYS_fcntl, f_getown, tells_owner),
    ask_of_request("fcntl", SYS_fcntl, f_getown_ex, tells_owner),
    ask_of_request("ioctl", SYS_ioctl, tiocgpgrp, tells_as_proc_does),
    ask_of_request("ioctl", SYS_ioctl, tiocspgrp, gives_terminal),
    ask_of_request("ioctl", SYS_ioctl, tiocgsid, tells_as_proc_does),
    ask_of_stolen_terminal(),
    ask_of_request("ioctl", SYS_ioctl, fiosetown, signals_owner),
    ask_of_request("ioctl", SYS_ioctl, siocspgrp, signals_owner),
    ask_of_request("ioctl", SYS_ioctl, fiogetown, tells_owner),
    ask_of_request("ioctl", SYS_ioctl, siocgpgrp, tells_owner),
    ask_of_request("ioctl", SYS_ioctl, pidfd_get_info_kind, tells_parent, ioctl_kind_mask),
    ask_of_request("ioctl", SYS_ioctl, ns_get_pid_from_pidns, translates_pid),
    ask_of_request("ioctl", SYS_ioctl, ns_get_tgid_from_pidns, translates_pid),
    ask_of_request("ioctl", SYS_ioctl, ns_get_pid_in_pidns, translates_pid),
    ask_of_request("ioctl", SYS_ioctl, ns_get_tgid_in_pidns, translates_pid),
    ask_of_dumpable(),
    ask_of_subreaper(),
    ask_of_tracer(),

    judge_signal_target("kill", SYS_kill),
    judge("tkill", SYS_tkill, 0),
    // The thread group decides: the kernel refuses a thread that is not of it (kernel/signal.c,
    // do_send_specific).
    judge("tgkill", SYS_tgkill, 0),
    judge("rt_sigqueueinfo", SYS_rt_sigqueueinfo, 0),
    judge("rt_tgsigqueueinfo", SYS_rt_tgsigqueueinfo, 0),
    judge("pidfd_open", SYS_pidfd_open, 0),
    judge_setpgid(),
    judge_joined_group(),
    judge("getpgid", SYS_getpgid, 0),
    judge_priority("getpriority", SYS_getpriority, prio_process, prio_pgrp),
    judge_priority("getpriority", SYS_getpriority, prio_pgrp, prio_pgrp),
    refuse_if("getpriority", SYS_getpriority, EPERM, 0, Condition::low_word_equals, prio_user, tells_of_user),
    on_behalf(judge_if("setpriority", SYS_setpriority, 1, 0, prio_process)),
    refuse_if("setpriority", SYS_setpriority, EPERM, 0, Condition::low_word_equals, prio_pgrp,
              reaches_supervisor),
    refuse_if("setpriority", SYS_setpriority, EPERM, 0, Condition::low_word_equals, prio_user,
              reaches_supervisor),
    judge_priority("ioprio_get", SYS_ioprio_get, ioprio_who_process, ioprio_who_pgrp),
    judge_priority("ioprio_get", SYS_ioprio_get, ioprio_who_pgrp, ioprio_who_pgrp),
    refuse_if("ioprio_get", SYS_ioprio_get, EPERM, 0, Condition::low_word_equals, ioprio_who_user,
              tells_of_user),
    on_behalf(judge_if("ioprio_set", SYS_ioprio_set, 1, 0, ioprio_who_process)),
    refuse_if("ioprio_set", SYS_ioprio_set, EPERM, 0, Condition::low_word_equals, ioprio_who_pgrp,
              reaches_supervisor),
    refuse_if("ioprio_set", SYS_ioprio_set, EPERM, 0, Condition::low_word_equals, ioprio_who_user,
              reaches_supervisor),
    on_behalf(judge("sched_setparam", SYS_sched_setparam, 0)),
    judge("sched_getparam", SYS_sched_getparam, 0),
    on_behalf(judge("sched_setscheduler", SYS_sched_setscheduler, 0)),
    judge("sched_getscheduler", SYS_sched_getscheduler, 0),
    on_behalf(judge("sched_setattr", SYS_sched_setattr, 0)),
    judge("sched_getattr", SYS_sched_getattr, 0),
    ask("sched_setaffinity", SYS_sched_setaffinity, Handler::set_affinity, keeps_cpus),
    ask_affinity_of_others(),
    judge("sched_rr_get_interval", SYS_sched_rr_get_interval, 0),
    ask_limits_of_others(),
    ask_process_limit("prlimit64", SYS_prlimit64, 1),
    ask_process_limit("getrlimit", SYS_getrlimit, 0),
    ask_process_limit("setrlimit", SYS_setrlimit, 0),
    judge("move_pages", SYS_move_pages, 0),
    judge("migrate_pages", SYS_migrate_pages, 0),
    judge("get_robust_list", SYS_get_robust_list, 0),
    judge_kcmp(),
    judge_ptrace(),
    judge_clock("clock_gettime", SYS_clock_gettime),
    judge_clock("clock_settime", SYS_clock_settime),
    judge_clock("clock_getres", SYS_clock_getres),
    judge_clock("clock_nanosleep", SYS_clock_nanosleep),
    judge_clock("timer_create", SYS_timer_create),

    refuse("clone3", SYS_clone3, ENOSYS, hides_flags),
    refuse_if("clone", SYS_clone, EPERM, 0, Condition::any_bit_of, clone_namespaces, new_namespace),
    refuse_if("clone", SYS_clone, EPERM, 0, Condition::any_bit_of, clone_parent, siblings),
    ask_of_shared_table(),
    refuse_if("unshare", SYS_unshare, EPERM, 0, Condition::any_bit_of, clone_namespaces | clone_newtime,
              new_namespace),
    refuse("setns", SYS_setns, EPERM, new_namespace),
    refuse("io_uring_setup", SYS_io_uring_setup, ENOSYS, unseen_io),
    refuse("io_uring_enter", SYS_io_uring_enter, ENOSYS, unseen_io),
    refuse("io_uring_register", SYS_io_uring_register, ENOSYS, unseen_io),
    refuse("process_vm_readv", SYS_process_vm_readv, EPERM, foreign_memory),
    refuse("process_vm_writev", SYS_process_vm_writev, EPERM, foreign_memory),
    refuse("process_madvise", SYS_process_madvise, EPERM, foreign_memory),
    refuse("pidfd_getfd", SYS_pidfd_getfd, EPERM, foreign_memory),
    refuse("perf_event_open", SYS_perf_event_open, EPERM,
           "measures other processes and the kernel, and names them by number"),
    // The kernel answers the same while our listener lives; after it nothing but this row would.
    refuse_if("seccomp", SYS_seccomp, EBUSY, 1, Condition::any_bit_of, seccomp_new_listener,
              "a second listener would take the notifications from the supervisor and answer them itself"),
    refuse_if("prctl", SYS_prctl, EINVAL, 0, Condition::low_word_equals, pr_sched_core,
              "PR_SCHED_CORE names foreign processes and decides with whom they share a CPU core"),
    refuse_if("ioctl", SYS_ioctl, EPERM, 1, Condition::low_word_equals, tiocsti, fakes_input),
    refuse_if("ioctl", SYS_ioctl, EPERM, 1, Condition::low_word_equals, tioclinux, fakes_input),
    refuse_if("ioctl", SYS_ioctl, EPERM, 1, Condition::low_word_equals, tiocvhangup, takes_terminal),
    refuse("vhangup", SYS_vhangup, EPERM, takes_terminal),

    refuse("mount", SYS_mount, EPERM, changes_mounts),
    refuse("umount2", SYS_umount2, EPERM, changes_mounts),
    refuse("move_mount", SYS_move_mount, EPERM, changes_mounts),
    refuse("open_tree", SYS_open_tree, EPERM, changes_mounts),
    refuse("open_tree_attr", sys_open_tree_attr, EPERM, changes_mounts),
    refuse("fsopen", SYS_fsopen, EPERM, changes_mounts),
    refuse("fsconfig", SYS_fsconfig, EPERM, changes_mounts),
    refuse("fsmount", SYS_fsmount, EPERM, changes_mounts),
    refuse("fspick", SYS_fspick, EPERM, changes_mounts),
    refuse("mount_setattr", SYS_mount_setattr, EPERM, changes_mounts),
    refuse("statmount", sys_statmount, ENOSYS, lists_mounts),
    refuse("listmount", sys_listmount, ENOSYS, lists_mounts),
    refuse_request(ENOTTY, ns_mnt_get_info_kind, lists_mounts),
    refuse_request(ENOTTY, ns_mnt_get_next_kind, lists_mounts),
    refuse_request(ENOTTY, ns_mnt_get_prev_kind, lists_mounts),
    refuse("pivot_root", SYS_pivot_root, EPERM, changes_root),
    refuse("chroot", SYS_chroot, EPERM, changes_root),
    refuse("open_by_handle_at", SYS_open_by_handle_at, EPERM, no_path),
    refuse("userfaultfd", SYS_userfaultfd, EPERM,
           "memory that answers only when its owner likes would hold up whoever reads it"),
    refuse("fanotify_init", SYS_fanotify_init, EPERM,
           "its events name foreign processes, and give a privileged one descriptors of them"),
    refuse_netlink(netlink_sock_diag, lists_sockets),
    refuse_netlink(netlink_connector, tells_of_processes),
    refuse_netlink(netlink_audit, logs_processes),
    refuse_netlink(netlink_generic, tells_statistics),
    refuse_netlink(netlink_rdma, tells_statistics),
    refuse("syslog", SYS_syslog, EPERM, reads_kernel_log),
    refuse("add_key", SYS_add_key, EPERM, shared_keys),
    refuse("request_key", SYS_request_key, EPERM, shared_keys),
    refuse("keyctl", SYS_keyctl, EPERM, shared_keys),
    refuse("bpf", SYS_bpf, EPERM, changes_kernel),
    refuse("kexec_load", SYS_kexec_load, EPERM, changes_kernel),
    refuse("kexec_file_load", SYS_kexec_file_load, EPERM, changes_kernel),
    refuse("init_module", SYS_init_module, EPERM, changes_kernel),
    refuse("finit_module", SYS_finit_module, EPERM, changes_kernel),
    refuse("delete_module", SYS_delete_module, EPERM, changes_kernel),
    refuse("reboot", SYS_reboot, EPERM, machine_wide),
    refuse("swapon", SYS_swapon, EPERM, machine_wide),
    refuse("swapoff", SYS_swapoff, EPERM, machine_wide),
    refuse("acct", SYS_acct, EPERM, machine_wide),
    refuse("ioperm", SYS_ioperm, EPERM, raw_hardware),
    refuse("iopl", SYS_iopl, EPERM, raw_hardware),
};

/// One past the highest call number in the table.
constexpr std::size_t numbers_end =
    1 + static_cast<std::size_t>(
            std::max_element(table.begin(), table.end(), [](const SyscallRow& a, const SyscallRow& b) {
              return a.number < b.number;
            })->number);

/// From a call number to its notify row: one load on the way of every notification.
constexpr auto notify_rows = [] {
  std::array<const SyscallRow*, numbers_end> rows{};
  for (const SyscallRow& row : table) {
    if (row.action == Action::notify) rows[static_cast<std::size_t>(row.number)] = &row;
  }
  return rows;
}();

void judge_register(PidKind kind, std::uint64_t value, JudgedPids& judged) {
  // The kernel takes the low word as a signed int, whatever the high word holds.
  auto pid = static_cast<pid_t>(static_cast<std::uint32_t>(value));
  if (kind == PidKind::signal_target && pid < 0) {
    judged.beyond_named_tasks = true;
    // -1 is everyone; the most negative one the kernel refuses by itself (kernel/signal.c,
    // kill_something_info).
    if (pid != -1 && pid != std::numeric_limits<pid_t>::min()) judged.named_group = -pid;
  }
  if (kind == PidKind::cpu_clock) {
    constexpr pid_t device_mask = 7;
    constexpr pid_t device_clock = 3;  // CLOCKFD: the id holds a descriptor, not a pid
    // A shift of a negative int keeps the sign (C++20), as the kernel's CPUCLOCK_PID does.
    pid = pid >= 0 || (pid & device_mask) == device_clock ? 0 : ~(pid >> 3);
  }
  if (pid > 0) judged.tasks[judged.count++] = pid;
}

}  // namespace

std::span<const SyscallRow> syscall_table() { return table; }

std::vector<SyscallRow> rows_of(ProcMode mode) {
  std::vector<SyscallRow> rows;
  std::ranges::copy_if(table, std::back_inserter(rows),
                       [mode](const SyscallRow& row) { return !row.strict || mode == ProcMode::strict; });
  return rows;
}

const SyscallRow* notify_row(int number) {
  const auto index = static_cast<std::size_t>(number);  // a negative number becomes a huge one
  return index < notify_rows.size() ? notify_rows[index] : nullptr;
}

JudgedPids judged_pids(const SyscallRow& row, const seccomp_data& call) {
  JudgedPids judged;
  judge_register(row.pid_kind, call.args[row.argument], judged);
  const auto selector = static_cast<std::int32_t>(static_cast<std::uint32_t>(call.args[row.also.argument]));
  if (row.group_selector >= 0 && selector == row.group_selector) {
    judged.named_group = std::exchange(judged.tasks[0], 0);
    judged.count = 0;
  }
  if (row.second_pid_argument >= 0) {
    const auto second = static_cast<std::uint8_t>(row.second_pid_argument);
    judge_register(row.pid_kind, call.args[second], judged);
  }
  if (row.group_argument >= 0) {
    const auto group = static_cast<pid_t>(
        static_cast<std::uint32_t>(call.args[static_cast<std::uint8_t>(row.group_argument)]));
    if (group > 0) judged.joined_group = group;
  }
  return judged;
}

}  // namespace proctor::policy
