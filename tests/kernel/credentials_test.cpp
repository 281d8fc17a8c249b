#include "kernel/credentials.hpp"

#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <string>
#include <thread>

#include "kernel/pidfd.hpp"
#include "kernel/unique_fd.hpp"
#include "support/catch.hpp"
#include "tests/kernel/child.hpp"
#include "tests/kernel/descriptors.hpp"
#include "tests/kernel/ordinary_user.hpp"
#include "tests/kernel/temporary_directory.hpp"

using namespace proctor::kernel;
using namespace proctor::tests;

namespace {

/// The credentials of an ordinary user without any privilege.
Credentials ordinary() {
  return {
      .fsuid = ordinary_uid, .fsgid = ordinary_gid, .groups = {ordinary_gid}, .effective_capabilities = 0};
}

/// This thread's own.
Credentials own() {
  auto credentials = read_credentials(static_cast<pid_t>(::syscall(SYS_gettid)));
  return credentials ? *credentials : Credentials{};
}

/// Takes one capability out of this thread's effective set.
bool drop_effective(unsigned capability) {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  std::array<__user_cap_data_struct, 2> data{};
  if (::syscall(SYS_capget, &header, data.data()) != 0) return false;
  data[capability / 32].effective &= ~(1U << capability % 32);
  return ::syscall(SYS_capset, &header, data.data()) == 0;
}

bool needs_root() {
  if (is_root()) return false;
  proctor::tests::skip("only root becomes others");
  return true;
}

}  // namespace

TEST_CASE("credentials: parsing takes the file system ids, the groups and the effective capabilities") {
  const auto parsed = parse_credentials(
      "Name:\tUid:\\n\nUmask:\t0022\nUid:\t1\t2\t3\t4\nGid:\t5\t6\t7\t8\nFDSize:\t64\n"
      "Groups:\t30 10 20 \nCapInh:\t0000000000000000\nCapEff:\t000001fffeffffff\n");
  REQUIRE(parsed);
  CHECK(parsed->fsuid == 4);
  CHECK(parsed->fsgid == 8);
  CHECK(parsed->groups == std::vector<gid_t>{10, 20, 30});
  CHECK(parsed->effective_capabilities == 0x1fffeffffffULL);
  const auto no_groups = parse_credentials("Uid:\t0\t0\t0\t0\nGid:\t0\t0\t0\t0\nGroups:\t\nCapEff:\t0\n");
  REQUIRE(no_groups);
  CHECK(no_groups->groups.empty());
}

TEST_CASE("credentials: fixed are those of one user without capabilities or a way to gain any") {
  const auto status = [](const char* uid, const char* gid, const char* permitted, const char* no_new_privs) {
    return std::string("Name:\tx\nUid:\t") + uid + "\nGid:\t" + gid + "\nGroups:\t\nCapPrm:\t" + permitted +
           "\nCapEff:\t0000000000000000\nNoNewPrivs:\t" + no_new_privs + "\n";
  };
  const std::string none = "0000000000000000";
  CHECK(are_fixed_credentials(status("7\t7\t7\t7", "8\t8\t8\t8", none.c_str(), "1")));
  CHECK_FALSE(are_fixed_credentials(status("7\t7\t0\t7", "8\t8\t8\t8", none.c_str(), "1")));
  CHECK_FALSE(are_fixed_credentials(status("7\t7\t7\t7", "8\t8\t9\t8", none.c_str(), "1")));
  CHECK_FALSE(are_fixed_credentials(status("7\t7\t7\t7", "8\t8\t8\t8", "0000000000000080", "1")));
  CHECK_FALSE(are_fixed_credentials(status("7\t7\t7\t7", "8\t8\t8\t8", none.c_str(), "0")));
  CHECK_FALSE(are_fixed_credentials("Uid:\t7\t7\t7\t7\nGid:\t8\t8\t8\t8\n"));
  CHECK_FALSE(are_fixed_credentials(""));
}

