#pragma once

#include <sys/syscall.h>

#include <cerrno>
#include <cstdint>
#include <string_view>

#include "policy/syscall_table.hpp"

/// What the rows of syscall_table.cpp are made of: the numbers that they look for, their reasons, and one
/// function for each kind of row. For that file alone.
namespace proctor::policy::rows {

// Numbers newer than the headers of Debian 12; x86-64.
constexpr long sys_fchmodat2 = 452;
constexpr long sys_statmount = 457;
constexpr long sys_listmount = 458;
constexpr long sys_setxattrat = 463;
constexpr long sys_getxattrat = 464;
constexpr long sys_listxattrat = 465;
constexpr long sys_removexattrat = 466;
constexpr long sys_open_tree_attr = 467;
constexpr long sys_file_getattr = 468;
constexpr long sys_file_setattr = 469;

// The arguments that some rows look for: of <sched.h>, <linux/ioprio.h>, <sys/resource.h>, <asm/ioctls.h>,
// <linux/prctl.h>, as literals because those headers clash with each other.
constexpr std::uint64_t clone_newtime = 0x00000080;
constexpr std::uint64_t clone_files = 0x00000400;
constexpr std::uint64_t clone_parent = 0x00008000;
constexpr std::uint64_t clone_thread = 0x00010000;
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
constexpr std::uint64_t pr_set_dumpable = 4;
constexpr std::uint64_t pr_set_child_subreaper = 36;
constexpr std::uint64_t pr_set_ptracer = 0x59616d61;
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
constexpr std::uint64_t netlink_audit = 9;
constexpr std::uint64_t netlink_connector = 11;
constexpr std::uint64_t netlink_generic = 16;
constexpr std::uint64_t netlink_rdma = 20;
// <asm/socket.h>, <fcntl.h>, <asm/ioctls.h>, <asm/sockios.h>, <linux/nsfs.h>.
constexpr std::uint64_t sol_socket = 1;
constexpr std::uint64_t so_passcred = 16;
constexpr std::uint64_t so_peercred = 17;
constexpr std::uint64_t so_passpidfd = 76;
constexpr std::uint64_t so_peerpidfd = 77;
constexpr std::uint64_t f_getlk = 5;
constexpr std::uint64_t f_ofd_getlk = 36;
constexpr std::uint64_t f_setown = 8;
constexpr std::uint64_t f_getown = 9;
constexpr std::uint64_t f_setown_ex = 15;
constexpr std::uint64_t f_getown_ex = 16;
constexpr std::uint64_t tiocsctty = 0x540e;
constexpr std::uint64_t tiocgpgrp = 0x540f;
constexpr std::uint64_t tiocspgrp = 0x5410;
constexpr std::uint64_t tiocgsid = 0x5429;
constexpr std::uint64_t tiocvhangup = 0x5437;
constexpr std::uint64_t fiosetown = 0x8901;
constexpr std::uint64_t siocspgrp = 0x8902;
constexpr std::uint64_t fiogetown = 0x8903;
constexpr std::uint64_t siocgpgrp = 0x8904;
constexpr std::uint64_t ns_get_pid_from_pidns = 0x8004b706;
constexpr std::uint64_t ns_get_tgid_from_pidns = 0x8004b707;
constexpr std::uint64_t ns_get_pid_in_pidns = 0x8004b708;
constexpr std::uint64_t ns_get_tgid_in_pidns = 0x8004b709;
// PIDFD_GET_INFO in every size that its struct may have (fs/pidfs.c, pidfs_ioctl_valid): type and number.
constexpr std::uint64_t ioctl_kind_mask = 0xffff;
constexpr std::uint64_t pidfd_get_info_kind = 0xff0b;
// NS_MNT_GET_INFO, _NEXT and _PREV, likewise (Linux 6.12).
constexpr std::uint64_t ns_mnt_get_info_kind = 0xb70a;
constexpr std::uint64_t ns_mnt_get_next_kind = 0xb70b;
constexpr std::uint64_t ns_mnt_get_prev_kind = 0xb70c;
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
constexpr std::string_view tells_what_others_do =
    "a watch of /proc would tell the numbers of processes that others look at; of all else the supervisor "
    "adds it for the caller";
constexpr std::string_view tells_as_proc_does = "a call and the files of /proc give one answer";
constexpr std::string_view keeps_cpus =
    "a process outside the sandbox does not exist, and the sandbox keeps to the CPUs that it is told it has";
constexpr std::string_view tells_own_cpus =
    "a process outside the sandbox does not exist for this call; what a thread may run on is told when "
    "nothing is "
    "handed over to it";
constexpr std::string_view reads_anew =
    "a file of /proc that is read again from its beginning tells what is true by then";
constexpr std::string_view tells_process_limit =
    "the limit of processes (RLIMIT_NPROC) is the one that the files tell; a process outside the sandbox "
    "does "
    "not exist";
constexpr std::string_view tells_own_users =
    "who made or last used an object is told as in /proc/sysvipc: a process outside the sandbox is 0";
constexpr std::string_view opens_queue =
    "the kernel's mount of message queues is closed to the sandbox as every mount that it has not seen is";
constexpr std::string_view foreign_pid = "a process outside the sandbox does not exist for this call";
constexpr std::string_view foreign_pid_on_behalf =
    "a process outside the sandbox does not exist for this call, which the supervisor makes for another one "
    "of the "
    "sandbox's: the number cannot go to a foreign process before the kernel looks it up";
constexpr std::string_view names_pid_in_memory =
    "names a process in memory; one outside the sandbox does not exist for this call";
constexpr std::string_view foreign_clock =
    "the CPU clock of a process outside the sandbox does not exist for this call";
constexpr std::string_view reaches_supervisor =
    "reaches every process of the user or group, the supervisor included; name a process instead";
constexpr std::string_view tells_of_user =
    "tells of every process of the user or group, those outside the sandbox included; name a process instead";
constexpr std::string_view hides_flags =
    "its flags lie in memory where no filter can judge them; libc falls back to clone";
constexpr std::string_view new_namespace =
    "in a new namespace pids, mounts and users would mean something else than the supervisor sees";
constexpr std::string_view siblings =
    "CLONE_PARENT makes a child that does not descend from its maker; the process tree would be wrong";
constexpr std::string_view shares_descriptors =
    "from then on a process with one thread is not alone with its descriptors, and its listings are answered "
    "from memory";
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
constexpr std::string_view tells_peer =
    "a socket's peer outside the sandbox has the number 0, as in another pid namespace";
constexpr std::string_view passes_senders =
    "messages would name whoever sends; allowed where only a process of the sandbox can be at the other end";
constexpr std::string_view tells_holder =
    "who holds a lock has the number 0 outside the sandbox, as in another pid namespace";
constexpr std::string_view signals_owner =
    "the process that a descriptor's signals go to: one outside the sandbox does not exist";
constexpr std::string_view tells_owner =
    "the process that a descriptor's signals go to has the number 0 outside the sandbox";
constexpr std::string_view gives_terminal =
    "a job outside the sandbox does not exist for this call, but for the one that the command was started in";
constexpr std::string_view tells_parent =
    "a pidfd tells of its process's parent, which outside the sandbox does not exist";
constexpr std::string_view translates_pid =
    "tells whether a process exists: one outside the sandbox does not";
constexpr std::string_view hides_from_supervisor =
    "a supervisor without root could not look at the process any more, and refuse it all that it must see to "
    "judge";
constexpr std::string_view adopts_orphans =
    "orphans then go to this process; a listing looks twice so as to miss none that moves meanwhile";
constexpr std::string_view tells_statistics =
    "its families tell of the machine's processes, threads of the kernel and connections";
constexpr std::string_view logs_processes = "the audit log names the machine's processes";
constexpr std::string_view fakes_input = "types into a terminal that the sandbox shares with its user";
constexpr std::string_view takes_terminal =
    "takes a terminal from the session that has it, or hangs that up, which may be outside the sandbox";
constexpr std::string_view lists_mounts =
    "tells of mounts, those of other namespaces included; /proc/self/mountinfo tells the sandbox's";
constexpr std::string_view reads_kernel_log =
    "the kernel's log is the machine's and names its processes, as /proc/kmsg does";

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

/// A row whose call is made on the caller's behalf where it is about another task.
constexpr SyscallRow on_behalf(SyscallRow row) {
  row.changes_task = true;
  row.reason = foreign_pid_on_behalf;
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

/// The same for what ProcMode::private_view leaves to the kernel.
constexpr SyscallRow strictly(SyscallRow row) {
  row.strict = true;
  return row;
}

/// A call with two paths, neither of whose last links it follows. Those without directories have -1.
constexpr SyscallRow judge_two_paths(std::string_view name, long number, std::int8_t first_dirfd,
                                     std::uint8_t first, std::int8_t second_dirfd, std::int8_t second) {
  SyscallRow row = judge_link(name, number, first, first_dirfd);
  row.second_path_argument = second;
  row.second_dirfd_argument = second_dirfd;
  return row;
}

/// A call on a descriptor whose position, in register `position`, is 0.
constexpr SyscallRow ask_at_beginning(std::string_view name, long number, std::uint8_t position) {
  SyscallRow row = ask(name, number, Handler::read_anew, reads_anew);
  row.argument = position;
  row.condition = Condition::masked_equals;
  row.mask = ~std::uint64_t{0};
  return row;
}

/// lseek(fd, 0, SEEK_SET).
constexpr SyscallRow ask_rewind() {
  SyscallRow row = ask_at_beginning("lseek", SYS_lseek, 1);
  row.also = {.argument = 2, .condition = Condition::low_word_equals, .value = 0};
  return row;
}

/// A call about a descriptor, where the low words of two registers are these.
constexpr SyscallRow ask_of_descriptor(std::string_view name, long number, std::uint64_t level,
                                       std::uint64_t option, std::string_view reason) {
  SyscallRow row = ask(name, number, Handler::descriptor, reason);
  row.argument = 2;
  row.condition = Condition::low_word_equals;
  row.value = option;
  row.also = {.argument = 1, .condition = Condition::low_word_equals, .value = level};
  return row;
}

/// The same for one whose request is its second argument, with the bits of `mask`.
constexpr SyscallRow ask_of_request(std::string_view name, long number, std::uint64_t request,
                                    std::string_view reason, std::uint64_t mask = 0xffffffff) {
  SyscallRow row = ask(name, number, Handler::descriptor, reason);
  row.argument = 1;
  row.condition = Condition::masked_equals;
  row.mask = mask;
  row.value = request;
  return row;
}

/// prctl(PR_SET_DUMPABLE, 0).
constexpr SyscallRow ask_of_dumpable() {
  SyscallRow row = ask("prctl", SYS_prctl, Handler::control, hides_from_supervisor);
  row.condition = Condition::low_word_equals;
  row.value = pr_set_dumpable;
  row.also = {.argument = 1, .condition = Condition::masked_equals, .value = 0, .mask = ~std::uint64_t{0}};
  return row;
}

/// prctl(PR_SET_CHILD_SUBREAPER, 1). A signal can interrupt the call before it is received. Its caller then
/// gets EINTR and has not become a subreaper.
constexpr SyscallRow ask_of_subreaper() {
  SyscallRow row = ask("prctl", SYS_prctl, Handler::control, adopts_orphans);
  row.condition = Condition::low_word_equals;
  row.value = pr_set_child_subreaper;
  row.also = {.argument = 1, .condition = Condition::not_zero};
  return row;
}

/// prctl(PR_SET_PTRACER, pid), where a security module knows it.
constexpr SyscallRow ask_of_tracer() {
  SyscallRow row = ask("prctl", SYS_prctl, Handler::control, foreign_pid);
  row.condition = Condition::low_word_equals;
  row.value = pr_set_ptracer;
  row.also = {.argument = 1, .condition = Condition::not_zero};
  return row;
}

/// clone with CLONE_FILES and no CLONE_THREAD, where no other row refuses it. Hardly anything calls it so,
/// and what does so tries again or says why.
constexpr SyscallRow ask_of_shared_table() {
  SyscallRow row = ask("clone", SYS_clone, Handler::share_table, shares_descriptors);
  row.condition = Condition::masked_equals;
  row.value = clone_files;
  row.mask = clone_files | clone_thread | clone_parent | clone_namespaces;
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

constexpr SyscallRow ask_affinity_of_others() {
  SyscallRow row = ask("sched_getaffinity", SYS_sched_getaffinity, Handler::tell_affinity, tells_own_cpus);
  row.condition = Condition::not_zero;
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

/// ioctl(2) with a request of this type and number, whatever the size of its argument.
constexpr SyscallRow refuse_request(int error, std::uint64_t kind, std::string_view reason) {
  SyscallRow row = refuse_if("ioctl", SYS_ioctl, error, 1, Condition::masked_equals, kind, reason);
  row.mask = ioctl_kind_mask;
  return row;
}

/// ioctl(terminal, TIOCSCTTY, 1).
constexpr SyscallRow ask_of_stolen_terminal() {
  SyscallRow row = ask("ioctl", SYS_ioctl, Handler::descriptor, takes_terminal);
  row.argument = 1;
  row.condition = Condition::low_word_equals;
  row.value = tiocsctty;
  row.also = {.argument = 2, .condition = Condition::low_word_equals, .value = 1};
  return row;
}

/// socket(AF_NETLINK, ..., protocol). The errno is that of a kernel without it.
constexpr SyscallRow refuse_netlink(std::uint64_t protocol, std::string_view reason) {
  SyscallRow row =
      refuse_if("socket", SYS_socket, EPROTONOSUPPORT, 2, Condition::low_word_equals, protocol, reason);
  row.also = {.argument = 0, .condition = Condition::low_word_equals, .value = af_netlink};
  return row;
}

}  // namespace proctor::policy::rows
