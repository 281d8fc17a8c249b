// Calls that reach for other processes, and calls that would get behind the gate's back.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "attacker.h"

// -- at other processes ------------------------------------------------------------------------------------

static void tell(const char* pid_name, const char* call, long result) {
  printf("%s:%s %d\n", pid_name, call, error_of(result));
}

static long open_of(pid_t pid, const char* file, int flags) {
  char path[96];
  snprintf(path, sizeof path, "/proc/%d/%s", pid, file);
  const long fd = open(path, flags);
  if (fd >= 0) close((int)fd);
  return fd;
}

static void attack_files(const char* name, pid_t pid) {
  static const char* const files[] = {
      "mem",     "environ",         "maps",    "stat",         "cmdline", "comm",   "fd", "fdinfo", "task",
      "",        "root/etc/passwd", "syscall", "stack",        "auxv",    "limits", "io", "ns",     "mounts",
      "net/dev", "smaps",           "pagemap", "oom_score_adj"};
  for (size_t i = 0; i < sizeof files / sizeof *files; ++i) {
    char call[64];
    snprintf(call, sizeof call, "open-%s", files[i]);
    tell(name, call, open_of(pid, files[i], O_RDONLY));
    snprintf(call, sizeof call, "o_path-%s", files[i]);
    tell(name, call, open_of(pid, files[i], O_PATH));
  }
  tell(name, "write-mem", open_of(pid, "mem", O_RDWR));
  tell(name, "write-oom", open_of(pid, "oom_score_adj", O_WRONLY));
}

// The pid of a task in the pid namespace that is this one: what <linux/nsfs.h> of 6.11 calls
// NS_GET_PID_IN_PIDNS.
static long translated(pid_t pid) {
  const int fd = open("/proc/self/ns/pid", O_RDONLY);
  const long result = ioctl(fd, 0x8004b708, pid);
  const int error = errno;
  close(fd);
  errno = error;
  return result;
}

static long capabilities_of(pid_t pid) {
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, pid};
  struct __user_cap_data_struct data[2];
  return syscall(SYS_capget, &header, data);
}

static void attack_schedule(const char* name, pid_t pid) {
  struct sched_param parameters;
  cpu_set_t cpus;
  struct timespec interval;
  memset(&parameters, 0, sizeof parameters);
  CPU_ZERO(&cpus);
  CPU_SET(0, &cpus);
  tell(name, "sched_getaffinity", syscall(SYS_sched_getaffinity, pid, sizeof cpus, &cpus));
  tell(name, "sched_setaffinity", syscall(SYS_sched_setaffinity, pid, sizeof cpus, &cpus));
  tell(name, "sched_getscheduler", sched_getscheduler(pid));
  tell(name, "sched_setscheduler", sched_setscheduler(pid, SCHED_OTHER, &parameters));
  tell(name, "sched_getparam", sched_getparam(pid, &parameters));
  tell(name, "sched_setparam", sched_setparam(pid, &parameters));
  struct sched_attributes {
    unsigned size, policy;
    unsigned long flags;
    int nice;
    unsigned priority;
    unsigned long runtime, deadline, period;
  } attributes = {sizeof attributes, SCHED_OTHER, 0, 0, 0, 0, 0, 0};
  tell(name, "sched_getattr", syscall(SYS_sched_getattr, pid, &attributes, sizeof attributes, 0));
  tell(name, "sched_setattr", syscall(SYS_sched_setattr, pid, &attributes, 0));
  tell(name, "sched_rr_get_interval", sched_rr_get_interval(pid, &interval));
  errno = 0;
  tell(name, "getpriority", getpriority(PRIO_PROCESS, (id_t)pid) == -1 && errno != 0 ? -1 : 0);
  errno = 0;
  tell(name, "getpriority-group", getpriority(PRIO_PGRP, (id_t)pid) == -1 && errno != 0 ? -1 : 0);
  tell(name, "setpriority", setpriority(PRIO_PROCESS, (id_t)pid, 10));
  tell(name, "ioprio_get", syscall(SYS_ioprio_get, 1, pid));
  tell(name, "ioprio_get-group", syscall(SYS_ioprio_get, 2, pid));
  tell(name, "ioprio_set", syscall(SYS_ioprio_set, 1, pid, (2 << 13) | 7));
}

