#include "policy/syscall_table.hpp"

#include <sys/syscall.h>

#include <algorithm>
#include <cerrno>
#include <iterator>
#include <limits>
#include <utility>

namespace proctor::policy {
namespace {

// Numbers newer than the headers of Debian 12; x86-64.
constexpr long sys_open_tree_attr = 467;

// The arguments that some rows look for: of <sched.h>, <linux/ioprio.h>, <sys/resource.h>, <asm/ioctls.h>,
// <linux/prctl.h>, as literals because those headers clash with each other.
constexpr std::uint64_t clone_newtime = 0x00000080;
constexpr std::uint64_t clone_parent = 0x00008000;
constexpr std::uint64_t clone_newns = 0x00020000;
constexpr std::uint64_t clone_newcgroup = 0x02000000;
constexpr std::uint64_t clone_newuts = 0x04000000;
constexpr std::uint64_t clone_newipc = 0x08000000;
constexpr std::uint64_t clone_newuser = 0x10000000;
constexpr std::uint64_t clone_newpid = 0x20000000;
constexpr std::uint64_t clone_newnet = 0x40000000;
// Without CLONE_NEWTIME: in clone's flags that bit belongs to the exit signal.
constexpr std::uint64_t clone_namespaces =
    clone_newns | clone_newcgroup | clone_newuts | clone_newipc | clone_newuser | clone_newpid | clone_newnet;
constexpr std::uint64_t prio_process = 0;
constexpr std::uint64_t prio_pgrp = 1;
constexpr std::uint64_t prio_user = 2;
constexpr std::uint64_t ioprio_who_process = 1;
constexpr std::uint64_t ioprio_who_pgrp = 2;
constexpr std::uint64_t ioprio_who_user = 3;
constexpr std::uint64_t tiocsti = 0x5412;
constexpr std::uint64_t tioclinux = 0x541c;
constexpr std::uint64_t pr_sched_core = 62;
constexpr std::uint64_t ipc_stat = 2;
constexpr std::uint64_t shm_stat = 13;
constexpr std::uint64_t shm_stat_any = 15;
constexpr std::uint64_t msg_stat = 11;
constexpr std::uint64_t msg_stat_any = 13;
constexpr std::uint64_t sem_getpid = 11;
constexpr std::uint64_t rlimit_nproc = 6;
constexpr std::uint64_t af_netlink = 16;
constexpr std::uint64_t netlink_sock_diag = 4;
constexpr std::uint64_t netlink_connector = 11;
constexpr std::uint64_t seccomp_new_listener = 1U << 3U;
// A clock id with bit 31 names a task or a device. With bit 2 it is a thread's, which the kernel gives to
// no other process (kernel/time/posix-cpu-timers.c, pid_for_clock), so only the rest needs judging.
constexpr std::uint64_t clock_kind_mask = 0x80000004;
constexpr std::uint64_t clock_of_process = 0x80000000;

// Reasons that several rows share.
constexpr std::string_view may_lead_to_proc =
    "the path may lead to /proc, which shows the sandbox's own processes only";
constexpr std::string_view lists_proc = "a listing of /proc names the sandbox's own processes only";
constexpr std::string_view moves_cwd = "later relative paths start here, and that may be in /proc";
constexpr std::string_view starts_program = "the record says which program a process runs";
constexpr std::string_view names_foreign_path =
    "for a path below a foreign process's /proc/PID nothing is there";
constexpr std::string_view tells_as_proc_does = "a call and the files of /proc give one answer";
constexpr std::string_view keeps_cpus =
    "a process outside the sandbox does not exist, and the sandbox keeps to the CPUs that it is told it has";
constexpr std::string_view reads_anew =
    "a file of /proc that is read again from its beginning tells what is true by then";
constexpr std::string_view tells_process_limit =
    "the limit of processes (RLIMIT_NPROC) is the one that the files tell; a process outside the sandbox "
    "does "
    "not exist";
constexpr std::string_view tells_own_users =
    "who made or last used an object is told as in /proc/sysvipc: a process outside the sandbox is 0";
constexpr std::string_view foreign_pid = "a process outside the sandbox does not exist for this call";
constexpr std::string_view foreign_clock =
    "the CPU clock of a process outside the sandbox does not exist for this call";
constexpr std::string_view reaches_supervisor =
    "reaches every process of the user or group, the supervisor included; name a process instead";
constexpr std::string_view hides_flags =
    "its flags lie in memory where no filter can judge them; libc falls back to clone";
constexpr std::string_view new_namespace =
    "in a new namespace pids, mounts and users would mean something else than the supervisor sees";
constexpr std::string_view siblings =
    "CLONE_PARENT makes a child that does not descend from its maker; the process tree would be wrong";
constexpr std::string_view unseen_io =
    "io_uring opens files without a system call that could be judged; programs fall back without it";
constexpr std::string_view foreign_memory = "reads or changes another process's memory or descriptors";
constexpr std::string_view changes_mounts =
    "the view of /proc is judged by the mounts of the start; they stay as they are";
constexpr std::string_view changes_root = "absolute paths would mean other files than the supervisor sees";
constexpr std::string_view changes_kernel = "loads code into the kernel or replaces it";
constexpr std::string_view machine_wide = "changes the whole machine, not only the sandbox";
constexpr std::string_view raw_hardware = "direct access to hardware";
constexpr std::string_view no_path = "opens files by number, without a path that could be judged";
constexpr std::string_view shared_keys =
    "the kernel's keyrings hold the user's secrets and are not separate for a sandbox";
constexpr std::string_view lists_sockets =
    "lists every socket of the network namespace; /proc/net tells the sandbox's own, and ss reads that then";
constexpr std::string_view tells_of_processes =
    "the process connector tells of every fork, exec and exit of the machine";
constexpr std::string_view fakes_input = "types into a terminal that the sandbox shares with its user";

constexpr SyscallRow ask(std::string_view name, long number, Handler handler, std::string_view reason) {
  return {.name = name, .number = number, .action = Action::notify, .handler = handler, .reason = reason};
}

/// A pid in register `argument`, where 0 is the caller itself and need not be asked about.
constexpr SyscallRow judge(std::string_view name, long number, std::uint8_t argument,
                           std::string_view reason = foreign_pid) {
  return {.name = name,
          .number = number,
          .action = Action::notify,
          .error = ESRCH,
          .handler = Handler::pid_argument,
          .argument = argument,
          .condition = Condition::not_zero,
          .reason = reason};
}

/// As judge, and only where the low word of register `selector` is `selected`.
constexpr SyscallRow judge_if(std::string_view name, long number, std::uint8_t argument,
                              std::uint8_t selector, std::uint64_t selected) {
  SyscallRow row = judge(name, number, argument);
  row.also = {.argument = selector, .condition = Condition::low_word_equals, .value = selected};
  return row;
}

/// One row of getpriority and ioprio_get, whose register 0 says what register 1 names.
constexpr SyscallRow judge_priority(std::string_view name, long number, std::uint64_t selected,
                                    std::uint64_t group) {
  SyscallRow row = judge_if(name, number, 1, 0, selected);
  row.group_selector = static_cast<std::int8_t>(group);
  return row;
}

constexpr SyscallRow judge_signal_target(std::string_view name, long number) {
  SyscallRow row = judge(
      name, number, 0,
      "a process outside the sandbox does not exist for this call, nor does a process group (a negative "
      "pid) without a process of the sandbox; what goes to a group or to everyone (0, -1), Landlock's "
      "signal scope keeps inside");
  row.pid_kind = PidKind::signal_target;
  return row;
}

constexpr SyscallRow judge_setpgid() {
  SyscallRow row = judge("setpgid", SYS_setpgid, 0,
                         "a process outside the sandbox does not exist for this call, nor does a process "
                         "group that no process of the sandbox is in (EPERM)");
  row.group_argument = 1;
  return row;
}

/// The same call, where it names no process but a group.
constexpr SyscallRow judge_joined_group() {
  SyscallRow row = judge_setpgid();
  row.condition = Condition::always;
  row.also = {.argument = 1, .condition = Condition::not_zero};
  return row;
}

constexpr SyscallRow judge_clock(std::string_view name, long number) {
  SyscallRow row = judge(name, number, 0, foreign_clock);
  row.error = EINVAL;  // what the kernel says of a clock that does not exist; libc makes it ESRCH
  row.condition = Condition::masked_equals;
  row.mask = clock_kind_mask;
  row.value = clock_of_process;
  row.pid_kind = PidKind::cpu_clock;
  return row;
}

constexpr SyscallRow judge_ptrace() {
  SyscallRow row = judge("ptrace", SYS_ptrace, 1,
                         "a process outside the sandbox does not exist for this call; PTRACE_TRACEME (0) "
                         "names nobody and is allowed");
  row.condition = Condition::always;
  row.also = {.argument = 0, .condition = Condition::not_zero};  // the request is a long: all 64 bits count
  return row;
}

/// A call that does something by a path without opening it. `dirfd`, `flags`: registers, -1 for none.
constexpr SyscallRow judge_path(std::string_view name, long number, std::uint8_t path, std::int8_t dirfd = -1,
                                std::int8_t flags = -1) {
  SyscallRow row = ask(name, number, Handler::judge_path, names_foreign_path);
  row.argument = path;
  row.dirfd_argument = dirfd;
  row.flags_argument = flags;
  return row;
}

/// The same for one that acts on a link itself.
constexpr SyscallRow judge_link(std::string_view name, long number, std::uint8_t path,
                                std::int8_t dirfd = -1) {
  SyscallRow row = judge_path(name, number, path, dirfd);
  row.follows = false;
  return row;
}

/// The same for what ProcMode::standard leaves to the kernel.
constexpr SyscallRow strictly(SyscallRow row) {
  row.strict = true;
  return row;
}

/// lseek(fd, 0, SEEK_SET).
constexpr SyscallRow ask_rewind() {
  SyscallRow row = ask("lseek", SYS_lseek, Handler::rewind, reads_anew);
  row.argument = 1;
  row.condition = Condition::masked_equals;
  row.mask = ~std::uint64_t{0};
  row.also = {.argument = 2, .condition = Condition::low_word_equals, .value = 0};
  return row;
}

/// Where it names another process; with ask_process_limit() all that the supervisor has to know of.
constexpr SyscallRow ask_limits_of_others() {
  SyscallRow row = ask("prlimit64", SYS_prlimit64, Handler::process_limit, tells_process_limit);
  row.condition = Condition::not_zero;
  return row;
}

constexpr SyscallRow ask_process_limit(std::string_view name, long number, std::uint8_t resource) {
  SyscallRow row = ask(name, number, Handler::process_limit, tells_process_limit);
  row.also = {.argument = resource, .condition = Condition::low_word_equals, .value = rlimit_nproc};
  return row;
}

/// One command of a call on System V IPC objects.
constexpr SyscallRow ask_ipc(std::string_view name, long number, std::uint8_t argument,
                             std::uint64_t command) {
  SyscallRow row = ask(name, number, Handler::tell_ipc, tells_own_users);
  row.argument = argument;
  row.condition = Condition::low_word_equals;
  row.value = command;
  return row;
}

constexpr SyscallRow judge_kcmp() {
  SyscallRow row = judge("kcmp", SYS_kcmp, 0, "compares two processes; both must belong to the sandbox");
  row.condition = Condition::always;
  row.second_pid_argument = 1;
  return row;
}

constexpr SyscallRow refuse(std::string_view name, long number, int error, std::string_view reason) {
  return {.name = name, .number = number, .action = Action::refuse, .error = error, .reason = reason};
}

constexpr SyscallRow refuse_if(std::string_view name, long number, int error, std::uint8_t argument,
                               Condition condition, std::uint64_t value, std::string_view reason) {
  return {.name = name,
          .number = number,
          .action = Action::refuse,
          .error = error,
          .argument = argument,
          .condition = condition,
          .value = value,
          .reason = reason};
}

/// socket(AF_NETLINK, ..., protocol). The errno is that of a kernel without it.
constexpr SyscallRow refuse_netlink(std::uint64_t protocol, std::string_view reason) {
  SyscallRow row =
      refuse_if("socket", SYS_socket, EPROTONOSUPPORT, 2, Condition::low_word_equals, protocol, reason);
  row.also = {.argument = 0, .condition = Condition::low_word_equals, .value = af_netlink};
  return row;
}

// Never here: close, fork, vfork, clone without the flags below, exit, exit_group. A notified call that a
// signal interrupts before it is received returns EINTR, and nobody retries those.
// Left to the kernel's own checks of capabilities: clock_settime of real clocks, settimeofday, adjtimex,
// quotactl, vhangup, syslog, sethostname: nothing a sandbox adds would make them safer.
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
    // These tell no more than stat does.
    strictly(judge_path("statfs", SYS_statfs, 0)),
    strictly(judge_path("inotify_add_watch", SYS_inotify_add_watch, 1)),
    strictly(judge_path("listxattr", SYS_listxattr, 0)),
    strictly(judge_link("llistxattr", SYS_llistxattr, 0)),
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

