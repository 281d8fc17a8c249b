// Every call that takes a path, by every spelling: what it answers, as a number and a letter.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>
#include <utime.h>

#include "attacker.h"

enum {
  proc_fd = 100,
  path_bytes_max = 4096,
  flag_empty = 0x1000,
  flag_follow = 0x400,
  flag_nofollow = 0x100
};

// Newer than the headers of Debian 12.
enum {
  nr_fchmodat2 = 452,
  nr_setxattrat = 463,
  nr_getxattrat = 464,
  nr_listxattrat = 465,
  nr_removexattrat = 466,
  nr_file_getattr = 468
};

static int watches;
static char
    answer_kind;  // what a call that succeeded yielded: a letter for the type of file, or for an entry

static char kind_of(mode_t mode) {
  static const char kinds[] = "?pc?d?b?-?l?s???";
  return kinds[mode >> 12 & 15];
}

static long opened(long fd) {
  struct stat info;
  if (fd < 0) return fd;
  answer_kind = fstat((int)fd, &info) == 0 ? kind_of(info.st_mode) : '!';
  const int error = errno;
  close((int)fd);
  errno = error;
  return 0;
}

static long open2(int from, const char* path, uint64_t flags, uint64_t resolve) {
  struct open_how how = {flags, 0, resolve};
  return opened(syscall(SYS_openat2, from, path, &how, sizeof how));
}

static long list(int from, const char* path, long call) {
  char buffer[1024];
  const int fd = (int)syscall(SYS_openat, from, path, O_RDONLY | O_DIRECTORY);
  if (fd < 0) return -1;
  const long length = syscall(call, fd, buffer, sizeof buffer);
  const int error = errno;
  answer_kind = length > 0 ? 'e' : 'n';
  close(fd);
  errno = error;
  return length;
}

static long enter(int from, const char* path) {
  const int fd = (int)syscall(SYS_openat, from, path, O_PATH);
  if (fd < 0) return -1;
  const long result = syscall(SYS_fchdir, fd);
  const int error = errno;
  close(fd);
  errno = error;
  return result;
}

static long handle_of(int from, const char* path, int flags) {
  struct {
    struct file_handle head;
    unsigned char bytes[128];
  } handle;
  int mount = 0;
  handle.head.handle_bytes = sizeof handle.bytes;
  return syscall(SYS_name_to_handle_at, from, path, &handle, &mount, flags);
}

// In a child, as it may succeed; the program is this one, which then says that it knows no such attack.
static long execute(int from, const char* path, int flags) {
  const pid_t child = fork();
  if (child == 0) {
    close(1);
    close(2);
    char* const words[] = {"attacker", NULL};
    if (flags < 0)
      syscall(SYS_execve, path, words, NULL);
    else
      syscall(SYS_execveat, from, path, words, NULL, flags);
    _exit(errno);
  }
  int status = 0;
  if (child < 0 || waitpid(child, &status, 0) != child) die("a child");
  errno = WIFEXITED(status) ? WEXITSTATUS(status) : EINTR;
  return errno == 98 ? 0 : -1;
}