static void attack_measures(const char* name, pid_t pid) {
  struct {
    unsigned type, size;
    unsigned long config, rest[14];
  } attributes = {1 /* PERF_TYPE_SOFTWARE */, sizeof attributes, 0, {0}};
  attributes.rest[4] = 1UL << 5 | 1UL << 6;  // without the kernel and the hypervisor, for ordinary users
  const long fd = syscall(SYS_perf_event_open, &attributes, pid, -1, -1, 0);
  tell(name, "perf_event_open", fd);
  if (fd >= 0) close((int)fd);
}

static void attack_by_call(const char* name, pid_t pid) {
  struct rlimit64 {
    unsigned long now, most;
  } limit;
  char byte = 0;
  struct iovec mine = {&byte, 1}, theirs = {(void*)0x400000, 1};
  siginfo_t info;
  struct timespec time;
  memset(&info, 0, sizeof info);
  info.si_code = SI_QUEUE;
  void* pointer = NULL;
  size_t size = 0;
  tell(name, "kill", kill(pid, 0));
  tell(name, "tkill", syscall(SYS_tkill, pid, 0));
  tell(name, "tgkill", syscall(SYS_tgkill, pid, pid, 0));
  tell(name, "kill-stop", kill(pid, SIGSTOP));
  tell(name, "kill-cont", kill(pid, SIGCONT));
  tell(name, "rt_sigqueueinfo", syscall(SYS_rt_sigqueueinfo, pid, SIGCONT, &info));
  tell(name, "rt_tgsigqueueinfo", syscall(SYS_rt_tgsigqueueinfo, pid, pid, SIGCONT, &info));
  const int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
  tell(name, "pidfd_open", pidfd);
  struct iovec nothing = {NULL, 0};
  tell(name, "process_madvise", pidfd < 0 ? -1 : syscall(SYS_process_madvise, pidfd, &nothing, 1, 20, 0));
  if (pidfd >= 0) close(pidfd);
  tell(name, "prlimit-get", syscall(SYS_prlimit64, pid, RLIMIT_CORE, NULL, &limit));
  tell(name, "prlimit-set", syscall(SYS_prlimit64, pid, RLIMIT_CORE, &limit, NULL));
  tell(name, "getpgid", getpgid(pid));
  tell(name, "getsid", getsid(pid));
  tell(name, "capget", capabilities_of(pid));
  tell(name, "ns_get_pid", translated(pid));
  tell(name, "ptrace-seize", ptrace(PTRACE_SEIZE, pid, 0, 0));
  tell(name, "process_vm_readv",
       process_vm_readv(pid, &mine, 1, &theirs, 1, 0) < 0 && errno != EFAULT ? -1 : 0);
  tell(name, "process_vm_writev", process_vm_writev(pid, &mine, 0, &theirs, 1, 0));
  tell(name, "kcmp", syscall(SYS_kcmp, getpid(), pid, 0, 0, 0) < 0 ? -1 : 0);
  tell(name, "move_pages", syscall(SYS_move_pages, pid, 0, NULL, NULL, NULL, 0));
  tell(name, "get_robust_list", syscall(SYS_get_robust_list, pid, &pointer, &size));
  const unsigned clock = ((unsigned)~pid << 3) | 2;
  timer_t timer;
  tell(name, "clock_gettime", syscall(SYS_clock_gettime, clock, &time));
  tell(name, "clock_getres", syscall(SYS_clock_getres, clock, &time));
  memset(&time, 0, sizeof time);
  tell(name, "clock_nanosleep", syscall(SYS_clock_nanosleep, clock, TIMER_ABSTIME, &time, NULL));
  tell(name, "timer_create", timer_create((clockid_t)clock, NULL, &timer));
  tell(name, "migrate_pages",
       syscall(SYS_migrate_pages, pid, 64UL, (unsigned long[]){1}, (unsigned long[]){1}));
  attack_measures(name, pid);
  attack_schedule(name, pid);
  attack_files(name, pid);
}