    ask("sysinfo", SYS_sysinfo, Handler::tell_system, tells_as_proc_does),
    ask("getppid", SYS_getppid, Handler::tell_parent, tells_as_proc_does),
    ask("uname", SYS_uname, Handler::tell_name, tells_as_proc_does),
    ask_ipc("shmctl", SYS_shmctl, 1, ipc_stat),
    ask_ipc("shmctl", SYS_shmctl, 1, shm_stat),
    ask_ipc("shmctl", SYS_shmctl, 1, shm_stat_any),
    ask_ipc("msgctl", SYS_msgctl, 1, ipc_stat),
    ask_ipc("msgctl", SYS_msgctl, 1, msg_stat),
    ask_ipc("msgctl", SYS_msgctl, 1, msg_stat_any),
    ask_ipc("semctl", SYS_semctl, 2, sem_getpid),
    ask_rewind(),

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
    judge("getsid", SYS_getsid, 0),
    judge_priority("getpriority", SYS_getpriority, prio_process, prio_pgrp),
    judge_priority("getpriority", SYS_getpriority, prio_pgrp, prio_pgrp),
    judge_if("setpriority", SYS_setpriority, 1, 0, prio_process),
    refuse_if("setpriority", SYS_setpriority, EPERM, 0, Condition::low_word_equals, prio_pgrp,
              reaches_supervisor),
    refuse_if("setpriority", SYS_setpriority, EPERM, 0, Condition::low_word_equals, prio_user,
              reaches_supervisor),
    judge_priority("ioprio_get", SYS_ioprio_get, ioprio_who_process, ioprio_who_pgrp),
    judge_priority("ioprio_get", SYS_ioprio_get, ioprio_who_pgrp, ioprio_who_pgrp),
    judge_if("ioprio_set", SYS_ioprio_set, 1, 0, ioprio_who_process),
    refuse_if("ioprio_set", SYS_ioprio_set, EPERM, 0, Condition::low_word_equals, ioprio_who_pgrp,
              reaches_supervisor),
    refuse_if("ioprio_set", SYS_ioprio_set, EPERM, 0, Condition::low_word_equals, ioprio_who_user,
              reaches_supervisor),
    judge("sched_setparam", SYS_sched_setparam, 0),
    judge("sched_getparam", SYS_sched_getparam, 0),
    judge("sched_setscheduler", SYS_sched_setscheduler, 0),
    judge("sched_getscheduler", SYS_sched_getscheduler, 0),
    judge("sched_setattr", SYS_sched_setattr, 0),
    judge("sched_getattr", SYS_sched_getattr, 0),
    ask("sched_setaffinity", SYS_sched_setaffinity, Handler::set_affinity, keeps_cpus),
    judge("sched_getaffinity", SYS_sched_getaffinity, 0),
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
    refuse("pivot_root", SYS_pivot_root, EPERM, changes_root),
    refuse("chroot", SYS_chroot, EPERM, changes_root),
    refuse("open_by_handle_at", SYS_open_by_handle_at, EPERM, no_path),
    refuse("userfaultfd", SYS_userfaultfd, EPERM,
           "memory that answers only when its owner likes would hold up whoever reads it"),
    refuse_netlink(netlink_sock_diag, lists_sockets),
    refuse_netlink(netlink_connector, tells_of_processes),
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
