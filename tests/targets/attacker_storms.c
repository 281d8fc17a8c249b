// Storms: signals, stops, deaths and floods around calls that are being judged.
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "attacker.h"

static long count_descriptors(void) {
  long count = 0;
  for (int fd = 0; fd < 1024; ++fd) count += fcntl(fd, F_GETFD) >= 0;
  return count;
}

static bool open_and_close(const char* path, int flags) {
  const int fd = open(path, flags);
  if (fd < 0) return false;
  char byte;
  const bool works = (flags & O_DIRECTORY) != 0 ||
                     (read(fd, &byte, 1) == 1 && lseek(fd, 0, SEEK_SET) == 0 && read(fd, &byte, 1) == 1);
  close(fd);
  return works;
}

static _Atomic long alarms;
static void on_alarm(int signal) {
  (void)signal;
  ++alarms;
}

// alarms RESTART TRIES SECONDS: opens and rewinds under a timer of 100 us; with RESTART 1 none may fail, with
// 0 only by EINTR, and no descriptor is lost either way.
int alarm_storm(int argc, char** argv) {
  if (argc != 4) return 98;
  static const struct {
    const char* path;
    int flags;
  } opens[] = {{"/proc/self/comm", O_RDONLY},
               {"/proc/self/stat", O_RDONLY},
               {"/etc/passwd", O_RDONLY},
               {"/proc", O_RDONLY | O_DIRECTORY}};
  enum { kinds = sizeof opens / sizeof *opens };
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_handler = on_alarm;
  action.sa_flags = atoi(argv[1]) != 0 ? SA_RESTART : 0;
  sigaction(SIGALRM, &action, NULL);
  const struct itimerval often = {{0, 100}, {0, 100}}, never = {{0, 0}, {0, 0}};
  const long before = count_descriptors();
  long tries = 0, interrupted = 0, failed = 0;
  const double end = now_s() + atof(argv[3]);
  setitimer(ITIMER_REAL, &often, NULL);
  while (tries < atol(argv[2]) && now_s() < end) {
    errno = 0;
    if (!open_and_close(opens[tries % kinds].path, opens[tries % kinds].flags)) {
      if (errno == EINTR)
        ++interrupted;
      else
        ++failed;
    }
    ++tries;
  }
  setitimer(ITIMER_REAL, &never, NULL);
  printf("tries %ld\nalarms %ld\ninterrupted %ld\nfailed %ld\nlost %ld\n", tries, alarms, interrupted, failed,
         count_descriptors() - before);
  return 0;
}

// stops ROUNDS: a child opens while it is stopped and continued; it notices nothing.
int stop_storm(int argc, char** argv) {
  if (argc != 2) return 98;
  _Atomic long* done = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (done == MAP_FAILED) die("mmap");
  const pid_t child = fork();
  if (child == 0) {
    const long before = count_descriptors();
    long failed = 0;
    while (!done[1]) {
      failed += !open_and_close("/proc/self/comm", O_RDONLY);
      failed += !open_and_close("/proc/self/stat", O_RDONLY);
      failed += !open_and_close("/proc", O_RDONLY | O_DIRECTORY);
      ++done[0];
    }
    printf("opens %ld\nfailed %ld\nlost %ld\n", (long)done[0], failed, count_descriptors() - before);
    fflush(stdout);
    _exit(0);
  }
  int status = 0;
  for (long round = atol(argv[1]); round > 0; --round) {
    kill(child, SIGSTOP);
    if (waitpid(child, &status, WUNTRACED) != child || !WIFSTOPPED(status)) die("a stop");
    const long seen = done[0];
    kill(child, SIGCONT);
    const double end = now_s() + 30;  // each time it must get on
    while (done[0] == seen && now_s() < end) sched_yield();
    if (done[0] == seen) {
      printf("stuck 1\n");
      kill(child, SIGKILL);
      break;
    }
  }
  done[1] = 1;
  waitpid(child, &status, 0);
  return 0;
}

static _Atomic bool over;