// processes NAME=PID ...: each call at each of them. Without arguments the pairs are read from a line of
// standard input, because some pids are known only once this runs.
int at_processes(int argc, char** argv) {
  char line[512] = "";
  char* words[16] = {NULL};
  int count = 0;
  if (argc > 1) {
    count = argc - 1 < 16 ? argc - 1 : 16;
    memcpy(words, argv + 1, (size_t)count * sizeof *words);
  } else {
    puts("ready");
    if (fgets(line, sizeof line, stdin) == NULL) die("the pids");
    for (char* word = strtok(line, " \n"); word != NULL && count < 16; word = strtok(NULL, " \n"))
      words[count++] = word;
  }
  for (int i = 0; i < count; ++i) {
    char* equals = strchr(words[i], '=');
    if (equals == NULL) return 98;
    *equals = '\0';
    attack_by_call(words[i], (pid_t)atoi(equals + 1));
  }
  puts("end");
  return 0;
}

// broadcast: a signal for everyone, for the group, and for a named group. For an ordinary user of its own
// only: it reaches all there is.
int broadcast(int argc, char** argv) {
  if (getuid() == 0) return 98;
  signal(SIGUSR1, SIG_IGN);
  printf("all %d\n", error_of(kill(-1, SIGUSR1)));
  printf("group %d\n", error_of(kill(0, SIGUSR1)));
  for (int i = 1; i < argc; ++i) printf("group-%s %d\n", argv[i], error_of(kill(-atoi(argv[i]), SIGUSR1)));
  printf("priority-of-user %d\n", error_of(setpriority(PRIO_USER, 0, 15)));
  printf("priority-of-group %d\n", error_of(setpriority(PRIO_PGRP, 0, 15)));
  printf("ioprio-of-user %d\n", error_of(syscall(SYS_ioprio_set, 3, getuid(), (2 << 13) | 7)));
  return 0;
}

// -- behind the gate's back --------------------------------------------------------------------------------

static const char* foreign_path;

static long legacy_call(long number, long a, long b, long c) {
#ifdef __x86_64__
  long result = number;
  __asm__ volatile("int $0x80" : "+a"(result) : "b"(a), "c"(b), "d"(c) : "memory", "r8", "r9", "r10", "r11");
  if (result < 0 && result > -4096) {
    errno = (int)-result;
    return -1;
  }
  return result;
#else
  (void)number, (void)a, (void)b, (void)c;
  errno = ENOSYS;
  return -1;
#endif
}

