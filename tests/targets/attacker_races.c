// Races: what the gate looked at becomes something else before the kernel uses it.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "attacker.h"

enum { swapped_fd = 50, hits_enough = 20, tries_min = 60, patience_s = 60, stack_bytes = 64 * 1024 };

// Lies in memory that all flippers share, a forked process included.
struct shared {
  _Atomic bool stop;
  _Atomic long flips;
  char path[256];
};
static struct shared* shared;
static char* path;          // that is opened: shared->path, or in a page that others take the place of
static char texts[2][256];  // an own file and a foreign one, by names of the same length
static int pages[2];        // files that hold these
static int harmless_fd = -1, proc_fd = -1;
static void (*flip)(void);

// One byte tells /proc from what never exists: no torn string in between.
static void flip_byte(void) { ((volatile char*)shared->path)[1] ^= 'p' ^ 'q'; }
static void flip_link(void) { ((volatile char*)shared->path)[7] ^= 'a' ^ 'b'; }  // ./race-a, ./race-b
static void flip_names(void) {
  syscall(SYS_renameat2, AT_FDCWD, "race-a", AT_FDCWD, "race-b", 2 /* RENAME_EXCHANGE */);
}
static void flip_descriptor(void) {
  dup2(harmless_fd, swapped_fd);
  dup2(proc_fd, swapped_fd);
}

static void flip_text(void) {
  static int next;
  memcpy(shared->path, texts[next ^= 1], sizeof shared->path);
}
static char* const window = (char*)0x620000000;
static void flip_mapping(void) {
  for (int i = 0; i < 2; ++i) {
    mmap(window, 4096, PROT_READ, MAP_SHARED | MAP_FIXED, pages[i], 0);
    munmap(window, 4096);
  }
}

// Pairs of files, of which at least one is made by the supervisor; %s is the foreign pid.
static const struct {
  const char *kind, *own, *foreign;
} pairs[] = {
    {"stat", "/proc/self/stat", "/proc/%s/stat"},
    {"status", "/proc/thread-self/status", "/proc/%s/status"},
    {"environ", "/proc/self/stat", "/proc/%s/environ"},
    {"cmdline", "/proc/self/cmdline", "/proc/%s/cmdline"},
    {"task", "/proc/self/stat", "/proc/%1$s/task/%1$s/stat"},
    {"loadavg", "/proc/loadavg", "/proc/%s/stat"},
    {"told", "/etc/hostname", "/proc/%s/status"},
    {"unmapped", "/proc/self/stat", "/proc/%s/stat"},
};

// As long as `length` by slashes before the last name.
static void pad(char* text, size_t length) {
  char* const last = strrchr(text, '/');
  const size_t more = length - strlen(text);
  memmove(last + more, last, strlen(last) + 1);
  memset(last, '/', more);
}

static bool set_pair(const char* kind, const char* foreign) {
  for (size_t i = 0; i < sizeof pairs / sizeof *pairs; ++i) {
    if (strcmp(kind, pairs[i].kind) != 0) continue;
    strcpy(texts[0], pairs[i].own);
    snprintf(texts[1], sizeof texts[1], pairs[i].foreign, foreign);
    const size_t own = strlen(texts[0]), others = strlen(texts[1]);
    pad(texts[own < others ? 0 : 1], own < others ? others : own);
    flip = flip_text;
    if (strcmp(kind, "unmapped") != 0) return true;
    path = window;
    flip = flip_mapping;
    for (int page = 0; page < 2; ++page) {
      pages[page] = memfd_create("page", 0);
      if (pages[page] < 0 || pwrite(pages[page], texts[page], sizeof texts[page], 0) < 0) die("a page");
    }
    return true;
  }
  return false;
}

static int flip_on(void* unused) {
  (void)unused;
  while (!shared->stop) {
    flip();
    ++shared->flips;
  }
  return 0;
}

static void* flip_in_thread(void* unused) {
  flip_on(unused);
  return NULL;
}

static void write_file(const char* name) {
  const int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0644);
  if (fd < 0 || write(fd, "harmless\n", 9) != 9) die(name);
  close(fd);
}

