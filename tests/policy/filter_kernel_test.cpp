#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <vector>

#include "policy/filter.hpp"
#include "support/catch.hpp"
#include "tests/policy/built_filter.hpp"

// The emitted program in the real kernel, in children that only make raw calls.
namespace proctor::policy {
namespace {

using proctor::tests::program_of;

constexpr int could_not_install = 255;

/// Runs `body` in a forked child, under `program` unless that is empty. Its return value (0 to 254); a
/// signal that ends the child is 1000 and its number.
template <class Body>
int in_child(const BpfProgram& program, Body body) {
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    if (!program.empty()) {
      // The kernel does not write to the instructions.
      const sock_fprog wanted{static_cast<unsigned short>(program.size()),
                              const_cast<sock_filter*>(program.data())};
      if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) _exit(could_not_install);
      if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &wanted) != 0) _exit(could_not_install);
    }
    _exit(body());
  }
  int status = 0;
  pid_t reaped = 0;
  do {
    reaped = waitpid(child, &status, 0);
  } while (reaped < 0 && errno == EINTR);
  REQUIRE(reaped == child);
  return WIFSIGNALED(status) ? 1000 + WTERMSIG(status) : WEXITSTATUS(status);
}

/// The errno of a call, 0 if it worked.
template <class... Arguments>
int errno_of(long number, Arguments... arguments) {
  return syscall(number, arguments...) < 0 ? errno : 0;
}

/// getpid of the i386 table. The kernel's negative errno, or the pid.
int getpid_by_int80() {
  constexpr int i386_getpid = 20;
  int result = i386_getpid;
  asm volatile("int $0x80" : "+a"(result) : : "memory", "r8", "r9", "r10", "r11");
  return result;
}

}  // namespace

TEST_CASE("filter in the kernel: refused calls fail with their errno and others work") {
  std::vector<SyscallRow> refusals;
  for (const SyscallRow& row : syscall_table()) {
    if (row.action == Action::refuse) refusals.push_back(row);
  }
  const BpfProgram program = program_of(refusals);
  constexpr unsigned long new_user = 0x10000000;
  constexpr unsigned long high_bit_33 = 1UL << 32U;

  CHECK(in_child(program, [] { return errno_of(SYS_getppid); }) == 0);
  CHECK(in_child(program, [] { return errno_of(SYS_openat, AT_FDCWD, "/", O_RDONLY); }) == 0);
  CHECK(in_child(program, [] { return errno_of(SYS_clone3, nullptr, 0); }) == ENOSYS);
  CHECK(in_child(program, [] { return errno_of(SYS_io_uring_setup, 1, nullptr); }) == ENOSYS);
  CHECK(in_child(program, [] { return errno_of(SYS_unshare, new_user); }) == EPERM);
  CHECK(in_child(program, [] { return errno_of(SYS_unshare, new_user | high_bit_33); }) == EPERM);
  CHECK(in_child(program, [] { return errno_of(SYS_unshare, 0); }) == 0);
  CHECK(in_child(program, [] { return errno_of(SYS_ioctl, -1, TIOCSTI, "x"); }) == EPERM);
  CHECK(in_child(program, [] { return errno_of(SYS_ioctl, -1, TIOCSTI | high_bit_33, "x"); }) == EPERM);
  CHECK(in_child(program, [] { return errno_of(SYS_ioctl, -1, TIOCGWINSZ, nullptr); }) == EBADF);
  CHECK(in_child(program, [] {
          return errno_of(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, nullptr);
        }) == EBUSY);
  // fork of libc, and pthread_create's fall-back from clone3, still have what they need.
  CHECK(in_child(program, [] {
          const pid_t grandchild = fork();
          if (grandchild == 0) _exit(7);
          int status = 0;
          return waitpid(grandchild, &status, 0) == grandchild ? WEXITSTATUS(status) : 99;
        }) == 7);
}

TEST_CASE("filter in the kernel: the whole program is taken, and notifies where the table says so") {
  const BpfProgram program = program_of(syscall_table());
  // Without a listener the kernel answers ENOSYS for what it would notify.
  CHECK(in_child(program, [] { return errno_of(SYS_openat, AT_FDCWD, "/", O_RDONLY); }) == ENOSYS);
  CHECK(in_child(program, [] { return errno_of(SYS_getpgid, 1); }) == ENOSYS);
  CHECK(in_child(program, [] { return errno_of(SYS_getpgid, 0); }) == 0);
  CHECK(in_child(program, [] { return errno_of(SYS_getpriority, 0, 0); }) == 0);
  CHECK(in_child(program, [] { return errno_of(SYS_getpriority, 0, 1); }) == ENOSYS);
}

TEST_CASE("filter in the kernel: int 0x80 reaches no i386 call") {
  const BpfProgram program = program_of(syscall_table());
  if (in_child({}, [] { return getpid_by_int80() > 0 ? 0 : 1; }) != 0) {
    proctor::tests::skip("this kernel has no i386 calls");
    return;
  }
  CHECK(in_child(program, [] { return getpid_by_int80() == -ENOSYS ? 0 : 1; }) == 0);
}

TEST_CASE("filter in the kernel: x32 numbers do not exist") {
  const BpfProgram program = program_of(syscall_table());
  CHECK(in_child(program, [] { return errno_of(0x40000000L | SYS_getpid); }) == ENOSYS);
}

}  // namespace proctor::policy