TEST_CASE("credentials: that a thread still has them is known without reading them") {
  if (!PidFd::open(::getpid())->quick_info()) return proctor::tests::skip("the kernel has no PIDFD_GET_INFO");
  // Each step changes one thing that counts; before it the credentials are the same, after it they are not.
  using Step = bool (*)();
  struct Change {
    const char* what;
    Step step;
    bool is_seen;
  };
  const auto change = GENERATE(
      Change{"the uid", [] { return ::setresuid(ordinary_uid, ordinary_uid, ordinary_uid) == 0; }, true},
      Change{"the file system's uid alone", [] { return ::setfsuid(ordinary_uid) == 0; }, true},
      Change{"the gid", [] { return ::setresgid(ordinary_gid, ordinary_gid, ordinary_gid) == 0; }, true},
      Change{"groups, without the right to override modes",
             [] { return drop_effective(CAP_DAC_OVERRIDE) && ::setgroups(0, nullptr) == 0; }, true},
      Change{"nothing", [] { return true; }, false});
  CAPTURE(change.what);
  if (change.is_seen && needs_root()) return;
  Shared<std::atomic<int>> stage;
  const Child child([&] {
    while (*stage == 0) ::sched_yield();
    *stage = change.step() ? 2 : 3;
    return wait_for_ever();
  });
  const auto before = read_credentials(child.pid());
  REQUIRE(before);
  const auto held = PidFd::open(child.pid());
  REQUIRE(held);
  if (is_root()) CHECK(surely_has(child.pid(), *held, *before));
  *stage = 1;
  REQUIRE(eventually([&] { return *stage > 1; }));
  REQUIRE(*stage == 2);
  CHECK(surely_has(child.pid(), *held, *before) != change.is_seen);
}

TEST_CASE("credentials: text that is no status is EPROTO") {
  const std::string uid = "Uid:\t0\t0\t0\t0\n";
  const std::string gid = "Gid:\t0\t0\t0\t0\n";
  const std::string groups = "Groups:\t1\n";
  const std::string caps = "CapEff:\tff\n";
  REQUIRE(parse_credentials(uid + gid + groups + caps));
  for (const auto& text :
       {std::string(), gid + groups + caps, uid + groups + caps, uid + gid + caps, uid + gid + groups,
        "Uid:\t0\t0\t0\n" + gid + groups + caps, "Uid:\t0\t0\t0\t-1\n" + gid + groups + caps,
        uid + "Gid:\t0\t0\t0\t99999999999\n" + groups + caps, uid + gid + "Groups:\tx\n" + caps,
        uid + gid + groups + "CapEff:\tff"}) {
    CAPTURE(text);
    const auto parsed = parse_credentials(text);
    REQUIRE_FALSE(parsed);
    CHECK(parsed.error().number == EPROTO);
  }
}

TEST_CASE("credentials: a task's are read, one that is gone is ENOENT or ESRCH") {
  const auto mine = read_credentials(::getpid());
  REQUIRE(mine);
  CHECK(mine->fsuid == ::geteuid());
  CHECK(mine->fsgid == ::getegid());
  CHECK((mine->effective_capabilities != 0) == is_root());

  Child child([] { return 0; });
  const pid_t pid = child.pid();
  child.wait();
  const auto gone = read_credentials(pid);
  REQUIRE_FALSE(gone);
  CHECK((gone.error().number == ENOENT || gone.error().number == ESRCH));
}

TEST_CASE("credentials: capabilities in another user namespace count for nothing") {
  // The attack: unshare(CLONE_NEWUSER) gives anybody a full CapEff, which a root supervisor must not take
  // for its own namespace's.
  struct State {
    std::atomic<int> step{0};
  };
  Shared<State> state;
  const Child child([&] {
    if (is_root() && !become_ordinary()) return 1;
    ::prctl(PR_SET_DUMPABLE, 1);
    state->step = ::unshare(CLONE_NEWUSER) == 0 ? 1 : -1;
    return wait_for_ever();
  });
  REQUIRE(eventually([&] { return state->step != 0; }));
  if (state->step < 0) {
    proctor::tests::skip("ordinary users may not make user namespaces here");
    return;
  }
  const auto credentials = read_credentials(child.pid());
  REQUIRE(credentials);
  CHECK(credentials->effective_capabilities == 0);
}

