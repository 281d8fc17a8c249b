#include "kernel/probe.hpp"

#include <linux/landlock.h>
#include <seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <set>
#include <string>

#include "kernel/landlock.hpp"
#include "kernel/proc_stat.hpp"
#include "kernel/uapi.hpp"
#include "support/catch.hpp"
#include "tests/kernel/child.hpp"
#include "tests/kernel/descriptors.hpp"
#include "tests/kernel/ordinary_user.hpp"

using namespace proctor::kernel;
using namespace proctor::tests;

namespace {

/// Whether the kernel is at least this.
bool release_at_least(const Capabilities& found, int major, int minor) {
  int its_major = 0;
  int its_minor = 0;
  if (std::sscanf(found.kernel_release.c_str(), "%d.%d", &its_major, &its_minor) != 2) return false;
  return its_major > major || (its_major == major && its_minor >= minor);
}

const Feature& feature(const Capabilities& found, std::string_view name) {
  const auto at = std::find_if(found.features.begin(), found.features.end(),
                               [name](const Feature& f) { return f.name == name; });
  REQUIRE(at != found.features.end());
  return *at;
}

/// What probe() finds where `call`, with `argument` == `value`, fails with `number`; as the names of
/// the features that are missing, separated by blanks, and their details.
std::string missing_where(int call, int number, std::optional<scmp_arg_cmp> when = {}) {
  Shared<std::array<char, 4096>> said;
  const int code = exit_code_of([&] {
    const scmp_filter_ctx filter = ::seccomp_init(SCMP_ACT_ALLOW);
    const scmp_arg_cmp compare = when.value_or(scmp_arg_cmp{});
    if (::seccomp_rule_add_array(filter, SCMP_ACT_ERRNO(static_cast<std::uint32_t>(number)), call,
                                 when ? 1 : 0, &compare) != 0 ||
        ::seccomp_load(filter) != 0) {
      return 2;
    }
    std::string text;
    for (const Feature& f : probe().features) {
      if (!f.present) text += std::string(f.name) + ": " + f.detail + "\n";
    }
    text.copy(said->data(), said->size() - 1);
    return 0;
  });
  REQUIRE(code == 0);
  return said->data();
}

/// The names in what missing_where() said.
std::set<std::string> names(const std::string& said) {
  std::set<std::string> all;
  for (std::size_t at = 0; at < said.size(); at = said.find('\n', at) + 1) {
    all.insert(said.substr(at, said.find(':', at) - at));
  }
  return all;
}

}  // namespace