static char room[4096];
#define BY(name) static long name(int from, const char* path)
BY(by_open) { return (void)from, opened(syscall(SYS_open, path, O_RDONLY)); }
BY(by_openat) { return opened(syscall(SYS_openat, from, path, O_RDONLY)); }
BY(by_path) { return opened(syscall(SYS_openat, from, path, O_PATH)); }
BY(by_path_nofollow) { return opened(syscall(SYS_openat, from, path, O_PATH | O_NOFOLLOW)); }
BY(by_directory) { return opened(syscall(SYS_openat, from, path, O_RDONLY | O_DIRECTORY)); }
BY(by_write) { return opened(syscall(SYS_openat, from, path, O_WRONLY)); }
BY(by_create) { return opened(syscall(SYS_openat, from, path, O_RDWR | O_CREAT, 0600)); }
BY(by_creat) { return (void)from, opened(syscall(SYS_creat, path, 0600)); }
BY(by_open2) { return open2(from, path, O_RDONLY, 0); }
BY(by_no_xdev) { return open2(from, path, O_RDONLY, RESOLVE_NO_XDEV); }
BY(by_no_magic) { return open2(from, path, O_RDONLY, RESOLVE_NO_MAGICLINKS); }
BY(by_no_links) { return open2(from, path, O_RDONLY, RESOLVE_NO_SYMLINKS); }
BY(by_beneath) { return open2(from, path, O_RDONLY, RESOLVE_BENEATH); }
BY(by_in_root) { return open2(from, path, O_RDONLY, RESOLVE_IN_ROOT); }
BY(by_cached) { return open2(from, path, O_RDONLY, RESOLVE_CACHED); }
BY(by_path2) { return open2(from, path, O_PATH, RESOLVE_NO_MAGICLINKS); }
BY(by_getdents) { return list(from, path, SYS_getdents); }
BY(by_getdents64) { return list(from, path, SYS_getdents64); }
BY(by_readlink) { return (void)from, syscall(SYS_readlink, path, room, sizeof room); }
BY(by_readlinkat) { return syscall(SYS_readlinkat, from, path, room, sizeof room); }
BY(by_chdir) { return (void)from, syscall(SYS_chdir, path); }
BY(by_fchdir) { return enter(from, path); }
BY(by_execve) { return execute(from, path, -1); }
BY(by_execveat) { return execute(from, path, 0); }
BY(by_handle) { return handle_of(from, path, 0); }
BY(by_handle_follow) { return handle_of(from, path, flag_follow); }
BY(by_fanotify) { return syscall(SYS_fanotify_mark, -1, 1, 2UL, from, path); }
BY(by_getxattr) { return (void)from, syscall(SYS_getxattr, path, "user.proctor", room, sizeof room); }
BY(by_lgetxattr) { return (void)from, syscall(SYS_lgetxattr, path, "user.proctor", room, sizeof room); }
BY(by_getxattrat) {
  uint64_t arguments[2] = {(uintptr_t)room, sizeof room};
  return syscall(nr_getxattrat, from, path, 0, "user.proctor", arguments, sizeof arguments);
}
BY(by_statfs) { return (void)from, syscall(SYS_statfs, path, room); }
BY(by_inotify) { return (void)from, syscall(SYS_inotify_add_watch, watches, path, IN_CLOSE); }
BY(by_listxattr) { return (void)from, syscall(SYS_listxattr, path, room, sizeof room); }
BY(by_llistxattr) { return (void)from, syscall(SYS_llistxattr, path, room, sizeof room); }
BY(by_listxattrat) { return syscall(nr_listxattrat, from, path, 0, room, sizeof room); }
BY(by_setxattr) { return (void)from, syscall(SYS_setxattr, path, "user.proctor", "1", 1, 0); }
BY(by_lsetxattr) { return (void)from, syscall(SYS_lsetxattr, path, "user.proctor", "1", 1, 0); }
BY(by_setxattrat) {
  uint64_t arguments[2] = {(uintptr_t) "1", 1};
  return syscall(nr_setxattrat, from, path, 0, "user.proctor", arguments, sizeof arguments);
}
BY(by_removexattr) { return (void)from, syscall(SYS_removexattr, path, "user.proctor"); }
BY(by_lremovexattr) { return (void)from, syscall(SYS_lremovexattr, path, "user.proctor"); }
BY(by_removexattrat) { return syscall(nr_removexattrat, from, path, 0, "user.proctor"); }
BY(by_stat) {
  struct stat info;
  const long result = syscall(SYS_stat, path, &info);
  answer_kind = result == 0 ? kind_of(info.st_mode) : 0;
  return (void)from, result;
}
BY(by_lstat) {
  struct stat info;
  const long result = syscall(SYS_lstat, path, &info);
  answer_kind = result == 0 ? kind_of(info.st_mode) : 0;
  return (void)from, result;
}
BY(by_newfstatat) { return syscall(SYS_newfstatat, from, path, room, 0); }
BY(by_newfstatat_nofollow) { return syscall(SYS_newfstatat, from, path, room, flag_nofollow); }
BY(by_newfstatat_empty) { return syscall(SYS_newfstatat, from, path, room, flag_empty); }
BY(by_statx) { return syscall(SYS_statx, from, path, 0, 0xfff, room); }
BY(by_statx_nofollow) { return syscall(SYS_statx, from, path, flag_nofollow, 0xfff, room); }
BY(by_statx_empty) { return syscall(SYS_statx, from, path, flag_empty, 0xfff, room); }
BY(by_access) { return (void)from, syscall(SYS_access, path, F_OK); }
BY(by_access_read) { return (void)from, syscall(SYS_access, path, R_OK); }
BY(by_faccessat) { return syscall(SYS_faccessat, from, path, F_OK); }
BY(by_faccessat2) { return syscall(SYS_faccessat2, from, path, F_OK, flag_nofollow); }
BY(by_utime) { return (void)from, syscall(SYS_utime, path, NULL); }
BY(by_utimes) { return (void)from, syscall(SYS_utimes, path, NULL); }
BY(by_futimesat) { return syscall(SYS_futimesat, from, path, NULL); }
BY(by_utimensat) { return syscall(SYS_utimensat, from, path, NULL, 0); }
BY(by_file_getattr) { return syscall(nr_file_getattr, from, path, room, 24, 0); }