static long legacy_getpid(void) { return legacy_call(20, 0, 0, 0); }
static long legacy_open(void) {
  char* low = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
  if (low == MAP_FAILED) die("mmap");
  strcpy(low, foreign_path);
  return legacy_call(5, (long)low, O_RDONLY, 0);
}
static long x32_getpid(void) { return syscall(0x40000000 | SYS_getpid); }
static long x32_open(void) { return syscall(0x40000000 | SYS_open, foreign_path, O_RDONLY); }
static long beyond_the_table(void) { return syscall(1 << 20); }
static long make_clone3(void) {
  uint64_t arguments[11] = {0};
  arguments[4] = SIGCHLD;
  const long child = syscall(SYS_clone3, arguments, sizeof arguments);
  if (child == 0) _exit(0);
  return child;
}
static long clone_parent(void) {
  const long child = syscall(SYS_clone, CLONE_PARENT | SIGCHLD, 0, 0, 0, 0);
  if (child == 0) _exit(0);
  return child;
}
static long clone_user(void) {
  const long child = syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0);
  if (child == 0) _exit(0);
  return child;
}
// The flags that the kernel looks at are in the low word, but for clone; garbage above must not hide them.
static long clone_garbage(void) {
  const long child = syscall(SYS_clone, 0xdead00000000L | CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0);
  if (child == 0) _exit(0);
  return child;
}
static long unshare_user(void) { return unshare(CLONE_NEWUSER); }
static long unshare_mounts(void) { return unshare(CLONE_NEWUSER | CLONE_NEWNS); }
static long unshare_pids(void) { return unshare(CLONE_NEWUSER | CLONE_NEWPID); }
static long enter_namespace(void) { return setns(open("/proc/self/ns/mnt", O_RDONLY), 0); }
static long change_root(void) { return chroot("."); }
static long bind_proc(void) { return syscall(SYS_mount, "/proc", "bound", NULL, 4096 /* MS_BIND */, NULL); }
static long mount_proc(void) { return syscall(SYS_mount, "proc", "bound", "proc", 0, NULL); }
static long clone_tree(void) { return syscall(SYS_open_tree, AT_FDCWD, "/proc", 1 /* OPEN_TREE_CLONE */); }
static long open_filesystem(void) { return syscall(SYS_fsopen, "proc", 0); }
static long swap_root(void) { return syscall(SYS_pivot_root, ".", "."); }
static long by_handle(void) {
  struct {
    struct file_handle head;
    unsigned char bytes[128];
  } handle;
  int mount = 0;
  memset(&handle, 0, sizeof handle);
  handle.head.handle_bytes = sizeof handle.bytes;
  if (name_to_handle_at(AT_FDCWD, ".", &handle.head, &mount, 0) != 0) die("name_to_handle_at");
  return open_by_handle_at(AT_FDCWD, &handle.head, O_RDONLY | O_DIRECTORY);
}
static long uring(void) {
  char parameters[120] = {0};
  return syscall(SYS_io_uring_setup, 4, parameters);
}
static long uring_enter(void) { return syscall(SYS_io_uring_enter, 0, 1, 0, 0, NULL, 0); }
static long uring_register(void) { return syscall(SYS_io_uring_register, 0, 0, NULL, 0); }
static long stolen_descriptor(void) {
  return syscall(SYS_pidfd_getfd, syscall(SYS_pidfd_open, getpid(), 0), 0, 0);
}
static long fault_handler(void) { return syscall(SYS_userfaultfd, 1 /* UFFD_USER_MODE_ONLY */); }
static long load_bpf(void) { return syscall(SYS_bpf, 0, NULL, 0); }
static long measure(void) {
  char attributes[128] = {0};
  return syscall(SYS_perf_event_open, attributes, 0, -1, -1, 0);
}
static long keyring(void) { return syscall(SYS_keyctl, 0 /* KEYCTL_GET_KEYRING_ID */, -4 /* user */, 1); }
static long second_listener(void) {
  struct sock_filter code[] = {BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};  // or its own output would wait
  struct sock_fprog program = {1, code};
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &program);
}
static long type_ahead(void) { return ioctl(open("/dev/null", O_RDWR), TIOCSTI, "x"); }
static long type_ahead_wide(void) {
  return syscall(SYS_ioctl, open("/dev/null", O_RDWR), 0x100000000UL | TIOCSTI, "x");
}
static long console_paste(void) { return ioctl(open("/dev/null", O_RDWR), 0x541c /* TIOCLINUX */, "\3"); }
static long watch_files(void) { return syscall(SYS_fanotify_init, 0x200 /* FAN_REPORT_FID */, O_RDONLY); }
static long audit_log(void) { return socket(AF_NETLINK, SOCK_RAW, 9 /* NETLINK_AUDIT */); }
static long share_core(void) { return prctl(62 /* PR_SCHED_CORE */, 0, getppid(), 0, 0); }
static long hang_up(void) { return syscall(SYS_vhangup); }
static long hang_up_terminal(void) { return ioctl(open("/dev/null", O_RDWR), 0x5437 /* TIOCVHANGUP */, 0); }
static long kernel_log(void) { return syscall(SYS_syslog, 10 /* SYSLOG_ACTION_SIZE_BUFFER */, NULL, 0); }
static long of_mounts(long call) {
  uint64_t asked[4] = {32, UINT64_MAX /* LSMT_ROOT */, 0, 0};
  asked[0] = sizeof asked;
  uint64_t found[8];
  return syscall(call, asked, found, 8, 0);
}
static long list_mounts(void) { return of_mounts(458); }
static long mount_statistics(void) { return of_mounts(457); }
static long next_mounts(void) {
  uint64_t found[2] = {16, 0};
  return ioctl(open("/proc/self/ns/mnt", O_RDONLY), _IOR(0xb7, 11, uint64_t[2]) /* NS_MNT_GET_NEXT */, found);
}
static long own_mounts(void) {
  uint64_t found[2] = {16, 0};
  return ioctl(open("/proc/self/ns/mnt", O_RDONLY), _IOR(0xb7, 10, uint64_t[2]) /* NS_MNT_GET_INFO */, found);
}

