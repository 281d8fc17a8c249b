// Processes that share less, or outlive more, than the supervisor might think.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "attacker.h"

enum { own_fd = 60 };
static const char* foreign;
static const char* secret;

static long count_numbers(int fd, bool* has_foreign) {
  char buffer[32768];
  long numbers = 0, length;
  lseek(fd, 0, SEEK_SET);
  while ((length = syscall(SYS_getdents64, fd, buffer, sizeof buffer)) > 0)
    for (long at = 0; at < length; at += *(unsigned short*)(buffer + at + 16)) {
      numbers += buffer[at + 19] >= '0' && buffer[at + 19] <= '9';
      if (strcmp(buffer + at + 19, foreign) == 0) *has_foreign = true;
    }
  return numbers;
}

static void look_around(const char* who) {
  char path[64];
  bool has_foreign = false;
  snprintf(path, sizeof path, "%s/comm", foreign);
  const long numbers = count_numbers(own_fd, &has_foreign);
  printf("%s-listed %ld\n%s-lists-foreign %d\n", who, numbers, who, has_foreign);
  printf("%s-by-fd %d\n", who, reads_secret(openat(own_fd, path, O_RDONLY), secret));
  printf("%s-by-cwd %d\n", who, reads_secret(open(path, O_RDONLY), secret));
  printf("%s-own %d\n", who, open("self/comm", O_RDONLY) >= 0);
  printf("%s-file %d\n", who, open("file", O_RDONLY) >= 0);
}

static void* in_thread(void* argument) {
  const bool thread_in_proc = argument != NULL;
  if (unshare(CLONE_FILES | CLONE_FS) != 0) die("unshare");
  const int directory = open(thread_in_proc ? "/proc" : ".", O_RDONLY | O_DIRECTORY);
  if (directory < 0 || dup2(directory, own_fd) < 0 || fchdir(own_fd) != 0) die("a directory");
  look_around("thread");
  return NULL;
}

// tables FOREIGN_PID SECRET: a thread with its own descriptors and working directory, once it in /proc and
// the leader elsewhere, once the other way round.
int own_tables(int argc, char** argv) {
  if (argc != 3) return 98;
  foreign = argv[1], secret = argv[2];
  close(open("file", O_CREAT | O_WRONLY, 0644));
  for (int round = 0; round < 2; ++round) {
    const pid_t child = fork();
    if (child == 0) {
      pthread_t thread;
      const int directory = open(round == 0 ? "." : "/proc", O_RDONLY | O_DIRECTORY);
      if (directory < 0 || dup2(directory, own_fd) < 0) die("a directory");
      if (pthread_create(&thread, NULL, in_thread, round == 0 ? "" : NULL) != 0) die("thread");
      pthread_join(thread, NULL);
      if (round == 1 && fchdir(own_fd) != 0) die("fchdir");
      look_around("leader");
      fflush(stdout);
      _exit(0);
    }
    waitpid(child, NULL, 0);
  }
  return 0;
}

static void hide(void) {
  for (int number = 1; number < 32; ++number) signal(number, SIG_IGN);
  prctl(PR_SET_PDEATHSIG, 0);
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  prctl(PR_SET_NAME, "kworker/0:0");
}

// escape: leaves a process in a session of its own, twice orphaned, deaf, without descriptors; prints its
// pid and ends. A second one in the sandbox's group, a third that is stopped.
int escape_the_end(int argc, char** argv) {
  (void)argc, (void)argv;
  int news[2];
  if (pipe(news) != 0) die("pipe");
  for (int kind = 0; kind < 3; ++kind) {
    if (fork() != 0) {
      wait(NULL);
      continue;
    }
    if (kind != 1) setsid();
    if (fork() != 0) _exit(0);
    if (kind == 0) setpgid(0, 0);
    hide();
    const pid_t self = getpid();
    if (write(news[1], &self, sizeof self) != sizeof self) _exit(1);
    for (int fd = 0; fd < 256; ++fd) close(fd);
    if (kind == 2) {
      signal(SIGCONT, SIG_IGN);
      raise(SIGSTOP);
    }
    for (;;) pause();
  }
  for (int kind = 0; kind < 3; ++kind) {
    pid_t pid = 0;
    if (read(news[0], &pid, sizeof pid) != sizeof pid) die("read");
    printf("pid %d\n", pid);
  }
  return 0;
}

// bomb LIMIT: processes that make processes, up to RLIMIT_NPROC; for a user of its own only. Ends when the
// limit is reached, and leaves the rest to whoever ends the tree.
int fork_bomb(int argc, char** argv) {
  if (argc != 2 || getuid() == 0) return 98;
  const struct rlimit limit = {(rlim_t)atol(argv[1]), (rlim_t)atol(argv[1])};
  int full[2];
  if (setrlimit(RLIMIT_NPROC, &limit) != 0 || pipe(full) != 0) die("set up");
  if (fork() == 0) {
    setsid();
    for (;;) {
      const pid_t child = fork();
      if (child >= 0) continue;  // parent and child alike go on
      if (write(full[1], "", 1) != 1) _exit(1);
      usleep(1000);  // a place may be free again then; only spares the machine
    }
  }
  char byte;
  if (read(full[0], &byte, 1) != 1) die("read");
  puts("full");
  return 0;
}

// quiet: what must work while the supervisor is stopped: making, ending and awaiting processes and threads,
// closing, reading, writing. Waits for a line before.
static void* do_nothing(void* argument) { return argument; }
int without_supervisor(int argc, char** argv) {
  (void)argc, (void)argv;
  pthread_t thread;
  int status = 0, pipes[2];
  puts("ready");
  await_line();
  for (int i = 0; i < 20; ++i) {
    const pid_t child = fork();
    if (child == 0) {
      close(0);
      if (i % 2 == 0) syscall(SYS_exit, 7);
      _exit(7);
    }
    if (waitpid(child, &status, 0) != child || WEXITSTATUS(status) != 7) die("a child");
    if (pthread_create(&thread, NULL, do_nothing, NULL) != 0 || pthread_join(thread, NULL) != 0)
      die("a thread");
    if (pipe(pipes) != 0 || close(pipes[0]) != 0 || close(pipes[1]) != 0) die("a pipe");
  }
  if (kill(0, 0) != 0 || getpgid(0) < 0) die("about oneself");
  puts("done");
  return 0;
}

// victim NAME: a process outside the sandbox, by that name.
int as_victim(int argc, char** argv) {
  if (argc != 2) return 98;
  prctl(PR_SET_NAME, argv[1]);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  puts("ready");
  for (;;) pause();
}
