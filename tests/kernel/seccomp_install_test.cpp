#include "kernel/seccomp_install.hpp"

#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <vector>

#include "kernel/uapi.hpp"
#include "support/catch.hpp"
#include "tests/kernel/child.hpp"
#include "tests/kernel/ordinary_user.hpp"

using namespace proctor::kernel;
using namespace proctor::tests;

namespace {

/// Notifies of getpgid only.
const std::array<sock_filter, 4> program{
    sock_filter BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
    sock_filter BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getpgid, 0, 1),
    sock_filter BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
    sock_filter BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
};

int error_of(const Result<InstalledFilter>& result) { return result ? 0 : result.error().number; }

/// Runs `body` in a child that may install filters.
template <class Body>
int in_child(Body body) {
  return exit_code_of([&body] {
    ChildChecks check;
    if (is_root()) check(become_ordinary(), "become an ordinary user");
    body(check);
    return check.exit_code();
  });
}

}  // namespace

TEST_CASE("seccomp install: a listener, close-on-exec, and what the kernel took") {
  CHECK(in_child([](ChildChecks& check) {
          ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
          const auto installed = install_notifying_filter(program);
          check(installed.has_value(), "installed");
          check((::fcntl(installed->listener.get(), F_GETFD) & FD_CLOEXEC) != 0, "close-on-exec");
          check(error_of(install_notifying_filter(program)) == EBUSY, "a second listener is EBUSY");
        }) == 0);
}

TEST_CASE("seccomp install: a kernel without WAIT_KILLABLE_RECV is asked again, and it is said") {
  CHECK(in_child([](ChildChecks& check) {
          const scmp_filter_ctx old_kernel = ::seccomp_init(SCMP_ACT_ALLOW);
          const scmp_arg_cmp with_flag{1, SCMP_CMP_MASKED_EQ, SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV,
                                       SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV};
          check(
              ::seccomp_rule_add_array(old_kernel, SCMP_ACT_ERRNO(EINVAL), SYS_seccomp, 1, &with_flag) == 0 &&
                  ::seccomp_load(old_kernel) == 0,
              "play an old kernel");
          const auto installed = install_notifying_filter(program);
          check(installed.has_value() && !installed->wait_killable, "installed without");
        }) == 0);
}

TEST_CASE("seccomp install: what cannot be is an error") {
  CHECK(in_child([](ChildChecks& check) {
          check(error_of(install_notifying_filter(program)) == EACCES, "EACCES without no_new_privs");
          ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
          check(error_of(install_notifying_filter({})) == EINVAL, "an empty program");
          // 65536 + 4 instructions: cut to 16 bits it would be a valid program of other meaning.
          std::vector<sock_filter> too_long(program.begin(), program.end());
          too_long.resize(65536 + program.size(), sock_filter BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
          check(error_of(install_notifying_filter(too_long)) == EINVAL, "a program that is too long");
          const std::array<sock_filter, 1> endless{sock_filter BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0)};
          check(error_of(install_notifying_filter(endless)) == EINVAL, "a program without an end");
        }) == 0);
}
