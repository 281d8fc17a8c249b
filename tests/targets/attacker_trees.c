// Trees and threads that change while they are looked at: orphans that move, threads that take their leader's
// place.
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "attacker.h"

static bool is_listed(pid_t pid) {
  DIR* const directory = opendir("/proc");
  if (directory == NULL) die("/proc");
  bool found = false;
  for (const struct dirent* entry; (entry = readdir(directory)) != NULL;) found |= atoi(entry->d_name) == pid;
  closedir(directory);
  return found;
}

static pid_t fork_idle(void) {
  const pid_t pid = fork();
  if (pid == 0) {
    signal(SIGTERM, SIG_DFL);
    pause();
    _exit(0);
  }
  return pid;
}

// Its children have a child each, tell its number, and end a little later: then that child is their
// grandparent's.
static void make_orphans(int to, int idle) {
  signal(SIGTERM, SIG_DFL);
  for (int i = 0; i < idle; ++i) fork_idle();
  for (;;) {
    const pid_t parent = fork();
    if (parent == 0) {
      const pid_t orphan = fork_idle();
      if (write(to, &orphan, sizeof orphan) != sizeof orphan) _exit(1);
      const double end = now_s() + (getpid() * 7919 % 4000) * 1e-6;
      while (now_s() < end) {
      }
      _exit(0);
    }
    usleep(8000);  // a zombie for a while: what is tried out is when, not whether
    waitpid(parent, NULL, 0);
  }
}

// orphans SECONDS IDLE: says "ready", waits for a line; how many listings left out a process that was there
// before.
int moving_orphans(int argc, char** argv) {
  if (argc != 3) return 98;
  int ends[2];
  if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0 || pipe(ends) != 0) die("orphans");
  setpgid(0, 0);
  signal(SIGTERM, SIG_IGN);  // which ends the others of the group
  puts("ready");
  fflush(stdout);
  await_line();
  const pid_t maker = fork();
  if (maker == 0) make_orphans(ends[1], atoi(argv[2]));
  long listings = 0, missing = 0;
  pid_t orphan = 0;
  for (const double end = now_s() + atof(argv[1]);
       (now_s() < end || listings <= 10) && read(ends[0], &orphan, sizeof orphan) == sizeof orphan;
       ++listings) {
    missing += !is_listed(orphan);
    kill(orphan, SIGKILL);
    while (waitpid(-1, NULL, WNOHANG) > 0) {
    }
  }
  kill(0, SIGTERM);
  while (waitpid(-1, NULL, 0) > 0) {
  }
  printf("listings %ld\nmissing %ld\nwrapped %d\n", listings, missing, maker < getpid());
  return 0;
}

static char** own_argv;

static void keep_to(int cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  for (int i = 0; i < 2; ++i)
    if (cpu < 0 || cpu == i) CPU_SET(i, &set);
  if (sched_setaffinity(0, sizeof set, &set) != 0) die("sched_setaffinity");
}

static void* exec_on_one_cpu(void* unused) {
  (void)unused;
  keep_to(1);
  // The moment of the exec is what is tried out.
  usleep(200 + (useconds_t)(now_s() * 1e6) % 3000);
  execv("/proc/self/exe", own_argv);
  die("exec");
  return NULL;
}

// exec-affinity GENERATIONS WRONG: a thread that is kept to one CPU execs while its leader, who has two,
// opens files.
int affinity_over_exec(int argc, char** argv) {
  if (argc != 3) return 98;
  const int left = atoi(argv[1]);
  int wrong = atoi(argv[2]);
  if (wrong < 0) {
    wrong = 0;  // the first one is not of an exec
  } else {
    cpu_set_t set;
    bool same = true;
    for (int i = 0; i < 30 && same; ++i) {
      if (sched_getaffinity(0, sizeof set, &set) != 0) die("sched_getaffinity");
      same = CPU_COUNT(&set) == 1 && CPU_ISSET(1, &set);
      usleep(10);  // between two looks: whoever gives it other CPUs may do so a little later
    }
    wrong += !same;
  }
  if (left == 0) {
    printf("wrong %d\n", wrong);
    return 0;
  }
  char left_text[16], wrong_text[16];
  snprintf(left_text, sizeof left_text, "%d", left - 1);
  snprintf(wrong_text, sizeof wrong_text, "%d", wrong);
  char* next[] = {"attacker", "exec-affinity", left_text, wrong_text, NULL};
  own_argv = next;
  keep_to(-1);
  pthread_t thread;
  if (pthread_create(&thread, NULL, exec_on_one_cpu, NULL) != 0) die("thread");
  for (;;) close(open("/proc/self/cmdline", O_RDONLY));
}