TEST_CASE("probe: every row is complete, and named in kebab-case once") {
  const auto found = probe();
  CHECK_FALSE(found.kernel_release.empty());
  std::set<std::string_view> seen;
  for (const Feature& f : found.features) {
    CAPTURE(f.name);
    CHECK(seen.insert(f.name).second);
    CHECK(f.name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") == std::string_view::npos);
    CHECK_FALSE(f.detail.empty());
    CHECK(f.since.find('.') != std::string_view::npos);
    CHECK_FALSE(f.without.empty());
  }
  for (const char* name : {"seccomp-notify", "seccomp-add-fd", "seccomp-wait-killable", "pidfd-open",
                           "pidfd-getfd", "remote-memory-read", "remote-memory-write"}) {
    CHECK(feature(found, name).need == Need::required);
  }
  CHECK(feature(found, "landlock").need == Need::safety);
  for (const char* name : {"seccomp-sync-wake-up", "landlock-refer", "landlock-signal-scope", "pidfd-thread",
                           "pidfd-get-info", "pidfd-exit-info", "proc-children"}) {
    CHECK(feature(found, name).need == Need::fallback);
  }
}

TEST_CASE("probe: a kernel of this age has what it should, as root and as an ordinary user") {
  const auto check_all = [] {
    ChildChecks check;
    const auto found = probe();
    for (const Feature& f : found.features) {
      int major = 0;
      int minor = 0;
      check(std::sscanf(std::string(f.since).c_str(), "%d.%d", &major, &minor) == 2, "since is a version");
      // Options of the kernel's build, not of its age.
      if (f.name.starts_with("landlock") && !landlock_abi()) continue;
      if (f.name == "proc-children" && !read_children(::getpid())) continue;
      if (release_at_least(found, major, minor)) {
        check(f.present, (std::string(f.name) + ": " + f.detail).c_str());
      }
    }
    check(found.missing().empty() || !release_at_least(found, 5, 19), "nothing required is missing");
    check(found.has("seccomp-notify") == found.features.front().present, "has() says what the row says");
    check(!found.has("no-such-feature"), "has() of what is not there");
    return check.exit_code();
  };
  CHECK(exit_code_of(check_all) == 0);
  if (is_root()) CHECK(exit_code_of([&] { return become_ordinary() ? check_all() : 2; }) == 0);
}

TEST_CASE("probe: leaves no child, no descriptor and no signal behind") {
  sigset_t none;
  sigset_t mask_before;
  ::sigemptyset(&none);
  ::pthread_sigmask(SIG_SETMASK, &none, &mask_before);
  (void)probe();  // what a first use opens for good
  const std::size_t before = open_descriptors();
  struct sigaction count {};
  static volatile std::sig_atomic_t signals = 0;
  count.sa_handler = [](int) { signals = signals + 1; };
  struct sigaction old {};
  ::sigaction(SIGCHLD, &count, &old);
  (void)probe();
  ::sigaction(SIGCHLD, &old, nullptr);
  CHECK(signals == 0);
  CHECK(open_descriptors() == before);
  CHECK(::waitpid(-1, nullptr, WNOHANG | __WALL) == -1);
  CHECK(errno == ECHILD);
  sigset_t mask_after;
  ::pthread_sigmask(SIG_SETMASK, &mask_before, &mask_after);
  CHECK(::sigisemptyset(&mask_after) == 1);
}

TEST_CASE("probe: works where SIGCHLD is ignored and the process is not dumpable") {
  CHECK(exit_code_of([] {
          ChildChecks check;
          ::signal(SIGCHLD, SIG_IGN);
          if (is_root()) check(become_ordinary(), "become an ordinary user");
          const std::size_t expected = [] {
            const auto dumpable = (::prctl(PR_SET_DUMPABLE, 1), probe());
            return static_cast<std::size_t>(std::count_if(dumpable.features.begin(), dumpable.features.end(),
                                                          [](const Feature& f) { return f.present; }));
          }();
          ::prctl(PR_SET_DUMPABLE, 0);
          const auto found = probe();
          const auto present = std::count_if(found.features.begin(), found.features.end(),
                                             [](const Feature& f) { return f.present; });
          check(static_cast<std::size_t>(present) == expected, "the same features");
          return check.exit_code();
        }) == 0);
}

TEST_CASE("probe: an old kernel's answers are reported as what they are") {
  const auto argument = [](unsigned int index, std::uint64_t value) {
    return scmp_arg_cmp{index, SCMP_CMP_EQ, value, 0};
  };
  const auto full = probe();
  if (!full.missing().empty() || !full.has("pidfd-exit-info") || !full.has("landlock-signal-scope")) {
    proctor::tests::skip("this kernel lacks features already");
    return;
  }
  using Names = std::set<std::string>;
  SECTION("before 6.6: no SYNC_WAKE_UP") {
    const auto said = missing_where(SYS_ioctl, EINVAL, argument(1, SECCOMP_IOCTL_NOTIF_SET_FLAGS));
    CHECK(names(said) == Names{"seccomp-sync-wake-up"});
  }
  SECTION("before 5.19: no WAIT_KILLABLE_RECV") {
    const auto said =
        missing_where(SYS_seccomp, EINVAL,
                      argument(1, SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV));
    CHECK(names(said) == Names{"seccomp-wait-killable"});
    CHECK(said.find("WAIT_KILLABLE_RECV") != std::string::npos);
  }
  SECTION("before 5.9: no ADDFD") {
    const auto said = missing_where(SYS_ioctl, EINVAL, argument(1, SECCOMP_IOCTL_NOTIF_ADDFD));
    CHECK(names(said) == Names{"seccomp-add-fd"});
    CHECK(said.find("EINVAL") != std::string::npos);
  }
  SECTION("no seccomp listeners at all") {
    const auto said = missing_where(SYS_seccomp, ENOSYS);
    CHECK(names(said) ==
          Names{"seccomp-notify", "seccomp-add-fd", "seccomp-wait-killable", "seccomp-sync-wake-up"});
    CHECK(said.find("ENOSYS") != std::string::npos);
  }
  SECTION("no Landlock") {
    const auto said = missing_where(SYS_landlock_create_ruleset, EOPNOTSUPP);
    CHECK(names(said) == Names{"landlock", "landlock-refer", "landlock-signal-scope"});
    CHECK(said.find("EOPNOTSUPP") != std::string::npos);
  }
  SECTION("a Landlock that does not enforce") {
    // The ruleset is taken, and nothing follows from it: only trying shows that.
    const auto said = missing_where(SYS_landlock_restrict_self, 0);
    CHECK(names(said).contains("landlock"));
    CHECK(names(said).contains("landlock-signal-scope"));
  }
  SECTION("before 6.13: no PIDFD_GET_INFO") {
    const auto said = missing_where(SYS_ioctl, ENOTTY, argument(1, uapi::pidfd_get_info));
    CHECK(names(said) == Names{"pidfd-get-info", "pidfd-exit-info"});
  }
  SECTION("before 6.9: no PIDFD_THREAD") {
    const auto said = missing_where(SYS_pidfd_open, EINVAL, argument(1, PIDFD_THREAD));
    CHECK(names(said) == Names{"pidfd-thread"});
  }
  SECTION("no pidfds") {
    const auto said = missing_where(SYS_pidfd_open, ENOSYS);
    CHECK(names(said) ==
          Names{"pidfd-open", "pidfd-getfd", "pidfd-thread", "pidfd-get-info", "pidfd-exit-info"});
  }
  SECTION("no pidfd_getfd") {
    const auto said = missing_where(SYS_pidfd_getfd, EPERM);
    CHECK(names(said) == Names{"pidfd-getfd"});
  }
  SECTION("no writing to another's memory") {
    const auto said = missing_where(SYS_process_vm_writev, ENOSYS);
    CHECK(names(said) == Names{"remote-memory-write"});
  }
}
