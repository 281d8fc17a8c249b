// Arguments that no honest program passes, and every way to spell a path.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/openat2.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "attacker.h"

static char* page;  // mapped, and what follows it is not: a place of its own, where no later mapping comes

static char* map_edge(void) {
  char* const place = (char*)0x610000000;
  if (mmap(place, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) !=
      place)
    die("mmap");
  return place;
}

static char* at_edge(const char* text, size_t bytes) { return memcpy(page + 4096 - bytes, text, bytes); }

static void say(const char* name, long result) {
  printf("%s %d\n", name, error_of(result));
  if (result > 2) close((int)result);
}

static long open_at(const void* path, int flags) { return syscall(SYS_openat, AT_FDCWD, path, flags, 0644); }

static void bad_paths(void) {
  char* none = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  static char endless[3 * 4096];
  memset(endless, '/', sizeof endless);
  say("path-null", open_at(NULL, O_RDONLY));
  say("path-one", open_at((void*)1, O_RDONLY));
  say("path-kernel", open_at((void*)0xffffffff81000000, O_RDONLY));
  say("path-not-canonical", open_at((void*)0x8000000000000000, O_RDONLY));
  say("path-last-byte", open_at((void*)-1L, O_RDONLY));
  say("path-not-readable", open_at(none, O_RDONLY));
  say("path-unmapped", open_at(page + 4096, O_RDONLY));
  say("path-runs-off", open_at(at_edge("/proc/self/comm", 15), O_RDONLY));
  say("path-runs-off-elsewhere", open_at(at_edge("/etc/passwd", 11), O_RDONLY));
  say("path-ends-at-edge", open_at(at_edge("/proc/self/comm", 16), O_RDONLY));
  say("path-ends-at-edge-elsewhere", open_at(at_edge("/etc/passwd", 12), O_RDONLY));
  say("path-empty", open_at("", O_RDONLY));
  say("path-too-long", open_at(endless, O_RDONLY));
  endless[4095] = '\0';
  say("path-longest", open_at(endless, O_RDONLY | O_DIRECTORY));
  endless[4095] = '/', endless[4096] = '\0';
  say("path-one-longer", open_at(endless, O_RDONLY | O_DIRECTORY));
  say("open-unmapped", syscall(SYS_open, page + 4096, O_RDONLY));
  say("creat-unmapped", syscall(SYS_creat, page + 4096, 0600));
  say("chdir-unmapped", syscall(SYS_chdir, page + 4096));
  say("execve-unmapped", syscall(SYS_execve, page + 4096, NULL, NULL));
  say("execve-runs-off", syscall(SYS_execve, at_edge("/proc/self/exe", 14), NULL, NULL));
  say("execveat-unmapped", syscall(SYS_execveat, AT_FDCWD, page + 4096, NULL, NULL, 0));
  say("dirfd-closed", syscall(SYS_openat, 999, "self/comm", O_RDONLY));
  say("dirfd-negative", syscall(SYS_openat, -5, "self/comm", O_RDONLY));
  say("dirfd-wide", syscall(SYS_openat, 0x100000000UL | (uint32_t)AT_FDCWD, "/proc/self/comm", O_RDONLY));
  say("flags-wide", syscall(SYS_openat, AT_FDCWD, "/proc/self/comm", 0x5500000000UL));
}

static long open2(const char* path, const void* how, size_t size) {
  return syscall(SYS_openat2, AT_FDCWD, path, how, size);
}

static void bad_open2(void) {
  static const char* const paths[] = {"/proc/self/comm", "/etc/passwd"};
  for (int i = 0; i < 2; ++i) {
    char big[4096];
    char name[64];
    struct open_how how;
    memset(&how, 0, sizeof how);
#define SAY(what, call) snprintf(name, sizeof name, "openat2-%s-%d", what, i), say(name, call)
    SAY("ok", open2(paths[i], &how, sizeof how));
    SAY("size-0", open2(paths[i], &how, 0));
    SAY("size-8", open2(paths[i], &how, 8));
    SAY("size-23", open2(paths[i], &how, 23));
    memset(big, 0, sizeof big);
    SAY("size-big-zero", open2(paths[i], big, 4096));
    SAY("size-too-big", open2(paths[i], big, 4097));
    SAY("size-huge", open2(paths[i], big, ~(size_t)0));
    big[100] = 1;
    SAY("size-big-set", open2(paths[i], big, 128));
    SAY("null", open2(paths[i], NULL, sizeof how));
    SAY("unmapped", open2(paths[i], page + 4096, sizeof how));
    SAY("runs-off", open2(paths[i], page + 4096 - 8, sizeof how));
    how.flags = 1ULL << 40;
    SAY("flag-unknown", open2(paths[i], &how, sizeof how));
    how.flags = O_PATH | O_WRONLY;
    SAY("flag-path-write", open2(paths[i], &how, sizeof how));
    how.flags = 0, how.mode = 0644;
    SAY("mode-alone", open2(paths[i], &how, sizeof how));
    how.mode = 0, how.resolve = 1ULL << 20;
    SAY("resolve-unknown", open2(paths[i], &how, sizeof how));
    how.resolve = RESOLVE_NO_SYMLINKS;
    SAY("resolve-no-symlinks", open2(paths[i], &how, sizeof how));
    how.resolve = RESOLVE_BENEATH;
    SAY("resolve-beneath", open2(paths[i], &how, sizeof how));
    how.resolve = RESOLVE_NO_XDEV;
    SAY("resolve-no-xdev", open2(paths[i], &how, sizeof how));
    how.resolve = RESOLVE_BENEATH | RESOLVE_IN_ROOT;
    SAY("resolve-both", open2(paths[i], &how, sizeof how));
#undef SAY
  }
}

