#include "kernel/landlock.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <csignal>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "support/catch.hpp"
#include "tests/kernel/child.hpp"
#include "tests/kernel/descriptors.hpp"
#include "tests/kernel/ordinary_user.hpp"
#include "tests/kernel/temporary_directory.hpp"

using namespace proctor::kernel;
using namespace proctor::tests;

namespace {

enum class As { is, ordinary };

/// Who to run a test as: as it is, and if that is root as an ordinary user too.
std::vector<As> everybody() { return is_root() ? std::vector{As::is, As::ordinary} : std::vector{As::is}; }

/// The errno of opening `path`; 0 when it opened.
bool lists(const char* directory, const std::string& name) {
  DIR* stream = ::opendir(directory);
  if (stream == nullptr) return false;
  bool found = false;
  while (const dirent* entry = ::readdir(stream)) found = found || name == entry->d_name;
  ::closedir(stream);
  return found;
}

bool enter_domain(const ProcfsDenial& denial) {
  return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && landlock_restrict_self(denial.ruleset);
}

/// Runs `body` in a child that is under the denial; 0 when all its checks held.
int in_domain(As who, const std::function<void(ChildChecks&)>& body) {
  return exit_code_of([&] {
    ChildChecks check;
    if (who == As::ordinary) check(become_ordinary(), "become an ordinary user");
    const auto denial = build_procfs_denial();
    check(denial.has_value() && enter_domain(*denial), "enter the domain");
    body(check);
    return check.exit_code();
  });
}

/// Opens files of procfs by every spelling there is; `expected` says what must come of it.
void open_procfs_by_every_spelling(ChildChecks& check, const std::string& link, int expected) {
  const std::array paths{
      std::string("/proc/self/comm"),
      std::string("/proc/1/comm"),
      std::string("/proc/thread-self/comm"),
      std::string("/proc//1/./comm"),
      std::string("/proc/self/root/proc/1/comm"),
      std::string("/proc/self/cwd/proc/1/comm"),
      std::string("/dev/../proc/1/comm"),
      std::string("/proc/sys/kernel/ostype"),
      std::string("/proc/uptime"),
      link + "/1/comm",
  };
  check(::chdir("/") == 0, "chdir /");
  for (const auto& path : paths) check(open_errno(path) == expected, path.c_str());
  check(open_errno("/proc/self/comm", O_WRONLY) == expected, "/proc/self/comm for writing");
  check(open_errno("/proc/self/oom_score_adj", O_RDWR) == expected, "/proc/self/oom_score_adj for both");

  const UniqueFd proc(::open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC));
  check(open_errno("1/comm", O_RDONLY, proc.get()) == expected, "relative to a descriptor of /proc");
  check(::chdir("/proc") == 0 && open_errno("1/comm") == expected, "relative after chdir /proc");
  check(::chdir("/proc/self/task") == 0 && open_errno("../comm") == expected, "relative with ..");
  check(::chdir("/") == 0, "chdir /");
}

/// Calls that move or link a file; 0 or their errno.
int rename_errno(const std::string& from, const std::string& to) {
  return ::rename(from.c_str(), to.c_str()) == 0 ? 0 : errno;
}
int link_errno(const std::string& from, const std::string& to) {
  return ::link(from.c_str(), to.c_str()) == 0 ? 0 : errno;
}

/// Whether /bin/true, by a symbolic link at top level where /usr is merged, can be executed.
bool executes_a_program() {
  return exit_code_of([] {
           ::execl("/bin/true", "true", nullptr);
           return 126;
         }) == 0;
}

bool same_file_system(const std::string& one, const std::string& other) {
  struct stat a {};
  struct stat b {};
  return ::stat(one.c_str(), &a) == 0 && ::stat(other.c_str(), &b) == 0 && a.st_dev == b.st_dev;
}

bool landlock_is_missing() {
  const auto abi = landlock_abi();
  if (abi) return false;
  proctor::tests::skip(abi.error().message());
  return true;
}

/// A mount namespace of its own, where mounts stay.
bool leave_mount_namespace() {
  return ::unshare(CLONE_NEWNS) == 0 && ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0;
}

}  // namespace

TEST_CASE("landlock: files of procfs are refused by every spelling") {
  if (landlock_is_missing()) return;
  const TemporaryDirectory directory;
  const std::string link = directory / "link";
  REQUIRE(::symlink("/proc", link.c_str()) == 0);
  for (const As who : everybody()) {
    // The attack works where there is no domain.
    CHECK(exit_code_of([&] {
            ChildChecks check;
            if (who == As::ordinary) check(become_ordinary(), "become an ordinary user");
            ::prctl(PR_SET_DUMPABLE, 1);  // else /proc/self belongs to root
            open_procfs_by_every_spelling(check, link, 0);
            return check.exit_code();
          }) == 0);
    CHECK(in_domain(who, [&](ChildChecks& check) {
            ::prctl(PR_SET_DUMPABLE, 1);
            open_procfs_by_every_spelling(check, link, EACCES);
          }) == 0);
  }
}