// as: how a call answers in the modes of proctor: 'p' like a dead process in both, 's' in strict mode only.
// takes: whether it has a directory descriptor ('d'), or starts at the working directory ('c'). '!': it may
// change what it finds.
static const struct {
  const char* name;
  long (*call)(int from, const char* path);
  char as, takes, changes;
} calls[] = {
    {"open", by_open, 'p', 'c', 0},
    {"openat", by_openat, 'p', 'd', 0},
    {"open-path", by_path, 'p', 'd', 0},
    {"open-path-nofollow", by_path_nofollow, 'p', 'd', 0},
    {"open-directory", by_directory, 'p', 'd', 0},
    {"open-write", by_write, 'p', 'd', 0},
    {"open-create", by_create, 'p', 'd', '!'},
    {"creat", by_creat, 'p', 'c', '!'},
    {"openat2", by_open2, 'p', 'd', 0},
    {"openat2-no-xdev", by_no_xdev, 'p', 'd', 0},
    {"openat2-no-magiclinks", by_no_magic, 'p', 'd', 0},
    {"openat2-no-symlinks", by_no_links, 'p', 'd', 0},
    {"openat2-beneath", by_beneath, 'p', 'd', 0},
    {"openat2-in-root", by_in_root, 'p', 'd', 0},
    {"openat2-cached", by_cached, 'p', 'd', 0},
    {"openat2-path", by_path2, 'p', 'd', 0},
    {"getdents", by_getdents, 'p', 'd', 0},
    {"getdents64", by_getdents64, 'p', 'd', 0},
    {"readlink", by_readlink, 'p', 'c', 0},
    {"readlinkat", by_readlinkat, 'p', 'd', 0},
    {"chdir", by_chdir, 'p', 'c', 0},
    {"fchdir", by_fchdir, 'p', 'd', 0},
    {"execve", by_execve, 'p', 'c', 0},
    {"execveat", by_execveat, 'p', 'd', 0},
    {"name_to_handle_at", by_handle, 'p', 'd', 0},
    {"name_to_handle_at-follow", by_handle_follow, 'p', 'd', 0},
    {"fanotify_mark", by_fanotify, 'p', 'd', 0},
    {"getxattr", by_getxattr, 'p', 'c', 0},
    {"lgetxattr", by_lgetxattr, 'p', 'c', 0},
    {"getxattrat", by_getxattrat, 'p', 'd', 0},
    {"statfs", by_statfs, 's', 'c', 0},
    {"inotify_add_watch", by_inotify, 'p', 'c', 0},
    {"listxattr", by_listxattr, 's', 'c', 0},
    {"llistxattr", by_llistxattr, 's', 'c', 0},
    {"listxattrat", by_listxattrat, 's', 'd', 0},
    {"setxattr", by_setxattr, 's', 'c', '!'},
    {"lsetxattr", by_lsetxattr, 's', 'c', '!'},
    {"setxattrat", by_setxattrat, 's', 'd', '!'},
    {"removexattr", by_removexattr, 's', 'c', '!'},
    {"lremovexattr", by_lremovexattr, 's', 'c', '!'},
    {"removexattrat", by_removexattrat, 's', 'd', '!'},
    {"stat", by_stat, 's', 'c', 0},
    {"lstat", by_lstat, 's', 'c', 0},
    {"newfstatat", by_newfstatat, 's', 'd', 0},
    {"newfstatat-nofollow", by_newfstatat_nofollow, 's', 'd', 0},
    {"newfstatat-empty", by_newfstatat_empty, 's', 'd', 0},
    {"statx", by_statx, 's', 'd', 0},
    {"statx-nofollow", by_statx_nofollow, 's', 'd', 0},
    {"statx-empty", by_statx_empty, 's', 'd', 0},
    {"access", by_access, 's', 'c', 0},
    {"access-read", by_access_read, 's', 'c', 0},
    {"faccessat", by_faccessat, 's', 'd', 0},
    {"faccessat2", by_faccessat2, 's', 'd', 0},
    {"utime", by_utime, 's', 'c', '!'},
    {"utimes", by_utimes, 's', 'c', '!'},
    {"futimesat", by_futimesat, 's', 'd', '!'},
    {"utimensat", by_utimensat, 's', 'd', '!'},
    {"file_getattr", by_file_getattr, 's', 'd', 0},
};

