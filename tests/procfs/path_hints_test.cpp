#include "procfs/path_hints.hpp"

#include "procfs/instance.hpp"
#include "support/catch.hpp"
#include "tests/procfs/fixture.hpp"

namespace proctor::tests {

using procfs::PathHints;

TEST_CASE("hints: every spelling that may lead to procfs is looked at") {
  const PathHints hints({"/", "/proc"});
  for (const char* path : {"/proc",       "/proc/",      "/proc/self/stat",      "//proc//1",
                           "/./proc/1",   "/../proc/1",  "/usr/../proc/1",       "proc",
                           "proc/1",      "../proc/1",   "../../../proc",        "/mnt/rootfs/proc/1",
                           "/dev/fd/3",   "/dev/fd",     "/dev/fd/../../1/comm", "/dev/stdin",
                           "/dev/stdout", "/dev/./fd/3", "/dev//fd/3",           "/dev/core",
                           "/etc/mtab",   "/etc//mtab",  "/self/root/proc/1",    "/"}) {
    CAPTURE(path);
    CHECK(hints.may_need_service(path));
  }
  for (const char* path :
       {"", "a", "./configure", "../include/x.h", "/usr", "/usr/lib/x.so", "/etc/passwd", "/dev/null",
        "/usr//lib/x", "/usr/lib/../lib/x", "/tmp/process", "/tmp/xproc/a", "/tmp/procx", "a/b/c"}) {
    CAPTURE(path);
    CHECK_FALSE(hints.may_need_service(path));
  }
}

TEST_CASE("hints: entries that did not exist when the ruleset was made have no rule") {
  const TemporaryDirectory directory;
  const std::string path = std::filesystem::canonical(directory.path).string();
  std::filesystem::create_directories(path + "/old/inner");
  std::filesystem::create_directories(path + "/way/old");
  std::vector<std::string> chain = {"/", path, path + "/way"};
  for (std::size_t at = path.find('/', 1); at != std::string::npos; at = path.find('/', at + 1)) {
    chain.push_back(path.substr(0, at));
  }
  const PathHints hints(chain);
  CHECK_FALSE(hints.without_rule(path + "/old"));
  CHECK_FALSE(hints.without_rule(path + "/old/inner/new"));
  CHECK_FALSE(hints.without_rule(path + "/way/old/x"));
  CHECK_FALSE(hints.without_rule("/usr/new"));
  CHECK(hints.without_rule(path + "/new"));
  CHECK(hints.without_rule(path + "/new/x"));
  CHECK(hints.without_rule(path + "/older"));
  CHECK(hints.without_rule(path + "/way/new"));
  CHECK(hints.without_rule(path + "/way"));
  CHECK(hints.without_rule("/"));
  CHECK(hints.without_rule("/new-at-the-top/x"));
  CHECK(hints.may_need_service("/usr/../new-at-the-top"));
  CHECK_FALSE(hints.may_need_service(path + "/old/../old/x"));
}

TEST_CASE("hints: what a directory of procfs holds is never taken to have a rule") {
  const PathHints hints({"/", "/proc"});
  CHECK(hints.without_rule("/proc/uptime"));
  CHECK(hints.without_rule("/proc/sys/fs"));
}

TEST_CASE("hints: no directory without a rule, nothing to serve off procfs") {
  const PathHints hints(std::vector<std::string>{});
  CHECK_FALSE(hints.without_rule("/anything"));
  CHECK_FALSE(hints.may_need_service("/anything"));
  CHECK(hints.may_need_service("/proc/self"));
}

TEST_CASE("hints: a relative path may start above a link to procfs") {
  const PathHints hints({"/", "/proc"});
  for (const char* path :
       {"dev/fd/3", "fd/../../1/exe", "dev/fd/../../1", "etc/mtab", "../etc/mtab", "stdin"})
    CHECK(hints.may_need_service(path));
  for (const char* path : {"fds/3", "src/afd.c", "stdio.h", "include/stdinc", "core/main.c", "mtab.c"})
    CHECK_FALSE(hints.may_need_service(path));
}

TEST_CASE("hints: a file that is told is looked at, by its absolute path and from its directory") {
  const PathHints hints({}, {"/usr/share/told", "/etc/hostname"});
  CHECK(hints.may_need_service("/etc/hostname"));
  CHECK(hints.may_need_service("/etc/../etc//hostname"));
  CHECK_FALSE(hints.may_need_service("/etc/hostnames"));
  CHECK_FALSE(hints.may_need_service("/etc"));
  CHECK(hints.is_told("/usr/share/told"));
  CHECK_FALSE(hints.is_told("/usr/share"));
  CHECK(hints.may_be_told("told"));
  CHECK(hints.may_be_told("../share/told"));
  CHECK_FALSE(hints.may_be_told("untold"));
  CHECK_FALSE(PathHints(std::vector<std::string>{}).may_be_told("told"));
  const Target in_share([] {
    if (::chdir("/usr/share") != 0) ::_exit(3);
  });
  const Target in_usr([] {
    if (::chdir("/usr") != 0) ::_exit(3);
  });
  CHECK(hints.may_need_service(in_share.pid(), AT_FDCWD, "told"));
  CHECK(hints.may_need_service(in_usr.pid(), AT_FDCWD, "share/told"));
  CHECK_FALSE(hints.may_need_service(in_usr.pid(), AT_FDCWD, "told"));
}

TEST_CASE("hints: the start of a relative path counts") {
  const PathHints hints({"/", "/proc"});
  const TemporaryDirectory directory;
  const auto standing_in = [](const std::string& path) {
    return Target([path] {
      if (::chdir(path.c_str()) != 0) ::_exit(3);
    });
  };
  const Target in_proc = standing_in("/proc");
  const Target in_sys = standing_in("/proc/sys");
  const Target in_root = standing_in("/");
  const Target in_tmp = standing_in(directory.path);
  const Target in_usr = standing_in("/usr");
  CHECK(hints.may_need_service(in_proc.pid(), AT_FDCWD, "self/stat"));
  CHECK(hints.may_need_service(in_sys.pid(), AT_FDCWD, "kernel"));
  CHECK(hints.may_need_service(in_root.pid(), AT_FDCWD, "new"));
  CHECK_FALSE(hints.may_need_service(in_root.pid(), AT_FDCWD, "usr/lib"));
  CHECK_FALSE(hints.may_need_service(in_tmp.pid(), AT_FDCWD, "file"));
  CHECK_FALSE(hints.may_need_service(in_usr.pid(), AT_FDCWD, "../usr/x"));
  CHECK(hints.may_need_service(in_usr.pid(), AT_FDCWD, "../new"));
  CHECK(hints.may_need_service(in_tmp.pid(), 999, "file"));  // cannot be told
  CHECK(procfs::file_system_of(in_proc.pid(), AT_FDCWD) == procfs::FileSystem::procfs);
  CHECK(procfs::file_system_of(in_sys.pid(), AT_FDCWD) == procfs::FileSystem::procfs);
  CHECK(procfs::file_system_of(in_tmp.pid(), AT_FDCWD) == procfs::FileSystem::other);
  CHECK(procfs::file_system_of(in_tmp.pid(), 999) == procfs::FileSystem::other);
}

}  // namespace proctor::tests