// kernel FOREIGN_PATH [NAME ...]: each in a process of its own, as its effects last. Prints `name errno`.
int at_the_kernel(int argc, char** argv) {
  static const struct {
    const char* name;
    long (*call)(void);
  } calls[] = {
      {"int80-getpid", legacy_getpid},
      {"int80-open", legacy_open},
      {"x32-getpid", x32_getpid},
      {"x32-open", x32_open},
      {"no-such-call", beyond_the_table},
      {"clone3", make_clone3},
      {"clone-parent", clone_parent},
      {"clone-user", clone_user},
      {"clone-garbage", clone_garbage},
      {"unshare-user", unshare_user},
      {"unshare-mounts", unshare_mounts},
      {"unshare-pids", unshare_pids},
      {"setns", enter_namespace},
      {"chroot", change_root},
      {"mount-bind", bind_proc},
      {"mount-proc", mount_proc},
      {"open_tree", clone_tree},
      {"fsopen", open_filesystem},
      {"pivot_root", swap_root},
      {"by-handle", by_handle},
      {"io_uring_setup", uring},
      {"io_uring_enter", uring_enter},
      {"io_uring_register", uring_register},
      {"pidfd_getfd", stolen_descriptor},
      {"userfaultfd", fault_handler},
      {"bpf", load_bpf},
      {"perf", measure},
      {"keyctl", keyring},
      {"listener", second_listener},
      {"vhangup", hang_up},
      {"tiocvhangup", hang_up_terminal},
      {"syslog", kernel_log},
      {"listmount", list_mounts},
      {"statmount", mount_statistics},
      {"next-mounts", next_mounts},
      {"own-mounts", own_mounts},
      {"tiocsti", type_ahead},
      {"tiocsti-wide", type_ahead_wide},
      {"tioclinux", console_paste},
      {"sched-core", share_core},
      {"fanotify_init", watch_files},
      {"netlink-audit", audit_log},
  };
  if (argc < 2) return 98;
  foreign_path = argv[1];
  for (size_t i = 0; i < sizeof calls / sizeof *calls; ++i) {
    bool wanted = argc == 2;
    for (int arg = 2; arg < argc; ++arg) wanted |= strcmp(argv[arg], calls[i].name) == 0;
    if (!wanted) continue;
    const pid_t child = fork();
    if (child == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      const long result = calls[i].call();
      printf("%s %d\n", calls[i].name, error_of(result));
      fflush(stdout);
      _exit(0);
    }
    int status = 0;
    waitpid(child, &status, 0);
    if (!WIFEXITED(status)) printf("%s signal-%d\n", calls[i].name, WTERMSIG(status));
  }
  return 0;
}

// -- filters on top ---------------------------------------------------------------------------------------

static long put_filter(uint32_t action) {
  struct sock_filter code[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat, 1, 0),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
      BPF_STMT(BPF_RET | BPF_K, action),
  };
  struct sock_fprog program = {sizeof code / sizeof *code, code};
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program);
}

// filters FOREIGN_PATH: what a filter of the target's own can gain. `name errno-of-foreign errno-of-own`
int stacked_filters(int argc, char** argv) {
  static const struct {
    const char* name;
    uint32_t action;
  } kinds[] = {{"allow", SECCOMP_RET_ALLOW},
               {"log", SECCOMP_RET_LOG},
               {"trace", SECCOMP_RET_TRACE},
               {"notify", SECCOMP_RET_USER_NOTIF},
               {"errno", SECCOMP_RET_ERRNO | EDOM}};
  if (argc != 2) return 98;
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; ++i) {
    const pid_t child = fork();
    if (child == 0) {
      if (put_filter(kinds[i].action) != 0) die("a filter");
      const int foreign = error_of(syscall(SYS_openat, AT_FDCWD, argv[1], O_RDONLY));
      const int own = error_of(syscall(SYS_openat, AT_FDCWD, "/proc/self/comm", O_RDONLY));
      const int by_open = error_of(syscall(SYS_open, "/proc/self/comm", O_RDONLY));
      printf("%s %d %d %d\n", kinds[i].name, foreign, own, by_open);
      fflush(stdout);
      _exit(0);
    }
    waitpid(child, NULL, 0);
  }
  return 0;
}