static void* ask_without_end(void* unused) {
  for (unsigned kind = 0; !over; ++kind) {
    if (kind % 3 == 0) {
      DIR* directory = opendir("/proc");
      while (directory != NULL && readdir(directory) != NULL) {
      }
      if (directory != NULL) closedir(directory);
    } else {
      open_and_close(kind % 3 == 1 ? "/proc/self/status" : "/etc/passwd", O_RDONLY);
    }
  }
  return unused;
}

// kills COUNT: children die at random moments of their calls, by SIGKILL, some with threads.
int kill_storm(int argc, char** argv) {
  if (argc != 2) return 98;
  enum { at_once = 6 };
  const long count = atol(argv[1]);
  pid_t children[at_once] = {0};
  unsigned random = 12345;
  for (long killed = 0; killed < count + at_once; ++killed) {
    const long slot = killed % at_once;
    if (children[slot] > 0) {
      kill(children[slot], SIGKILL);
      waitpid(children[slot], NULL, 0);
      children[slot] = 0;
    }
    if (killed >= count) continue;
    const pid_t child = children[slot] = fork();
    if (child < 0) die("fork");
    if (child == 0) {
      pthread_t thread;
      if (killed % 2 == 0) pthread_create(&thread, NULL, ask_without_end, NULL);
      ask_without_end(NULL);
      _exit(1);
    }
    random = random * 1103515245 + 12345;
    usleep((random >> 16) % 2000);  // the random moment itself, nothing waits for it
  }
  const bool lives = open_and_close("/proc/self/comm", O_RDONLY);
  printf("killed %ld\nlives %d\n", count, lives);
  return 0;
}

static _Atomic long asked;

static void* flood_on(void* unused) {
  while (!over) {
    open_and_close("/proc/self/status", O_RDONLY);
    ++asked;
  }
  return unused;
}

// flood THREADS TRIES: while THREADS threads ask without end, another process is answered TRIES times. With
// TRIES 0 the flood goes on until a line comes.
int flood(int argc, char** argv) {
  if (argc != 3) return 98;
  const long threads = atol(argv[1]), tries = atol(argv[2]);
  pthread_t thread;
  long answered = 0;
  for (long i = 0; i < threads; ++i)
    if (pthread_create(&thread, NULL, flood_on, NULL) != 0) die("thread");
  while (asked < threads) sched_yield();
  puts("flooding");
  if (tries == 0) {
    await_line();
  } else {
    int status = 0;
    const pid_t other = fork();
    if (other == 0) {
      for (long i = 0; i < tries; ++i) answered += open_and_close("/proc/self/comm", O_RDONLY);
      printf("answered %ld\n", answered);
      fflush(stdout);
      _exit(0);
    }
    waitpid(other, &status, 0);
  }
  printf("asked %ld\n", (long)asked);
  fflush(stdout);
  _exit(0);  // the threads go with it
}

// descriptors: opens until the table is full, with what is injected and with what is not.
int out_of_descriptors(int argc, char** argv) {
  (void)argc, (void)argv;
  const struct rlimit limit = {64, 64};
  static const struct {
    const char* path;
    int flags;
  } opens[] = {{"/proc/self/comm", O_RDONLY},
               {"/proc/self/stat", O_RDONLY},
               {"/etc/passwd", O_RDONLY},
               {"/proc", O_RDONLY | O_DIRECTORY}};
  enum { kinds = sizeof opens / sizeof *opens };
  if (setrlimit(RLIMIT_NOFILE, &limit) != 0) die("setrlimit");
  for (int kind = 0; kind < 3; ++kind) {
    int first = -1, last = -1, fd;
    while ((fd = open(opens[kind].path, opens[kind].flags)) >= 0) {
      if (first < 0) first = fd;
      last = fd;
    }
    printf("full %d %d %d %d\n", kind, first, last, errno);
    for (int again = 0; again < 100; ++again)
      if (open(opens[kind].path, opens[kind].flags) >= 0 || errno != EMFILE) printf("odd %d\n", errno);
    close(last);
    fd = open(opens[kind].path, opens[kind].flags);
    printf("again %d %d\n", kind, fd == last);
    for (fd = first; fd <= last; ++fd) close(fd);
  }
  return 0;
}