static long listed;     // foreign processes that listings named
static long signalled;  // that took a signal by a descriptor of their directory
static long own_opens;  // of the own file of a pair

static bool names_foreign(int fd, const char* foreign) {
  char buffer[16384];
  lseek(fd, 0, SEEK_SET);
  for (int rounds = 0; rounds < 64; ++rounds) {
    const long length = syscall(SYS_getdents64, fd, buffer, sizeof buffer);
    if (length <= 0) return false;
    for (long at = 0; at < length; at += *(unsigned short*)(buffer + at + 16))
      if (strcmp(buffer + at + 19, foreign) == 0) return true;
  }
  return false;
}

// One try; true if the secret was read.
static bool attempt(const char* kind, const char* foreign, const char* secret) {
  char name[64];
  if (strcmp(kind, "directory") == 0 || strcmp(kind, "o_path") == 0) {
    const int how = strcmp(kind, "o_path") == 0 ? O_PATH : O_RDONLY | O_DIRECTORY;
    const int directory = (int)syscall(SYS_openat, AT_FDCWD, path, how);
    if (directory < 0) return false;
    const bool hit = reads_secret((int)syscall(SYS_openat, directory, "comm", O_RDONLY), secret);
    if (how != O_PATH && syscall(SYS_getdents64, directory, name, sizeof name) > 0) ++listed;
    if (how != O_PATH && syscall(SYS_pidfd_send_signal, directory, 0, NULL, 0) == 0) ++signalled;
    close(directory);
    return hit;
  }
  if (strcmp(kind, "existence") == 0) {
    struct stat info;
    if (syscall(SYS_newfstatat, AT_FDCWD, path, &info, 0) == 0) ++listed;
    return false;
  }
  if (strcmp(kind, "listing") == 0) {
    if (names_foreign(swapped_fd, foreign)) ++listed;
    return false;
  }
  if (strcmp(kind, "descriptor") == 0) {
    static int turn;
    snprintf(name, sizeof name, "%s/%s", foreign, (turn ^= 1) != 0 ? "comm" : "stat");
    return reads_secret((int)syscall(SYS_openat, swapped_fd, name, O_RDONLY), secret);
  }
  if (strcmp(kind, "symlink") == 0)
    return reads_secret((int)syscall(SYS_openat, AT_FDCWD, "race-a", O_RDONLY), secret);
  if (strcmp(kind, "rename") == 0)
    return reads_secret((int)syscall(SYS_openat, AT_FDCWD, "race-a/comm", O_RDONLY), secret);
  const int fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDONLY);
  const bool hit = reads_secret(fd, secret);
  own_opens += fd >= 0 && !hit;
  return hit;
}

static void set_stage(const char* kind, const char* foreign) {
  char target[64];
  snprintf(target, sizeof target, "/proc/%s", foreign);
  snprintf(shared->path, sizeof shared->path, "/qroc/%s/comm", foreign);
  flip = flip_byte;
  path = shared->path;
  if (set_pair(kind, foreign)) return;
  if (strcmp(kind, "directory") == 0 || strcmp(kind, "o_path") == 0)
    snprintf(shared->path, sizeof shared->path, "/qroc/%s", foreign);
  if (strcmp(kind, "own") == 0) {  // both lead to /proc, one of them to the attacker's own
    if (symlink("/proc/self", "race-a") != 0 || symlink(target, "race-b") != 0) die("race-a");
    strcpy(shared->path, "./race-a/comm");
    flip = flip_link;
  }
  if (strcmp(kind, "symlink") == 0 || strcmp(kind, "rename") == 0) {
    const bool directory = strcmp(kind, "rename") == 0;
    if (directory) {
      if (mkdir("race-a", 0755) != 0) die("race-a");
      write_file("race-a/comm");
    } else {
      write_file("race-a");
      strcat(target, "/comm");
    }
    if (symlink(target, "race-b") != 0) die("race-b");
    flip = flip_names;
  }
  if (strcmp(kind, "descriptor") == 0 || strcmp(kind, "listing") == 0) {
    const int how = strcmp(kind, "listing") == 0 ? O_RDONLY | O_DIRECTORY : O_PATH;
    harmless_fd = open(".", how);
    proc_fd = open("/proc", how);
    if (harmless_fd < 0 || proc_fd < 0 || dup2(proc_fd, swapped_fd) < 0) die("/proc");
    flip = flip_descriptor;
  }
}