// Ends where the mapping does: nothing may look beyond.
static char* at_the_edge(const char* text, size_t bytes) {
  static char* page;
  if (page == NULL) page = mmap(NULL, 3 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (page == MAP_FAILED || munmap(page + 2 * 4096, 4096) != 0) die("the edge");
  return memcpy(page + 2 * 4096 - bytes, text, bytes);
}

static bool leads_away(const char* path) {
  static const char* const ways[] = {"root", "exe", "etc/", "/cwd", "/fd/", "map_files"};
  for (size_t i = 0; i < sizeof ways / sizeof *ways; ++i)
    if (strstr(path, ways[i]) != NULL) return true;
  return false;
}

static void answer(size_t call, int start, const char* path) {
  const bool from_cwd = calls[call].takes == 'c';
  if (fchdir(from_cwd && start != AT_FDCWD ? start : proc_fd) != 0) die("fchdir");
  answer_kind = 0;
  errno = 0;
  const long result = calls[call].call(start, path);
  printf(" %s=%d%c", calls[call].name, error_of(result), result >= 0 && answer_kind != 0 ? answer_kind : '.');
}

// One path a line: `name=errno.` or `name=0-`, where a letter tells what was found. A call that would change
// what is not of /proc is left out where the path may lead to it.
static void answer_all(int from, const char* path, const char* name, bool may_change) {
  const int starts[] = {AT_FDCWD, 101, proc_fd, 102};
  printf("%s:", name);
  for (size_t call = 0; call < sizeof calls / sizeof *calls; ++call)
    if (calls[call].changes == 0 || may_change) answer(call, starts[from], path);
  putchar('\n');
}

static void replace_all(char* into, const char* text, char what, const char* by) {
  for (; *text != '\0'; ++text) {
    if (*text == what)
      into = stpcpy(into, by);
    else
      *into++ = *text;
  }
  *into = '\0';
}

// paths PID|own DIRECTORY: from standard input, each ended by a NUL, `L` NAME, TEXT: a link to make in
// DIRECTORY; and `0` to `3` and a path: as in spell_paths(). '%' stands for the pid, '@' for DIRECTORY, '*'
// for as many slashes as make a path of 4095 bytes, '+' of 4096. Prints `calls` with their classes first.
int paths_by_all_calls(int argc, char** argv) {
  if (argc != 3) return 98;
  char own[32], word[path_bytes_max], text[2 * path_bytes_max], padded[4 * path_bytes_max], name[64];
  snprintf(own, sizeof own, "%d", getpid());
  const char* pid = strcmp(argv[1], "own") == 0 ? own : argv[1];
  watches = inotify_init1(IN_CLOEXEC);
  const int starts[] = {open("/proc", O_RDONLY), open("/", O_RDONLY), open("/proc/self", O_RDONLY)};
  for (int i = 0; i < 3; ++i)
    if (dup2(starts[i], proc_fd + i) < 0) die("a start");
  for (size_t i = 0; i < sizeof calls / sizeof *calls; ++i) printf(" %s=%c", calls[i].name, calls[i].as);
  putchar('\n');

  char* link_name = NULL;
  size_t length = 0;
  for (long number = 0; (length = 0, true);) {
    int byte;
    while ((byte = getchar()) != EOF && byte != '\0' && length < sizeof word - 1) word[length++] = (char)byte;
    if (byte == EOF) break;
    word[length] = '\0';
    replace_all(padded, word + 1, '@', argv[2]);
    replace_all(text, padded, '%', pid);
    if (word[0] == 'L') {
      if (link_name == NULL) {
        link_name = strdup(text);
        continue;
      }
      if (symlink(text, link_name) != 0 && errno != EEXIST) die(link_name);
      free(link_name);
      link_name = NULL;
      continue;
    }
    const char* const filler = strpbrk(text, "*+");
    if (filler != NULL) {
      const size_t wanted = *filler == '*' ? 4095 : 4096, before = (size_t)(filler - text);
      memcpy(padded, text, before);
      memset(padded + before, '/', wanted - (strlen(text) - 1));
      strcpy(padded + before + wanted - (strlen(text) - 1), filler + 1);
    } else {
      strcpy(padded, text);
    }
    snprintf(name, sizeof name, "%ld", number++);
    answer_all(word[0] - '0', at_the_edge(padded, strlen(padded) + 1), name, !leads_away(padded));
  }
  snprintf(text, sizeof text, "/proc/%s/stat", pid);
  answer_all(0, at_the_edge(text, strlen(text)), "runs-off", true);
  answer_all(0, NULL, "null", true);
  return 0;
}