TEST_CASE("credentials: equal ones make no system call") {
  const Credentials mine = own();
  const Credentials same = mine;
  CHECK(exit_code_of([&] {
          // From here on anything but read, write and exit kills.
          if (::prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT) != 0) return 2;
          int code = 1;
          {
            const auto assumed = AssumedCredentials::assume(same, mine);
            if (assumed) code = 0;
          }
          ::syscall(SYS_exit, code);
          return 3;
        }) == 0);
}

TEST_CASE("credentials: root that acts as an ordinary user has no more rights than that") {
  if (needs_root()) return;
  const TemporaryDirectory directory;
  const std::string secret = directory / "secret";
  write_file(secret, "text");
  REQUIRE(::chmod(secret.c_str(), 0600) == 0);
  const Credentials mine = own();
  const Credentials theirs = ordinary();
  {
    const auto assumed = AssumedCredentials::assume(theirs, mine);
    REQUIRE(assumed);
    CHECK(own() == theirs);
    CHECK(open_errno(secret, O_RDONLY) == EACCES);
    CHECK(open_errno("/etc/shadow", O_RDONLY) == EACCES);
    // Judged by euid, not fsuid: a program named there runs as root.
    CHECK(open_errno("/proc/sys/kernel/core_pattern", O_WRONLY) == EACCES);
    CHECK(open_errno("/proc/1/environ", O_RDONLY) == EACCES);
    CHECK(open_errno("/proc/1/mem", O_RDONLY) == EACCES);

    CHECK(open_errno(directory / "made", O_WRONLY | O_CREAT | O_EXCL) == 0);
    struct stat status {};
    REQUIRE(::stat((directory / "made").c_str(), &status) == 0);
    CHECK(status.st_uid == ordinary_uid);
    CHECK(status.st_gid == ordinary_gid);
  }
  CHECK(own() == mine);
  CHECK(open_errno(secret, O_RDWR) == 0);
  CHECK(open_errno("/proc/sys/kernel/core_pattern", O_WRONLY) == 0);
  std::array<uid_t, 3> uids{};
  REQUIRE(::getresuid(&uids[0], &uids[1], &uids[2]) == 0);
  CHECK(uids == std::array<uid_t, 3>{0, 0, 0});
}

TEST_CASE("credentials: groups are the target's, and come back") {
  if (needs_root()) return;
  const TemporaryDirectory directory;
  const std::string shared = directory / "shared";
  write_file(shared, "text");
  REQUIRE(::chown(shared.c_str(), 0, 4242) == 0);
  REQUIRE(::chmod(shared.c_str(), 0640) == 0);
  const Credentials mine = own();
  Credentials in_group = ordinary();
  in_group.groups = {4242, 65534};
  {
    const auto assumed = AssumedCredentials::assume(in_group, mine);
    REQUIRE(assumed);
    CHECK(open_errno(shared, O_RDONLY) == 0);
    CHECK(open_errno(shared, O_WRONLY) == EACCES);
  }
  const Credentials outside = ordinary();
  {
    const auto assumed = AssumedCredentials::assume(outside, mine);
    REQUIRE(assumed);
    CHECK(open_errno(shared, O_RDONLY) == EACCES);
  }
  CHECK(own() == mine);
}

TEST_CASE("credentials: of one user with fewer capabilities only those go") {
  if (needs_root()) return;
  const TemporaryDirectory directory;
  const std::string others = directory / "others";
  write_file(others, "text");
  REQUIRE(::chown(others.c_str(), ordinary_uid, ordinary_gid) == 0);
  REQUIRE(::chmod(others.c_str(), 0600) == 0);
  const Credentials mine = own();
  Credentials powerless = mine;
  powerless.effective_capabilities = 0;
  {
    const auto assumed = AssumedCredentials::assume(powerless, mine);
    REQUIRE(assumed);
    CHECK(own() == powerless);
    CHECK(open_errno(others, O_RDONLY) == EACCES);
  }
  CHECK(own() == mine);
  CHECK(open_errno(others, O_RDONLY) == 0);
}