static void created_names(void) {
  static const char* const names[] = {"/proc/new",          "/proc/self/new", "/proc/999999999",
                                      "/proc/1x",           "/proc/sys/new",  "/proc/self/fd/new",
                                      "/proc/self/task/1x", "/proc/\xff\xfe"};
  for (size_t i = 0; i < sizeof names / sizeof *names; ++i) {
    char name[64];
    snprintf(name, sizeof name, "create-%zu", i);
    say(name, open_at(names[i], O_RDWR | O_CREAT));
    snprintf(name, sizeof name, "create-excl-%zu", i);
    say(name, open_at(names[i], O_RDWR | O_CREAT | O_EXCL));
  }
  say("create-mkdir", mkdir("/proc/new", 0755));
  say("tmpfile", open_at("/proc", O_TMPFILE | O_RDWR));
  say("bytes-created", open_at("./\xff\xfe\x80\n\x01", O_RDWR | O_CREAT));
  say("bytes-opened", open_at("./\xff\xfe\x80\n\x01", O_RDONLY));
}

// arguments: lines `name errno`, the same as without proctor.
int hostile_arguments(int argc, char** argv) {
  (void)argc, (void)argv;
  page = map_edge();
  bad_paths();
  bad_open2();
  created_names();
  return 0;
}

static void say_capabilities(const char* name, void* header, struct __user_cap_data_struct* data) {
  printf("%s %d\n", name, error_of(syscall(SYS_capget, header, data)));
}

// capabilities: capget with arguments of every kind; the same as without proctor.
int hostile_capabilities(int argc, char** argv) {
  (void)argc, (void)argv;
  page = map_edge();
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0}, old = {1, 0};
  struct __user_cap_data_struct data[2] = {{0, 0, 0}, {0, 0, 0}}, *unmapped = (void*)(page + 4096);
  void* fixed = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  say_capabilities("null", NULL, data);
  say_capabilities("unmapped", page + 4096, data);
  say_capabilities("runs-off", page + 4096 - 4, data);
  say_capabilities("data-null", &header, NULL);
  say_capabilities("data-unmapped", &header, unmapped);
  say_capabilities("data-read-only", &header, fixed);
  say_capabilities("old-version", &old, data);
  printf("version-told %d\n", (int)old.version);
  say_capabilities("old-version-read-only", fixed, data);
  old.version = 2;
  say_capabilities("asks-for-version", &old, NULL);
  printf("version-asked-for %d\n", (int)old.version);
  header.pid = -1;
  say_capabilities("negative", &header, data);
  say_capabilities("negative-without-data", &header, NULL);
  header.pid = getpid();
  say_capabilities("own", &header, data);
  printf("permitted %u %u\n", data[0].permitted, data[1].permitted);
  header.version = _LINUX_CAPABILITY_VERSION_1;
  memset(data, 0x55, sizeof data);
  say_capabilities("narrow", &header, data);
  printf("narrow-permitted %u %u\n", data[0].permitted, data[1].permitted);
  header.version = _LINUX_CAPABILITY_VERSION_2, header.pid = 0;
  say_capabilities("second", &header, data);
  printf("effective %u %u\n", data[0].effective, data[1].effective);
  return 0;
}

static long list(int fd, void* buffer, unsigned long count) {
  lseek(fd, 0, SEEK_SET);
  return syscall(SYS_getdents64, fd, buffer, count);
}

