#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <string>

#include "kernel/proc_stat.hpp"
#include "sandboxed.hpp"
#include "support/catch.hpp"

using namespace proctor;
using namespace proctor::test;

namespace {

/// Runs `command` once under nice(1) and once under proctor, with the same preparation: what the two were
/// given must be the same.
std::pair<Outcome, Outcome> run_both(Way way, const std::vector<std::string>& command,
                                     const std::function<void()>& before_exec) {
  std::vector<std::string> nice{"nice", "-n", "0"};
  nice.insert(nice.end(), command.begin(), command.end());
  const Sandboxed sandboxed(way);
  return {run_program({nice, -1, -1, -1, before_exec}),
          run_program({sandboxed.argv(command), -1, -1, -1, before_exec})};
}

}  // namespace

TEST_CASE("inheritance: signals, descriptors and umask reach the command unchanged") {
  const auto way = GENERATE(Way::embedded, Way::daemon);
  const auto plain = [] {};
  const auto odd = [] {
    struct sigaction ignore {};
    ignore.sa_handler = SIG_IGN;
    for (const int signal : {SIGHUP, SIGCHLD, SIGPIPE, SIGTSTP}) ::sigaction(signal, &ignore, nullptr);
    sigset_t mask;
    ::sigemptyset(&mask);
    ::sigaddset(&mask, SIGUSR2);
    ::sigaddset(&mask, SIGTERM);
    ::sigaddset(&mask, SIGRTMIN + 3);
    ::sigprocmask(SIG_SETMASK, &mask, nullptr);
    ::umask(0137);
    ::dup2(1, 7);
    ::dup2(1, 40);
  };
  const auto closed = [] {
    ::close(0);
    ::close(2);
  };
  int which = 0;
  for (const auto& before_exec : std::vector<std::function<void()>>{plain, odd, closed}) {
    INFO("preparation " << which++);
    const auto [nice, proctor] = run_both(way, {PROCTOR_REPORT_TARGET}, before_exec);
    CHECK(nice.out.find("umask") != std::string::npos);
    CHECK(proctor.out == nice.out);
    CHECK(proctor.status == nice.status);
  }
}

TEST_CASE("inheritance: environment and working directory reach the command unchanged") {
  const auto way = GENERATE(Way::embedded, Way::daemon);
  const auto before_exec = [] {
    ::setenv("PROCTOR_TEST", "a\nb =\xff", 1);
    if (::chdir("/usr/lib") != 0) ::_exit(98);
  };
  const auto [nice, proctor] = run_both(way, {"env"}, before_exec);
  CHECK(proctor.out == nice.out);
  const auto [nice_cwd, proctor_cwd] = run_both(way, {"pwd", "-P"}, before_exec);
  CHECK(proctor_cwd.out == "/usr/lib\n");
  CHECK(proctor_cwd.out == nice_cwd.out);
}

TEST_CASE("inheritance: the command is in the caller's process group") {
  const auto way = GENERATE(Way::embedded, Way::daemon);
  const Sandboxed sandboxed(way);
  Pipe in;
  Pipe out;
  Program front({sandboxed.argv({"sh", "-c", "echo $$; read x"}), in.read.get(), out.write.get(), -1,
                 [] { ::setpgid(0, 0); }});
  const auto command = std::atoi(read_line(out.read).c_str());
  REQUIRE(command > 1);
  CHECK(::getpgid(command) == front.pid());
  CHECK(::getsid(command) == ::getsid(0));
}

TEST_CASE("inheritance: what the command closes is closed") {
  // The readers of CMD's pipes see the end of file when CMD closes them, while proctor still runs.
  const auto way = GENERATE(Way::embedded, Way::daemon);
  const Sandboxed sandboxed(way);
  Pipe out;
  Pipe err;
  Pipe seven;
  Program front(
      {sandboxed.argv(
           {"sh", "-c", "echo out; echo err >&2; echo seven >&7; exec 1>&- 2>&- 7>&-; exec sleep 1000"}),
       -1, out.write.get(), err.write.get(), [&] { ::dup2(seven.write.get(), 7); }});
  out.write.reset();
  err.write.reset();
  seven.write.reset();
  CHECK(read_all(seven.read) == "seven\n");
  CHECK(read_all(out.read) == "out\n");
  CHECK(read_all(err.read) == "err\n");
  CHECK(is_running(front.pid()));
}

TEST_CASE("inheritance: a lock that the command gives up is free") {
  const auto way = GENERATE(Way::embedded, Way::daemon);
  std::string path = "/tmp/proctor-lock-XXXXXX";
  const kernel::UniqueFd file(::mkstemp(path.data()));
  REQUIRE(file);
  const Sandboxed sandboxed(way);
  Pipe out;
  Program front(
      {sandboxed.argv({"sh", "-c", "exec 9<&-; echo closed; exec sleep 1000"}), -1, out.write.get(), -1, [&] {
         ::close(file.get());
         const int own = ::open(path.c_str(), O_RDWR);
         if (::flock(own, LOCK_EX) != 0) ::_exit(98);
         ::dup2(own, 9);
         ::close(own);
       }});
  CHECK(read_line(out.read) == "closed");
  // The front lets go of its copy in its own time, a moment after the fork.
  CHECK(eventually([&] { return ::flock(file.get(), LOCK_EX | LOCK_NB) == 0; }));
  ::unlink(path.c_str());
}

TEST_CASE("inheritance: front and supervisor of an ordinary user are opaque to that user") {
  // /proc shows a process that is not dumpable as root's.
  const Sandboxed sandboxed(Way::embedded);
  Pipe in;
  Pipe out;
  Program front({sandboxed.argv({"sh", "-c", "echo ready; read x"}), in.read.get(), out.write.get(), -1, [] {
                   if (::geteuid() == 0 && ::setresuid(65534, 65534, 65534) != 0) ::_exit(98);
                   if (::access(PROCTOR_BINARY, X_OK) == 0) return;
                   (void)!::write(1, "unreachable\n", 12);
                   ::_exit(97);
                 }});
  const auto line = read_line(out.read);
  if (line == "unreachable") {
    proctor::tests::skip("an ordinary user cannot reach this build directory");
    return;
  }
  REQUIRE(line == "ready");
  const auto owner_of = [](pid_t pid) {
    struct stat status {};
    return ::stat(("/proc/" + std::to_string(pid) + "/fd").c_str(), &status) == 0 ? status.st_uid : uid_t{1};
  };
  CHECK(eventually([&] { return owner_of(front.pid()) == 0; }));
  const auto children = kernel::read_children(front.pid());
  REQUIRE(children);
  REQUIRE(children->size() == 1);
  CHECK(eventually([&] { return owner_of(children->front()) == 0; }));
}

TEST_CASE("inheritance: the front does not hold the caller's working directory") {
  if (::geteuid() != 0) {
    proctor::tests::skip("the working directory of a process that is not dumpable is only root's to see");
    return;
  }
  const auto way = GENERATE(Way::embedded, Way::daemon);
  const Sandboxed sandboxed(way);
  Pipe in;
  Pipe out;
  Program front({sandboxed.argv({"sh", "-c", "echo ready; read x"}), in.read.get(), out.write.get(), -1, {}});
  REQUIRE(read_line(out.read) == "ready");
  const auto link = "/proc/" + std::to_string(front.pid()) + "/cwd";
  CHECK(eventually([&] {
    char target[64] = {};
    return ::readlink(link.c_str(), target, sizeof target - 1) > 0 && std::string(target) == "/";
  }));
}
