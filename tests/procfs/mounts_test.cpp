// Procfs by other ways than the one mount: chroots, bind mounts, other instances and namespaces.
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>

#include "procfs/gate.hpp"
#include "support/catch.hpp"
#include "tests/procfs/fixture.hpp"

namespace proctor::tests {
namespace {

using procfs::Backstop;
using procfs::Listing;
using procfs::PathHints;
using procfs::ProcGate;

bool may_mount() {
  if (::geteuid() == 0) return true;
  skip("mounting needs root");
  return false;
}

void must(bool done) {
  if (!done) ::_exit(3);
}

/// In a mount namespace of its own, as a forked target.
Target mounting_target(const std::function<void()>& mount_things) {
  return Target([&] {
    ::prctl(PR_SET_NAME, "the-target");
    must(::unshare(CLONE_NEWNS) == 0);
    must(::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0);
    mount_things();
  });
}

}  // namespace

TEST_CASE("mounts: a target in a chroot is served from its own root, and does not leave it") {
  if (!may_mount()) return;
  const TemporaryDirectory directory;
  std::filesystem::create_directory(directory.path + "/proc");
  std::filesystem::create_directory(directory.path + "/sub");
  std::filesystem::create_symlink("/proc/self/comm", directory.path + "/sub/link");
  const Target target = mounting_target([&] {
    must(::mount("/proc", (directory.path + "/proc").c_str(), nullptr, MS_BIND, nullptr) == 0);
    must(::chroot(directory.path.c_str()) == 0 && ::chdir("/sub") == 0);
  });
  REQUIRE(target.is_ready());
  FakeMembers members({target.pid()});
  ProcGate gate(members);
  for (const char* path :
       {"/proc/self/comm", "/../../proc/self/comm", "../proc/self/comm", "../../../proc/self/comm", "link",
        "/sub/link", "/proc/self/cwd/../proc/self/comm"}) {
    CAPTURE(path);
    CHECK(content_of(gate.open(request_of(target, path))) == "the-target\n");
  }
  for (const char* path : {"/proc/1/comm", "../proc/1/comm", "/proc/self/root/proc/1/comm"}) {
    CAPTURE(path);
    CHECK(content_of(gate.open(request_of(target, path))) == "ENOENT");
  }
  CHECK(answer_of(gate.open(request_of(target, "/etc/passwd"))) == "continue");
}

TEST_CASE("mounts: another procfs of the same pid namespace is judged like the first") {
  if (!may_mount()) return;
  const TemporaryDirectory directory;
  const Target target = mounting_target([&] {
    must(::mount("proc", directory.path.c_str(), "proc", 0, nullptr) == 0 &&
         ::chdir(directory.path.c_str()) == 0);
  });
  REQUIRE(target.is_ready());
  FakeMembers members({target.pid()});
  ProcGate gate(members);
  CHECK(content_of(gate.open(request_of(target, directory.path + "/self/comm"))) == "the-target\n");
  CHECK(content_of(gate.open(request_of(target, "self/comm"))) == "the-target\n");
  CHECK(content_of(gate.open(request_of(target, directory.path + "/1/comm"))) == "ENOENT");
  CHECK(content_of(gate.open(request_of(target, "1/comm"))) == "ENOENT");
  CHECK(procfs::file_system_of(target.pid(), AT_FDCWD) == procfs::FileSystem::procfs);
}

TEST_CASE(
    "mounts: a stranger's directory mounted elsewhere, or over the target's own, is still the stranger's") {
  if (!may_mount()) return;
  const TemporaryDirectory directory;
  const Target target = mounting_target([&] {
    const std::string own = "/proc/" + std::to_string(::getpid());
    must(::mount("/proc/1", directory.path.c_str(), nullptr, MS_BIND, nullptr) == 0);
    must(::mount("/proc/1", own.c_str(), nullptr, MS_BIND, nullptr) == 0);
  });
  REQUIRE(target.is_ready());
  FakeMembers members({target.pid()});
  ProcGate gate(members);
  for (const std::string& path :
       {directory.path + "/comm", directory.path, directory.path + "/task/1/comm",
        std::string("/proc/self/comm"), "/proc/" + std::to_string(target.pid()) + "/comm"}) {
    CAPTURE(path);
    CHECK(content_of(gate.open(request_of(target, path))) == "ENOENT");
  }
}

TEST_CASE("mounts: a name that has come to mean a member's directory does not vouch for the stranger's") {
  if (!may_mount()) return;
  // In one mount namespace with the target: a descriptor of the stranger's directory, whose name a mount
  // then gives to the target's.
  const Target stranger([] { ::prctl(PR_SET_NAME, "the-stranger"); });
  const int code = exit_code_of([&] {
    must(::unshare(CLONE_NEWNS) == 0 && ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0);
    const std::string foreign = "/proc/" + std::to_string(stranger.pid());
    const int held = ::open(foreign.c_str(), O_RDONLY | O_DIRECTORY);
    const Target target;
    const std::string own = "/proc/" + std::to_string(target.pid());
    must(held >= 0 && ::mount(own.c_str(), foreign.c_str(), nullptr, MS_BIND, nullptr) == 0);
    FakeMembers members({target.pid()});
    ProcGate gate(members, PathHints({}), nullptr, Backstop::landlock);
    // The mount itself is the target's, and is served.
    if (answer_of(gate.open(request_of(target, foreign + "/comm"))) != "inject") return 1;
    return answer_of(gate.open(request_of(target, "comm", O_RDONLY, held))) == "continue" ? 0 : 2;
  });
  CHECK(code == 0);
}

TEST_CASE("mounts: a read-only /proc/sys, as container engines make it, is served") {
  if (!may_mount()) return;
  const Target target = mounting_target([] {
    must(::mount("/proc/sys", "/proc/sys", nullptr, MS_BIND, nullptr) == 0);
    must(::mount(nullptr, "/proc/sys", nullptr, MS_BIND | MS_REMOUNT | MS_RDONLY, nullptr) == 0);
  });
  REQUIRE(target.is_ready());
  FakeMembers members({target.pid()});
  ProcGate gate(members);
  CHECK(content_of(gate.open(request_of(target, "/proc/sys/kernel/ostype"))) == "Linux\n");
  CHECK(content_of(gate.open(request_of(target, "/proc/sys/../self/comm"))) == "the-target\n");
  CHECK(content_of(gate.open(request_of(target, "/proc/sys/../1/comm"))) == "ENOENT");
}

TEST_CASE("mounts: a file of another kind mounted over one of procfs is not procfs") {
  if (!may_mount()) return;
  const Target target =
      mounting_target([] { must(::mount("/dev/null", "/proc/uptime", nullptr, MS_BIND, nullptr) == 0); });
  REQUIRE(target.is_ready());
  FakeMembers members({target.pid()});
  ProcGate gate(members);
  CHECK(answer_of(gate.open(request_of(target, "/proc/uptime"))) == "continue");
}

TEST_CASE("mounts: the procfs of a pid namespace below ours is left to the kernel") {
  if (!may_mount()) return;
  const TemporaryDirectory directory;
  const Shared<std::atomic<pid_t>> inner;
  const Shared<std::atomic<bool>> inner_is_ready;
  const Target outer = mounting_target([&] {
    must(::unshare(CLONE_NEWPID) == 0);
    const pid_t pid = ::fork();
    if (pid == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      must(::mount("proc", directory.path.c_str(), "proc", 0, nullptr) == 0);
      must(::dup2(::open(directory.path.c_str(), O_RDONLY), 77) == 77);
      inner_is_ready->store(true);
      wait_for_ever();
    }
    inner->store(pid);
    must(eventually([&] { return inner_is_ready->load(); }));
  });
  REQUIRE(outer.is_ready());
  FakeMembers members({outer.pid(), inner->load()});
  ProcGate gate(members, PathHints({}), nullptr, Backstop::landlock);
  procfs::OpenRequest request;
  request.tid = request.tgid = inner->load();
  const std::string path = directory.path + "/1/comm";
  request.path = path;
  CHECK(answer_of(gate.open(request)) == "continue");
  const auto holder = kernel::PidFd::open(inner->load());
  REQUIRE(holder);
  const auto listed = holder->get_fd(77);
  REQUIRE(listed);
  CHECK(gate.judge_listing(inner->load(), inner->load(), *listed) == Listing::kernels);
  // A process of our own namespace has no business with it.
  CHECK(gate.judge_listing(outer.pid(), outer.pid(), *listed) == Listing::nothing);
}

TEST_CASE("mounts: settings of a network namespace that the supervisor does not share are not served") {
  if (!may_mount()) return;
  if (::access("/proc/sys/net/ipv4/ip_forward", F_OK) != 0) return skip("no IPv4");
  const Target target([] { must(::unshare(CLONE_NEWNET) == 0); });
  REQUIRE(target.is_ready());
  const Target sharing;
  FakeMembers members({target.pid(), sharing.pid()});
  ProcGate gate(members);
  CHECK(answer_of(gate.open(request_of(target, "/proc/sys/net/ipv4/ip_forward"))) == "EACCES");
  CHECK(answer_of(gate.open(request_of(target, "/proc/sys/kernel/ostype"))) == "inject");
  CHECK(answer_of(gate.open(request_of(sharing, "/proc/sys/net/ipv4/ip_forward"))) == "inject");
}

}  // namespace proctor::tests