TEST_CASE("landlock: directories of procfs can be opened and its files looked at") {
  if (landlock_is_missing()) return;
  for (const As who : everybody()) {
    CHECK(in_domain(who, [](ChildChecks& check) {
            check(open_errno("/proc", O_RDONLY | O_DIRECTORY) == 0, "/proc as a directory");
            check(open_errno("/proc/self", O_RDONLY | O_DIRECTORY) == 0, "/proc/self as a directory");
            check(open_errno("/proc/1/comm", O_PATH) == 0, "a file of procfs by O_PATH");
            struct stat status {};
            check(::stat("/proc/1/comm", &status) == 0, "stat of a file of procfs");
          }) == 0);
  }
}

TEST_CASE("landlock: ordinary files can be used as before") {
  if (landlock_is_missing()) return;
  for (const As who : everybody()) {
    const TemporaryDirectory directory;
    const TemporaryDirectory other("/var/tmp");
    const bool one_file_system = same_file_system(directory.path(), other.path());
    if (!one_file_system) WARN("not all of it: /tmp and /var are not of one file system");
    CHECK(in_domain(who, [&](ChildChecks& check) {
            const std::string file = directory / "file";
            check(open_errno(file, O_RDWR | O_CREAT | O_EXCL) == 0, "make a file");
            check(open_errno(file) == 0, "read it");
            check(open_errno(file, O_WRONLY | O_TRUNC) == 0, "write it");
            check(::mkdir((directory / "a").c_str(), 0700) == 0, "make a directory");
            check(::mkdir((directory / "b").c_str(), 0700) == 0, "make another");
            check(rename_errno(file, directory / "a/file") == 0, "rename into another directory");
            check(link_errno(directory / "a/file", directory / "b/file") == 0, "link into another directory");
            check(rename_errno(directory / "a", directory / "b/a") == 0, "move a directory");
            if (one_file_system) {
              check(rename_errno(directory / "b/file", other / "file") == 0, "rename from /tmp to /var");
              check(link_errno(other / "file", directory / "back") == 0, "link from /var to /tmp");
              check(open_errno(directory / "back") == 0, "read what was moved and linked");
            }
            check(executes_a_program(), "execute /bin/true");
            check(lists("/", "usr") && lists("/", "proc"), "list /");
            check(open_errno("/etc/passwd") == 0, "read /etc/passwd");
          }) == 0);
  }
}