TEST_CASE("credentials: a supervisor of fewer rights acts with its own") {
  CHECK(exit_code_of([] {
          ChildChecks check;
          if (is_root()) check(become_ordinary(), "become an ordinary user");
          ::prctl(PR_SET_DUMPABLE, 1);
          const Credentials mine = own();
          Credentials mighty = mine;
          mighty.effective_capabilities = ~std::uint64_t{0};
          const auto assumed = AssumedCredentials::assume(mighty, mine);
          check(assumed.has_value(), "assume the capabilities there are");
          check(own() == mine, "they are no more than before");
          return check.exit_code();
        }) == 0);
}

TEST_CASE("credentials: an unprivileged supervisor becomes nobody else, and stays what it was") {
  CHECK(exit_code_of([] {
          ChildChecks check;
          if (is_root()) check(become_ordinary(), "become an ordinary user");
          ::prctl(PR_SET_DUMPABLE, 1);
          const Credentials mine = own();
          Credentials other_user = mine;
          other_user.fsuid = mine.fsuid - 1;
          Credentials other_group = mine;
          other_group.fsgid = mine.fsgid - 1;
          Credentials more_groups = mine;
          more_groups.groups.push_back(mine.fsgid - 1);
          for (const Credentials& target : {other_user, other_group, more_groups}) {
            const auto assumed = AssumedCredentials::assume(target, mine);
            check(!assumed && assumed.error().number == EPERM, "EPERM");
            check(own() == mine, "nothing has changed");
          }
          return check.exit_code();
        }) == 0);
}

TEST_CASE("credentials: other threads keep theirs") {
  if (needs_root()) return;
  const Credentials mine = own();
  const Credentials theirs = ordinary();
  std::atomic<int> step{0};
  Credentials seen;
  std::thread other([&] {
    if (eventually([&] { return step == 1; })) seen = own();
    step = 2;
  });
  {
    const auto assumed = AssumedCredentials::assume(theirs, mine);
    const bool right = assumed && own() == theirs;
    step = 1;
    const bool waited = eventually([&] { return step == 2; });
    other.join();
    REQUIRE(right);
    REQUIRE(waited);
  }
  CHECK(seen == mine);
}

TEST_CASE("credentials: a uid_map opened for an ordinary user does not carry root's power") {
  if (needs_root()) return;
  // The attack: an ordinary user's process in a user namespace has a root supervisor open its uid_map, and
  // maps the real root into it.
  Shared<std::atomic<int>> step;
  const Child child([&] {
    if (!become_ordinary()) return 1;
    ::prctl(PR_SET_DUMPABLE, 1);
    *step = ::unshare(CLONE_NEWUSER) == 0 ? 1 : -1;
    return wait_for_ever();
  });
  REQUIRE(eventually([&] { return step->load() != 0; }));
  if (*step < 0) {
    proctor::tests::skip("ordinary users may not make user namespaces here");
    return;
  }
  const std::string path = "/proc/" + std::to_string(child.pid()) + "/uid_map";
  const Credentials mine = own();
  const auto theirs = read_credentials(child.pid());
  REQUIRE(theirs);
  UniqueFd opened;
  {
    const auto assumed = AssumedCredentials::assume(*theirs, mine);
    REQUIRE(assumed);
    opened.reset(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  }
  REQUIRE(opened);
  const std::string_view root_map = "0 0 1\n";
  CHECK(::write(opened.get(), root_map.data(), root_map.size()) == -1);
  CHECK(errno == EPERM);
  // With root's own credentials the same write works: the check above means something.
  const UniqueFd as_root(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  CHECK(::write(as_root.get(), root_map.data(), root_map.size()) == static_cast<ssize_t>(root_map.size()));
}

TEST_CASE("credentials: moved from, they restore nothing; the last owner does") {
  if (needs_root()) return;
  const Credentials mine = own();
  const Credentials theirs = ordinary();
  {
    auto assumed = AssumedCredentials::assume(theirs, mine);
    REQUIRE(assumed);
    const AssumedCredentials last(*std::move(assumed));
    { const auto gone = std::move(assumed); }
    CHECK(own() == theirs);
  }
  CHECK(own() == mine);
}
