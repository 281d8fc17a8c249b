// Files that the supervisor makes: their descriptors, their names, and the rewind that makes them anew.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "attacker.h"

enum { swapped_fd = 50, sources_max = 16 };

static const char own_text[] = "what I wrote myself\n";

// A memfd that bears the name which the supervisor gives to its own; sealed as they are, or not.
static int forge(const char* file, bool sealed) {
  char name[256];
  snprintf(name, sizeof name, "proctor:%s", file);
  const int fd = memfd_create(name, MFD_ALLOW_SEALING);
  if (fd < 0 || write(fd, own_text, sizeof own_text - 1) != sizeof own_text - 1) die(name);
  if (sealed && fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) != 0)
    die("seals");
  return fd;
}

static bool still_own(int fd) {
  char text[sizeof own_text];
  return lseek(fd, 0, SEEK_SET) == 0 && read(fd, text, sizeof text) == sizeof own_text - 1 &&
         memcmp(text, own_text, sizeof own_text - 1) == 0;
}

// forged FILE ...: memfds under the supervisor's names for these files, rewound. `changed N`: of how many the
// text became another.
int forged_names(int argc, char** argv) {
  long changed = 0;
  for (int i = 1; i < argc; ++i)
    for (int sealed = 0; sealed < 2; ++sealed) {
      const int fd = forge(argv[i], sealed != 0);
      if (!still_own(fd)) {
        ++changed;
        printf("changed-name %s\n", argv[i]);
      }
      close(fd);
    }
  printf("changed %ld\n", changed);
  return 0;
}

// -- rewinds against dup2 -----------------------------------------------------------------------------------

static int sources[sources_max], sources_count;
static _Atomic bool stop;
static _Atomic long flips, turns, replaced;

static void* replace_on(void* unused) {
  while (!stop) {
    dup2(sources[flips % sources_count], swapped_fd);
    ++flips;
  }
  return unused;
}

// Each time it is told, puts an ordinary file where a rewind is going on.
static void* replace_when_told(void* unused) {
  const int ordinary = *(int*)unused;
  for (long seen = 0; !stop;) {
    if (turns == seen) continue;
    ++seen;
    dup2(ordinary, swapped_fd);
    ++replaced;
  }
  return NULL;
}

// How often a descriptor that another thread put there during a rewind was itself replaced. No honest program
// does that; bare, a rewind replaces nothing.
static long stray(int made, int ordinary, long tries, double end) {
  pthread_t thread;
  struct stat wanted, found;
  long strays = 0;
  stop = false;
  if (fstat(ordinary, &wanted) != 0 || pthread_create(&thread, NULL, replace_when_told, &ordinary) != 0)
    die("thread");
  for (long i = 0; i < tries && now_s() < end; ++i) {
    dup2(made, swapped_fd);
    ++turns;
    lseek(swapped_fd, 0, SEEK_SET);
    while (replaced != turns) sched_yield();
    strays += fstat(swapped_fd, &found) != 0 || found.st_ino != wanted.st_ino;
  }
  stop = true;
  pthread_join(thread, NULL);
  return strays;
}

// rewinds FOREIGN_PID SECRET TRIES SECONDS: a descriptor that is rewound and read while a thread puts others
// in its place: virtual files, memfds with names of the supervisor's that speak of a foreign process, an
// ordinary file.
int rewind_race(int argc, char** argv) {
  if (argc != 5) return 98;
  const char* secret = strdup(argv[2]);
  memset(argv[2], 'x', strlen(argv[2]));
  static const char* const foreign[] = {"environ", "stat", "status", "cmdline", "net/tcp"};
  static const char* const own[] = {"/proc/self/stat", "/proc/loadavg", "/proc/self/comm", "/proc/stat"};
  char name[128];
  for (size_t i = 0; i < sizeof foreign / sizeof *foreign; ++i) {
    snprintf(name, sizeof name, "/proc/%s/%s", argv[1], foreign[i]);
    sources[sources_count++] = forge(name, i % 2 == 0);
  }
  for (size_t i = 0; i < sizeof own / sizeof *own; ++i)
    if ((sources[sources_count++] = open(own[i], O_RDONLY)) < 0) die(own[i]);
  const int ordinary = open("ordinary", O_RDWR | O_CREAT | O_TRUNC, 0600);
  if (ordinary < 0 || write(ordinary, own_text, sizeof own_text - 1) < 0) die("ordinary");
  sources[sources_count++] = ordinary;
  dup2(ordinary, swapped_fd);

  pthread_t thread;
  if (pthread_create(&thread, NULL, replace_on, NULL) != 0) die("thread");
  long tries = 0, hits = 0, failed = 0;
  const double seconds = atof(argv[4]), end = now_s() + seconds;
  for (; tries < atol(argv[3]) && now_s() < end; ++tries) {
    failed += lseek(swapped_fd, 0, SEEK_SET) != 0;
    hits += shows_secret(swapped_fd, secret);
  }
  stop = true;
  pthread_join(thread, NULL);
  printf("tries %ld\nhits %ld\nforeign-bytes %ld\nfailed %ld\nflips %ld\n", tries, hits, foreign_bytes,
         failed, (long)flips);
  const long strays = stray(sources[5], ordinary, 2000, now_s() + seconds);
  printf("strays %ld\nrewinds %ld\n", strays, (long)turns);
  return 0;
}

// -- descriptors that threads do not share
// --------------------------------------------------------------------

enum { unshared_fd = 60 };
static const char* files[2];  // the leader's, the thread's

static long inode_of(int fd) {
  struct stat info;
  return fstat(fd, &info) == 0 ? (long)info.st_ino : -1;
}

static void* with_own_table(void* unused) {
  if (unshare(CLONE_FILES) != 0) die("unshare");
  const int fd = open(files[1], O_RDONLY);
  if (fd < 0 || dup2(fd, unshared_fd) < 0) die(files[1]);
  char text[64] = "";
  if (lseek(unshared_fd, 0, SEEK_SET) != 0 || read(unshared_fd, text, sizeof text - 1) <= 0) die("rewind");
  printf("thread %s\n", strtok(text, " \n"));
  return unused;
}

// rewound-tables LEADERS THREADS: descriptor 60 is one file for the leader and another for a thread, which
// rewinds its own. `kept 1`: the leader's is the one that it was; `thread`, `leader`: the first words that
// each reads afterwards.
int rewound_tables(int argc, char** argv) {
  if (argc != 3) return 98;
  files[0] = argv[1], files[1] = argv[2];
  pthread_t thread;
  const int fd = open(files[0], O_RDONLY);
  if (fd < 0 || dup2(fd, unshared_fd) < 0) die(files[0]);
  const long before = inode_of(unshared_fd);
  if (pthread_create(&thread, NULL, with_own_table, NULL) != 0) die("thread");
  pthread_join(thread, NULL);
  printf("kept %d\n", inode_of(unshared_fd) == before);
  char text[64] = "";
  if (lseek(unshared_fd, 0, SEEK_SET) != 0 || read(unshared_fd, text, sizeof text - 1) <= 0) die("rewind");
  printf("leader %s\n", strtok(text, " \n"));
  return 0;
}