TEST_CASE("landlock: devices and magic links that lead off procfs keep working") {
  if (landlock_is_missing()) return;
  for (const As who : everybody()) {
    const TemporaryDirectory directory;
    write_file(directory / "file", "text");
    CHECK(in_domain(who, [&](ChildChecks& check) {
            ::prctl(PR_SET_DUMPABLE, 1);  // else the links of /proc/self are root's
            const auto by_descriptor = [](int fd) { return "/proc/self/fd/" + std::to_string(fd); };
            check(open_errno("/dev/null", O_RDWR) == 0, "/dev/null");
            check(open_errno("/dev/zero") == 0, "/dev/zero");
            check(open_errno("/proc/self/exe") == 0, "/proc/self/exe");
            check(open_errno("/proc/self/root/etc/passwd") == 0, "/proc/self/root/etc/passwd");
            check(::chdir(directory.path().c_str()) == 0 && open_errno("/proc/self/cwd/file") == 0,
                  "/proc/self/cwd/file");

            const UniqueFd file(::open("file", O_RDWR | O_CLOEXEC));
            check(open_errno(by_descriptor(file.get()), O_RDWR) == 0, "/proc/self/fd/N of a file");
            check(open_errno("/dev/fd/" + std::to_string(file.get())) == 0, "/dev/fd/N of a file");
            std::array<int, 2> pipe{};
            check(::pipe(pipe.data()) == 0 && ::dup2(pipe[0], 0) == 0, "a pipe as standard input");
            check(open_errno("/dev/stdin") == 0, "/dev/stdin");
            check(open_errno(by_descriptor(pipe[1]), O_WRONLY) == 0, "/proc/self/fd/N of a pipe");
            const UniqueFd memory(::memfd_create("memory", MFD_CLOEXEC));
            check(open_errno(by_descriptor(memory.get()), O_RDWR) == 0, "/proc/self/fd/N of a memfd");
            const UniqueFd unnamed(::open(".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
            if (unnamed) check(open_errno(by_descriptor(unnamed.get())) == 0, "/proc/self/fd/N of no name");
          }) == 0);
  }
}

TEST_CASE("landlock: a later top-level directory has no rule, which ungranted_directories says") {
  if (landlock_is_missing()) return;
  if (!is_root()) {
    proctor::tests::skip("only root makes top-level directories");
    return;
  }
  const auto denial = build_procfs_denial();
  REQUIRE(denial);
  REQUIRE_FALSE(denial->ungranted_directories.empty());
  CHECK(denial->ungranted_directories.front() == "/");
  const TemporaryDirectory later("");  // "/proctor-test-..."
  const TemporaryDirectory usual;
  write_file(later / "file", "text");
  CHECK(exit_code_of([&] {
          ChildChecks check;
          check(enter_domain(*denial), "enter the domain");
          check(open_errno(later / "file") == EACCES, "a file in it is not readable");
          check(open_errno(later / "new", O_WRONLY | O_CREAT) == EACCES, "nor can one be written");
          check(lists(later.path().c_str(), "file"), "it can be listed");
          // Or a rename would be the way around every rule.
          check(rename_errno(later / "file", usual / "file") == EXDEV, "nothing moves out to gain rights");
          check(link_errno(later / "file", usual / "file") == EXDEV, "nothing is linked out to gain rights");
          return check.exit_code();
        }) == 0);
}

TEST_CASE("landlock: procfs mounts elsewhere are closed, what is beside them is not") {
  if (landlock_is_missing()) return;
  if (!is_root()) {
    proctor::tests::skip("only root mounts");
    return;
  }
  for (const As who : everybody()) {
    const TemporaryDirectory directory;
    const std::string spaced = directory / "a b\\c";  // escaped in mountinfo
    for (const auto& path : {spaced, spaced + "/inner", directory / "part", directory / "covered",
                             directory / "granted", directory / "cov"}) {
      REQUIRE(::mkdir(path.c_str(), 0755) == 0);
      REQUIRE(::chmod(path.c_str(), 0777) == 0);
    }
    write_file(spaced + "/beside", "text");
    write_file(directory / "file", "text");
    CHECK(exit_code_of([&] {
            ChildChecks check;
            check(leave_mount_namespace(), "a mount namespace");
            const auto mount = [](const char* what, const std::string& where, const char* type,
                                  unsigned long flags) {
              return ::mount(what, where.c_str(), type, flags, nullptr) == 0;
            };
            check(mount("proc", spaced + "/inner", "proc", 0), "mount a procfs");
            check(mount("/proc/sys", directory / "part", nullptr, MS_BIND), "bind a part of procfs");
            check(mount("proc", directory / "covered", "proc", 0), "mount one to be covered");
            const UniqueFd covered(::open((directory / "covered").c_str(), O_PATH | O_CLOEXEC));
            check(mount("none", directory / "covered", "tmpfs", 0), "cover it");
            write_file(directory / "covered/file", "text");

            if (who == As::ordinary) check(become_ordinary(), "become an ordinary user");
            const auto denial = build_procfs_denial();
            check(denial.has_value(), "build the denial");
            const auto& gaps = denial->ungranted_directories;
            for (const auto& gap : {std::string("/tmp"), directory.path().native(), spaced}) {
              check(std::find(gaps.begin(), gaps.end(), gap) != gaps.end(), gap.c_str());
            }
            check(open_errno(spaced + "/inner/1/comm") == 0, "the second procfs, before");
            check(enter_domain(*denial), "enter the domain");

            check(open_errno(spaced + "/inner/1/comm") == EACCES, "the second procfs is closed");
            check(open_errno(directory / "part/kernel/ostype") == EACCES, "the part of one is closed");
            check(open_errno("1/comm", O_RDONLY, covered.get()) == EACCES, "the covered one is closed");
            check(open_errno("/proc/1/comm") == EACCES, "/proc is closed");
            check(open_errno(spaced + "/beside", O_RDWR) == 0, "a file beside it is open");
            check(open_errno(directory / "file", O_RDWR) == 0, "a file further up is open");
            check(open_errno(directory / "covered/file", O_RDWR) == 0, "what covers one is open");
            check(rename_errno(directory / "file", spaced + "/file") == 0, "rename between two of its kind");
            check(rename_errno(spaced + "/file", directory / "granted/file") == 0, "rename out of them");
            check(open_errno(directory / "granted/file", O_RDWR) == 0, "what was moved is open");
            // Its name begins like that of a procfs mount; it does not lead to it, so it is granted whole.
            check(open_errno(directory / "cov/later", O_WRONLY | O_CREAT) == 0, "a later file elsewhere");
            check(open_errno(directory / "later", O_WRONLY | O_CREAT) == EACCES, "a later entry has no rule");
            check(open_errno("/var/tmp/.", O_RDONLY | O_DIRECTORY) == 0, "the rest is as ever");
            return check.exit_code();
          }) == 0);
  }
}

TEST_CASE("landlock: devices, and what no sandbox reads of /sys, have no rule") {
  if (landlock_is_missing()) return;
  std::vector<std::string> files;  // those that anybody may read, without the domain
  for (const char* file :
       {"/sys/kernel/vmcoreinfo", "/sys/kernel/boot_params/version", "/sys/firmware/acpi/pm_profile",
        "/sys/firmware/acpi/tables/../pm_profile", "/sys/devices/system/cpu/online"})
    if (open_errno(file) == 0) files.emplace_back(file);
  if (files.empty()) {
    proctor::tests::skip("no such files here");
    return;
  }
  for (const As who : everybody()) {
    CHECK(in_domain(who, [&](ChildChecks& check) {
            for (const std::string& file : files) {
              check(open_errno(file) == EACCES, file.c_str());
              check(open_errno("/proc/self/root" + file) == EACCES, file.c_str());
            }
            const UniqueFd sys(::open("/sys", O_PATH | O_DIRECTORY | O_CLOEXEC));
            check(open_errno("devices/system/cpu/online", O_RDONLY, sys.get()) != 0,
                  "from a descriptor of /sys");
            check(lists("/sys/devices", "system"), "it can be listed");
            check(open_errno("/sys/kernel/uevent_seqnum") == 0, "the rest is as ever");
            check(open_errno("/sys/kernel/mm/transparent_hugepage/enabled") != EACCES, "the rest is as ever");
          }) == 0);
  }
}

TEST_CASE("landlock: the cgroups have no rule") {
  if (landlock_is_missing()) return;
  std::string file;
  for (const char* name : {"/sys/fs/cgroup/cgroup.controllers", "/sys/fs/cgroup/unified/cgroup.controllers",
                           "/sys/fs/cgroup/memory/memory.stat"})
    if (open_errno(name) == 0) file = name;
  if (file.empty()) {
    proctor::tests::skip("no /sys/fs/cgroup here");
    return;
  }
  const auto denial = build_procfs_denial();
  REQUIRE(denial);
  CHECK(exit_code_of([&] {
          ChildChecks check;
          check(enter_domain(*denial), "enter the domain");
          check(open_errno(file) == EACCES, file.c_str());
          return check.exit_code();
        }) == 0);
}

TEST_CASE("landlock: no signal leaves the domain") {
  const auto abi = landlock_abi();
  if (!abi || *abi < 6) {
    proctor::tests::skip("the kernel's Landlock has no scopes");
    return;
  }
  for (const As who : everybody()) {
    // Of the child's own user, so that nothing else refuses the signal.
    Shared<std::atomic<bool>> ready;
    const Child outside([&] {
      if (who == As::ordinary && !become_ordinary()) return 1;
      *ready = true;
      return wait_for_ever();
    });
    REQUIRE(eventually([&] { return ready->load(); }));
    CHECK(in_domain(who, [&](ChildChecks& check) {
            check(::kill(outside.pid(), SIGKILL) == -1 && errno == EPERM, "kill a process outside");
            const Child inside(wait_for_ever);
            check(::kill(inside.pid(), 0) == 0, "kill a process inside");
            // The way that no notification sees: the kernel sends the signal for us.
            std::array<int, 2> pipe{};
            check(::pipe(pipe.data()) == 0, "a pipe");
            ::fcntl(pipe[0], F_SETOWN, outside.pid());
            ::fcntl(pipe[0], F_SETSIG, SIGKILL);
            check(::fcntl(pipe[0], F_SETFL, O_ASYNC) == 0, "signals on input");
            check(::write(pipe[1], "x", 1) == 1, "make input");
          }) == 0);
    // A SIGKILL would have been queued before the child ended; a zombie answers WNOHANG.
    siginfo_t info{};
    REQUIRE(::waitid(P_PID, static_cast<id_t>(outside.pid()), &info, WEXITED | WNOHANG | WNOWAIT) == 0);
    CHECK(info.si_pid == 0);
  }
}

TEST_CASE("landlock: enforcing needs no_new_privs, and a ruleset") {
  if (landlock_is_missing()) return;
  CHECK(exit_code_of([] {
          ChildChecks check;
          if (is_root()) check(become_ordinary(), "become an ordinary user");
          const auto denial = build_procfs_denial();
          const auto refused = landlock_restrict_self(denial->ruleset);
          check(!refused && refused.error().number == EPERM, "EPERM without no_new_privs");
          ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
          const auto without = landlock_restrict_self(UniqueFd());
          check(!without && without.error().number == EBADF, "EBADF without a ruleset");
          return check.exit_code();
        }) == 0);
}
