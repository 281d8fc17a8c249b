// A gate as one would write it first, and as it must not be: it reads the path of an open from the target's
// memory, refuses what names the foreign process below /proc, and lets the kernel go on with everything else.
// No Landlock, no look at what was opened. The attacks on proctor show on it that they are real.
//
//   naive_gate FOREIGN_PID CMD ARGS...     ends with CMD's exit status
#define _GNU_SOURCE
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

static int install(void) {
  struct sock_filter code[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_open, 2, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat, 1, 0),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
  };
  struct sock_fprog program = {sizeof code / sizeof *code, code};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return -1;
  return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &program);
}

static void answer(int listener, const char* forbidden) {
  struct seccomp_notif asked;
  struct seccomp_notif_resp given;
  char path[4096];
  memset(&asked, 0, sizeof asked);
  memset(&given, 0, sizeof given);
  if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &asked) != 0) return;
  memset(path, 0, sizeof path);
  const unsigned long address = asked.data.args[asked.data.nr == SYS_openat ? 1 : 0];
  // Up to the end of the page, so that a path beside unmapped memory is read as well.
  struct iovec mine = {path, 4096 - address % 4096 - (address % 4096 == 0)},
               theirs = {(void*)address, mine.iov_len};
  (void)process_vm_readv((pid_t)asked.pid, &mine, 1, &theirs, 1, 0);
  given.id = asked.id;
  if (strstr(path, forbidden) != NULL)
    given.error = -ENOENT;
  else
    given.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
  (void)ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &given);
}

int main(int argc, char** argv) {
  char forbidden[64];
  int pipes[2], taken[2], number = -1, status = 0;
  char byte;
  if (argc < 3 || pipe(pipes) != 0 || pipe(taken) != 0) return 125;
  snprintf(forbidden, sizeof forbidden, "/proc/%s", argv[1]);
  const pid_t target = fork();
  if (target < 0) return 125;
  if (target == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    number = install();
    if (write(pipes[1], &number, sizeof number) != sizeof number || number < 0) _exit(125);
    close(taken[1]);
    if (read(taken[0], &byte, 1) != 0) _exit(125);  // exec would close the listener
    close(taken[0]);
    close(pipes[0]);
    close(pipes[1]);
    execv(argv[2], argv + 2);
    _exit(127);
  }
  close(pipes[1]);
  const int pidfd = (int)syscall(SYS_pidfd_open, target, 0);
  if (read(pipes[0], &number, sizeof number) != sizeof number || number < 0) return 125;
  const int listener = (int)syscall(SYS_pidfd_getfd, pidfd, number, 0);
  if (listener < 0) return 125;
  close(taken[0]);
  close(taken[1]);
  for (;;) {
    struct pollfd wanted[] = {{listener, POLLIN, 0}, {pidfd, POLLIN, 0}};
    if (poll(wanted, 2, -1) < 0) continue;
    if (wanted[0].revents & POLLIN) answer(listener, forbidden);
    if (wanted[1].revents & POLLIN) break;
  }
  waitpid(target, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