// listings: getdents into buffers that cannot take it, in /proc and elsewhere; the same as without proctor.
int hostile_listings(int argc, char** argv) {
  (void)argc, (void)argv;
  page = map_edge();
  static char room[256 * 1024];
  char* fixed = mmap(NULL, 8192, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  static const char* const directories[] = {"/proc", ".", "/proc/self/task", "/"};
  for (int i = 0; i < 4; ++i) {
    char name[64];
    const int fd = open(directories[i], O_RDONLY | O_DIRECTORY);
    if (fd < 0) die(directories[i]);
#define SAY(what, call) snprintf(name, sizeof name, "%s-%d", what, i), printf("%s %d\n", name, error_of(call))
    SAY("null", list(fd, NULL, 4096));
    SAY("read-only", list(fd, fixed, 8192));
    SAY("unmapped", list(fd, page + 4096, 4096));
    SAY("runs-off", list(fd, page + 4096 - 16, 4096));
    SAY("kernel", list(fd, (void*)0xffffffff81000000, 4096));
    SAY("nothing", list(fd, room, 0));
    SAY("one-byte", list(fd, room, 1));
    SAY("tiny", list(fd, room, 16));
    SAY("one-entry", list(fd, room, 40));
    SAY("huge", list(fd, room, 0xffffffffUL));
    SAY("negative", list(fd, room, ~0UL));
    SAY("wide", list(fd, room, 0x700000000UL | sizeof room));
    SAY("wide-nothing", list(fd, room, 0x700000000UL));
    SAY("works-afterwards", list(fd, room, sizeof room));
    SAY("fd-wide", syscall(SYS_getdents64, 0x900000000UL | (unsigned)fd, room, sizeof room));
    SAY("legacy-tiny", (lseek(fd, 0, SEEK_SET), syscall(SYS_getdents, fd, room, 8)));
    SAY("legacy-null", syscall(SYS_getdents, fd, NULL, 4096));
#undef SAY
    close(fd);
  }
  printf("closed %d\n", error_of(list(999, room, sizeof room)));
  printf("no-directory %d\n", error_of(list(open("/proc/self/comm", O_RDONLY), room, sizeof room)));
  printf("o_path %d\n", error_of(list(open("/proc", O_PATH), room, sizeof room)));
  return 0;
}

// The errors of what a directory could tell, if there is one.
static void tell_what_is_below(int fd) {
  char buffer[4096];
  const long listed = syscall(SYS_getdents64, fd, buffer, sizeof buffer);
  const long file = syscall(SYS_openat, fd, "comm", O_RDONLY);
  printf("%d %d ", listed == 0 ? -1 : error_of(listed), error_of(file));
  if (file >= 0) close((int)file);
  if (fd >= 0) close(fd);
}

// spell: paths from standard input, each ended by a NUL, opened in every way; a line of errnos for each.
// Descriptors 100, 101, 102 are /proc, / and /proc/self, as the corpus expects.
int spell_paths(int argc, char** argv) {
  static const int ways[] = {O_RDONLY,
                             O_PATH,
                             O_RDONLY | O_DIRECTORY,
                             O_WRONLY,
                             O_RDWR | O_CREAT,
                             O_RDONLY | O_NOFOLLOW,
                             O_PATH | O_NOFOLLOW | O_DIRECTORY};
  static const unsigned long long resolves[] = {0, RESOLVE_IN_ROOT, RESOLVE_NO_MAGICLINKS};
  char path[4096];
  size_t length = 0;
  if (argc != 2 || chdir(argv[1]) != 0) return 98;
  const int starts[] = {open("/proc", O_RDONLY), open("/", O_RDONLY), open("/proc/self", O_RDONLY)};
  for (int i = 0; i < 3; ++i)
    if (dup2(starts[i], 100 + i) < 0) die("a start");
  for (int byte; (byte = getchar()) != EOF;) {
    path[length++] = (char)byte;
    if (byte != '\0' && length < sizeof path) continue;
    path[length - 1] = '\0';
    const int from = path[0] - '0';  // 0: the working directory, 1: /, 2: /proc, 3: /proc/self
    const int start = from == 0 ? AT_FDCWD : from == 1 ? 101 : from == 2 ? 100 : 102;
    for (size_t i = 0; i < sizeof ways / sizeof *ways; ++i) {
      const long fd = syscall(SYS_openat, start, path + 1, ways[i], 0600);
      printf("%d ", error_of(fd));
      if (fd >= 0) close((int)fd);
    }
    for (size_t i = 0; i < sizeof resolves / sizeof *resolves; ++i) {
      struct open_how how = {O_RDONLY, 0, resolves[i]};
      const long fd = syscall(SYS_openat2, start, path + 1, &how, sizeof how);
      printf("%d ", error_of(fd));
      if (fd >= 0) close((int)fd);
    }
    tell_what_is_below((int)syscall(SYS_openat, start, path + 1, O_RDONLY));
    if (from == 0) {
      printf("%d ", error_of(syscall(SYS_open, path + 1, O_RDONLY)));
      printf("%d ", error_of(syscall(SYS_chdir, path + 1)));
      if (chdir("/proc") != 0) die("chdir");
      printf("%d", error_of(syscall(SYS_execve, path + 1, NULL, NULL)));
    }
    putchar('\n');
    length = 0;
  }
  return 0;
}