// race KIND FLIPPER FOREIGN_PID SECRET TRIES SECONDS; FLIPPER: thread, vm, process, table
int race_paths(int argc, char** argv) {
  if (argc != 7) return 98;
  const char *kind = argv[1], *flipper = argv[2], *foreign = argv[3], *secret = strdup(argv[4]);
  memset(argv[4], 'x', strlen(argv[4]));  // so that it is not in our own command line
  const long tries_max = atol(argv[5]);
  shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  char* stack = mmap(NULL, stack_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (shared == MAP_FAILED || stack == MAP_FAILED) die("mmap");
  set_stage(kind, foreign);

  pthread_t thread;
  pid_t process = -1;
  if (strcmp(flipper, "thread") == 0) {
    if (pthread_create(&thread, NULL, flip_in_thread, NULL) != 0) die("thread");
  } else if (strcmp(flipper, "vm") == 0) {
    process = clone(flip_on, stack + stack_bytes, CLONE_VM | SIGCHLD, NULL);
  } else if (strcmp(flipper, "table") == 0) {
    process = clone(flip_on, stack + stack_bytes, CLONE_FILES | SIGCHLD, NULL);
  } else {
    process = fork();
    if (process == 0) _exit(flip_on(NULL));
  }
  if (strcmp(flipper, "thread") != 0 && process < 0) die("flipper");

  long tries = 0, hits = 0;
  const double end = now_s() + atof(argv[6]);
  for (double now = now_s(); now < end || (tries < tries_min && now < end + patience_s); now = now_s()) {
    if (tries == tries_max || hits + listed >= hits_enough) break;
    ++tries;
    if (attempt(kind, foreign, secret)) ++hits;
  }
  shared->stop = true;
  if (process > 0)
    waitpid(process, NULL, 0);
  else
    pthread_join(thread, NULL);
  printf("tries %ld\nhits %ld\nlisted %ld\nflips %ld\nown %ld\nsignalled %ld\nforeign-bytes %ld\n", tries,
         hits, listed, shared->flips, own_opens, signalled, foreign_bytes);
  return 0;
}

// -- exec -----------------------------------------------------------------------------------------------

// The same address in every program image; what stands there changes with each exec.
static char* const image_path = (char*)0x600000000;

struct next_image {
  char** argv;
};

static void* exec_in_thread(void* argument) {
  const struct next_image* next = argument;
  execv("/proc/self/exe", next->argv);
  return NULL;
}

// exec FOREIGN_PID SECRET GENERATIONS HITS OWN: each image opens the path at one address, foreign or own by
// turns, and a memory of the image before would show the gate the other one.
int exec_in_the_middle(int argc, char** argv) {
  if (argc != 6) return 98;
  const long generation = atol(argv[3]);
  long hits = atol(argv[4]), own = atol(argv[5]);
  if (mmap(image_path, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1,
           0) != image_path)
    die("mmap");
  if (generation % 2 == 0) {
    snprintf(image_path, 4096, "/proc/%s/comm", argv[1]);
    if (reads_secret((int)syscall(SYS_openat, AT_FDCWD, image_path, O_RDONLY), argv[2])) ++hits;
    snprintf(image_path, 4096, "/proc/%s/stat", argv[1]);
    if (reads_secret((int)syscall(SYS_openat, AT_FDCWD, image_path, O_RDONLY), argv[2])) ++hits;
  } else {
    snprintf(image_path, 4096, "/proc/self/%s", generation % 4 == 1 ? "comm" : "stat");
    const int fd = (int)syscall(SYS_openat, AT_FDCWD, image_path, O_RDONLY);
    if (fd >= 0) ++own;
    close(fd);
  }
  if (generation <= 0) {
    printf("hits %ld\nown %ld\n", hits, own);
    return 0;
  }
  char left[32], hits_text[32], own_text[32];
  snprintf(left, sizeof left, "%ld", generation - 1);
  snprintf(hits_text, sizeof hits_text, "%ld", hits);
  snprintf(own_text, sizeof own_text, "%ld", own);
  char* next_argv[] = {"attacker", "exec", argv[1], argv[2], left, hits_text, own_text, NULL};
  struct next_image next = {next_argv};
  pthread_t thread;
  switch (generation % 3) {
    case 0:  // from a thread that is not the leader: the id of the caller changes
      if (pthread_create(&thread, NULL, exec_in_thread, &next) != 0) die("thread");
      pthread_join(thread, NULL);
      die("exec in a thread");
      break;
    case 1: {  // from a vfork child, which asked with its parent's memory before
      const pid_t child = vfork();
      if (child == 0) {
        close((int)syscall(SYS_openat, AT_FDCWD, image_path, O_RDONLY));
        execv("/proc/self/exe", next_argv);
        _exit(99);
      }
      int status = 0;
      // The memory is the parent's own again: the gate must not look into the child's.
      snprintf(image_path, 4096, "/proc/%s/comm", argv[1]);
      if (reads_secret((int)syscall(SYS_openat, AT_FDCWD, image_path, O_RDONLY), argv[2])) printf("hits 1\n");
      waitpid(child, &status, 0);
      return WIFEXITED(status) ? WEXITSTATUS(status) : 99;
    }
    default:
      execv("/proc/self/exe", next_argv);
  }
  die("exec");
  return 99;
}

// -- recycled pids --------------------------------------------------------------------------------------

// recycled SECRET ROUNDS: makes a process, holds its directory, lets it end, tells its number, and when told
// that a stranger has that number now, asks for it in every way. The driver sees to the stranger.
int recycled_pid(int argc, char** argv) {
  if (argc != 3) return 98;
  long hits = 0;
  for (long round = atol(argv[2]); round > 0; --round) {
    int gate[2];
    char path[64], byte = 0;
    if (pipe(gate) != 0) die("pipe");
    const pid_t child = fork();
    if (child == 0) {
      close(gate[1]);
      _exit(read(gate[0], &byte, 1) != 0);
    }
    snprintf(path, sizeof path, "/proc/%d", child);
    const int directory = open(path, O_RDONLY | O_DIRECTORY), handle = open(path, O_PATH);
    snprintf(path, sizeof path, "/proc/%d/comm", child);
    const int before = open(path, O_RDONLY);  // so that whoever remembers has something to remember
    char stat_path[64];
    snprintf(stat_path, sizeof stat_path, "/proc/%d/stat", child);
    const int rewound = open(stat_path, O_RDONLY);
    if (directory < 0 || handle < 0 || before < 0 || rewound < 0) die("the own child's files");
    close(gate[0]);
    close(gate[1]);
    waitpid(child, NULL, 0);
    printf("pid %d\n", child);
    await_line();
    hits += reads_secret(open(path, O_RDONLY), argv[1]);
    hits += reads_secret(openat(directory, "comm", O_RDONLY), argv[1]);
    hits += reads_secret(openat(handle, "comm", O_RDONLY), argv[1]);
    hits += reads_secret(before, argv[1]);
    hits += reads_secret(open(stat_path, O_RDONLY), argv[1]);
    hits += reads_secret(openat(directory, "stat", O_RDONLY), argv[1]);
    hits += reads_secret(openat(handle, "status", O_RDONLY), argv[1]);
    lseek(rewound, 0, SEEK_SET);  // reads anew what the number means by now, or says what it said
    hits += reads_secret(rewound, argv[1]);
    hits += kill(child, 0) == 0;
    hits += getpgid(child) >= 0;
    const int pidfd = (int)syscall(SYS_pidfd_open, child, 0);
    hits += pidfd >= 0;
    close(pidfd);
    close(directory);
    close(handle);
  }
  printf("hits %ld\n", hits);
  return 0;
}
