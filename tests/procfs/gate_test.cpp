#include "procfs/gate.hpp"

#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "support/catch.hpp"
#include "tests/procfs/fixture.hpp"

namespace proctor::tests {
namespace {

using procfs::Backstop;
using procfs::Listing;
using procfs::PathHints;
using procfs::ProcGate;

void be_called(const char* name) { ::prctl(PR_SET_NAME, name); }

/// A target with the descriptor `number` on `path`, as the kernel opens it for the target.
Target target_holding(int number, const std::string& path) {
  return Target([number, path] {
    be_called("the-target");
    const int fd = ::open(path.c_str(), O_RDONLY);
    if (fd < 0 || ::dup2(fd, number) < 0) ::_exit(3);
  });
}

/// The calling process' descriptor `number`, for targets to inherit.
class HeldAt {
 public:
  HeldAt(int number, const std::string& path) : number_(number) {
    const kernel::UniqueFd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    REQUIRE(fd);
    REQUIRE(::dup2(fd.get(), number) == number);
  }
  HeldAt(const HeldAt&) = delete;
  HeldAt& operator=(const HeldAt&) = delete;
  ~HeldAt() { ::close(number_); }
  [[nodiscard]] kernel::UniqueFd duplicate() const { return kernel::UniqueFd(::dup(number_)); }

 private:
  int number_;
};

}  // namespace

TEST_CASE("gate: self is the target's, not the supervisor's") {
  const Target target([] { be_called("the-target"); });
  FakeMembers members({target.pid()});
  ProcGate gate(members);
  for (const char* path : {"/proc/self/comm", "/proc/thread-self/comm", "/proc/self/task/../comm"}) {
    CAPTURE(path);
    CHECK(content_of(gate.open(request_of(target, path))) == "the-target\n");
  }
  const auto stat = content_of(gate.open(request_of(target, "/proc/self/stat")));
  CHECK(stat.starts_with(std::to_string(target.pid()) + " (the-target)"));
}

TEST_CASE("gate: thread-self is the notifying thread's") {
  const Shared<std::atomic<pid_t>> tid;
  const Target target([&] {
    std::thread([&] {
      be_called("the-thread");
      tid->store(::gettid());
      wait_for_ever();
    }).detach();
  });
  REQUIRE(eventually([&] { return tid->load() != 0; }));
  FakeMembers members({target.pid()});
  ProcGate gate(members);
  auto request = request_of(target, "/proc/thread-self/comm");
  request.tid = tid->load();
  CHECK(content_of(gate.open(request)) == "the-thread\n");
  // A thread's number is no name in the listing, but a directory: the kernel's way.
  const std::string by_number = "/proc/" + std::to_string(tid->load()) + "/comm";
  request.path = by_number;
  CHECK(content_of(gate.open(request)) == "the-thread\n");
}

TEST_CASE("gate: another member's files are served, a stranger's are not") {
  const Target target;
  const Target sibling([] { be_called("the-sibling"); });
  const Target stranger([] { be_called("the-stranger"); });
  FakeMembers members({target.pid(), sibling.pid()});
  ProcGate gate(members);
  const auto comm_of = [](const Target& whose) { return "/proc/" + std::to_string(whose.pid()) + "/comm"; };
  CHECK(content_of(gate.open(request_of(target, comm_of(sibling)))) == "the-sibling\n");
  CHECK(content_of(gate.open(request_of(target, comm_of(stranger)))) == "ENOENT");
}

TEST_CASE("gate: files and directories of the system are served, the dangerous ones are not") {
  const Target target;
  FakeMembers members({target.pid()});
  ProcGate gate(members);
  for (const char* path :
       {"/proc/uptime", "/proc/meminfo", "/proc/sys/kernel/ostype", "/proc", "/proc/", "/proc/sys",
        "/proc/mounts", "/proc/net/dev", "/proc/self", "/proc/self/task", "/etc/mtab"}) {
    if (::access(path, F_OK) != 0) continue;
    CAPTURE(path);
    CHECK(answer_of(gate.open(request_of(target, path))) == "inject");
  }
  CHECK(read_all(injected_fd(gate.open(request_of(target, "/proc/sys/kernel/ostype")))) == "Linux\n");
  for (const char* path :
       {"/proc/kcore", "/proc/kmsg", "/proc/kallsyms", "/proc/keys", "/proc/key-users", "/proc/kpagecount",
        "/proc/kpageflags", "/proc/sysrq-trigger", "/proc/timer_list"}) {
    if (::access(path, F_OK) != 0) continue;
    CAPTURE(path);
    CHECK(answer_of(gate.open(request_of(target, path))) == "EACCES");
  }
}

TEST_CASE("gate: writing is for a member's own harmless files only") {
  const Target target;
  FakeMembers members({target.pid()});
  ProcGate gate(members);
  for (const char* name :
       {"comm", "oom_score_adj", "coredump_filter", "timerslack_ns", "clear_refs", "mem"}) {
    const std::string path = std::string("/proc/self/") + name;
    if (::access(path.c_str(), F_OK) != 0) continue;
    CAPTURE(path);
    CHECK(answer_of(gate.open(request_of(target, path, O_WRONLY))) == "inject");
    CHECK(answer_of(gate.open(request_of(target, path, O_WRONLY | O_CREAT | O_TRUNC))) == "inject");
  }
  for (const char* name : {"uid_map", "gid_map", "setgroups", "projid_map"}) {
    CAPTURE(name);
    CHECK(answer_of(gate.open(request_of(target, std::string("/proc/self/") + name, O_RDWR))) == "EPERM");
  }
  for (const char* path : {"/proc/sys/kernel/hostname", "/proc/sys/vm/drop_caches", "/proc/self/loginuid",
                           "/proc/self/attr/current", "/proc/sysrq-trigger"}) {
    if (::access(path, F_OK) != 0) continue;
    CAPTURE(path);
    CHECK(answer_of(gate.open(request_of(target, path, O_WRONLY))) == "EACCES");
    CHECK(answer_of(gate.open(request_of(target, path, O_RDONLY | O_TRUNC))) == "EACCES");
    CHECK(answer_of(gate.open(request_of(target, path, O_ACCMODE))) == "EACCES");
  }
}

TEST_CASE("gate: what was written is the target's") {
  const Target target([] { be_called("before"); });
  FakeMembers members({target.pid()});
  ProcGate gate(members);
  const auto verdict = gate.open(request_of(target, "/proc/self/oom_score_adj", O_RDWR));
  REQUIRE(injected_fd(verdict) >= 0);
  REQUIRE(::write(injected_fd(verdict), "321", 3) == 3);
  const auto answer =
      kernel_open(AT_FDCWD, "/proc/" + std::to_string(target.pid()) + "/oom_score_adj", O_RDONLY);
  CHECK(read_all(answer.fd.get()) == "321\n");
}

TEST_CASE("gate: flags of an existing file answer as the kernel would") {
  const Target target;
  FakeMembers members({target.pid()});
  ProcGate gate(members);
  const std::string own = "/proc/" + std::to_string(target.pid());
  for (const std::string& path :
       {own, own + "/", own + "/stat", own + "/stat/", own + "/stat/x", own + "/task", own + "/none",
        own + "/none/", std::string("/proc"), std::string("/proc/uptime"), std::string("/proc/none"),
        std::string("/proc/none/")}) {
    for (const std::uint64_t flags :
         {std::uint64_t{O_RDONLY}, std::uint64_t{O_DIRECTORY}, std::uint64_t{O_NOFOLLOW},
          std::uint64_t{O_NOFOLLOW | O_DIRECTORY}, std::uint64_t{O_CREAT}, std::uint64_t{O_CREAT | O_EXCL},
          std::uint64_t{O_CREAT | O_DIRECTORY}, std::uint64_t{O_TMPFILE | O_RDWR}, std::uint64_t{O_TMPFILE},
          std::uint64_t{O_APPEND}, std::uint64_t{O_DIRECT}, std::uint64_t{O_PATH | O_DIRECTORY}}) {
      auto request = request_of(target, path, flags);
      request.mode = 0600;
      const auto verdict = gate.open(request);
      const auto answer = kernel_open(AT_FDCWD, path, flags);
      CAPTURE(path, flags);
      if (answer_of(verdict) == "continue") continue;
      CHECK(answer_of(verdict) == (answer.fd ? "inject" : kernel::errno_name(answer.error)));
    }
  }
}

TEST_CASE("gate: what open ignores is an error of openat2") {
  const Target target;
  FakeMembers members({target.pid()});
  ProcGate gate(members);
  auto request = request_of(target, "/proc/self/stat", std::uint64_t{1} << 40U);
  request.mode = 0600;
  CHECK(answer_of(gate.open(request)) == "inject");
  request.exact = true;
  CHECK(answer_of(gate.open(request)) == "EINVAL");
  request.flags = O_RDONLY;  // a mode without a file to create
  CHECK(answer_of(gate.open(request)) == "EINVAL");
  request.mode = 0;
  CHECK(answer_of(gate.open(request)) == "inject");
}

TEST_CASE("gate: the injected descriptor has the flags that were asked for") {
  const Target target;
  FakeMembers members({target.pid()});
  ProcGate gate(members);
  for (const int flags : {O_RDONLY, O_WRONLY | O_APPEND, O_RDWR | O_NONBLOCK}) {
    const auto verdict = gate.open(request_of(target, "/proc/self/comm", static_cast<std::uint64_t>(flags)));
    REQUIRE(injected_fd(verdict) >= 0);
    CHECK((::fcntl(injected_fd(verdict), F_GETFL) & (O_ACCMODE | O_APPEND | O_NONBLOCK)) == flags);
    CHECK_FALSE(std::get<policy::Inject>(verdict.answer).close_on_exec);
    CHECK((::fcntl(injected_fd(verdict), F_GETFD) & FD_CLOEXEC) != 0);
  }
  const auto verdict = gate.open(request_of(target, "/proc/self/comm", O_RDONLY | O_CLOEXEC));
  CHECK(std::get<policy::Inject>(verdict.answer).close_on_exec);
}

TEST_CASE(
    "gate: an O_PATH descriptor of the sandbox's own is the kernel's to give, a stranger's does not exist") {
  const Target target;
  FakeMembers members({target.pid()});
  ProcGate gate(members);
  CHECK(answer_of(gate.open(request_of(target, "/proc/self/stat", O_PATH))) == "continue");
  CHECK(answer_of(gate.open(request_of(target, "/proc/self/", O_PATH))) == "continue");
  CHECK(answer_of(gate.open(request_of(target, "/proc/1/stat", O_PATH))) == "ENOENT");
  CHECK(answer_of(gate.open(request_of(target, "/proc/1", O_PATH | O_DIRECTORY))) == "ENOENT");
}

TEST_CASE("gate: the end of a magic link is the kernel's, unless it is on procfs again") {
  const Target target = target_holding(77, "/proc/self/comm");
  FakeMembers members({target.pid()});
  ProcGate gate(members);
  for (const char* path : {"/proc/self/exe", "/proc/self/root/etc/passwd", "/proc/self/cwd",
                           "/proc/self/fd/0", "/proc/self/ns/pid", "/dev/stdin"}) {
    CAPTURE(path);
    CHECK(answer_of(gate.open(request_of(target, path))) == "continue");
  }
  CHECK(content_of(gate.open(request_of(target, "/proc/self/root/proc/self/comm"))) == "the-target\n");
  // Under Landlock the kernel would refuse to open again what the target holds open already.
  CHECK(content_of(gate.open(request_of(target, "/dev/fd/77"))) == "the-target\n");
}

TEST_CASE("gate: a descriptor of a stranger's directory is worth what a dead one's is") {
  constexpr int fd = 77;
  for (const char* below : {"", "/task", "/task/%", "/task/%/fd", "/task/%/fdinfo", "/fd", "/fdinfo", "/ns",
                            "/attr", "/net", "/net/stat", "/map_files"}) {
    const auto directory_of = [below](pid_t pid) {
      std::string path = "/proc/" + std::to_string(pid) + below;
      if (const std::size_t at = path.find('%'); at != std::string::npos)
        path.replace(at, 1, std::to_string(pid));
      return path;
    };
    Target mortal;
    const Target stranger;
    const HeldAt dead_directory(fd, directory_of(mortal.pid()));
    const Target target;  // inherits it
    const auto dead_here = dead_directory.duplicate();
    const HeldAt foreign_directory(fd, directory_of(stranger.pid()));
    const Target other;
    mortal.end();
    FakeMembers members({target.pid(), other.pid()});
    ProcGate gate(members, PathHints({}), nullptr, Backstop::landlock);
    for (const char* path :
         {".", "./", "..", "comm", "0", "self", "task", "nonexistent", "nonexistent/", "../self/comm",
          "../1/comm", "../../self/comm", "../../1/comm", "./comm", "../comm"}) {
      for (const int flags :
           {O_RDONLY, O_DIRECTORY, O_PATH, O_WRONLY | O_CREAT, O_WRONLY | O_CREAT | O_EXCL}) {
        auto request = request_of(target, path, static_cast<std::uint64_t>(flags), fd);
        request.mode = 0600;
        // What the target sees in the end: the kernel answers where the verdict lets it.
        std::string dead = answer_of(gate.open(request));
        if (dead == "continue")
          dead = kernel::errno_name(kernel_open(dead_here.get(), path, request.flags).error);
        request.tid = request.tgid = other.pid();
        std::string foreign = answer_of(gate.open(request));
        if (foreign == "continue") foreign = kernel::errno_name(kernel_open(fd, path, request.flags).error);
        CAPTURE(below, path, flags);
        CHECK(foreign == dead);
        CHECK(foreign != "inject");
      }
    }
  }
}

TEST_CASE("gate: a stranger's file that the target holds is not opened again for it") {
  const Target target = target_holding(77, "/proc/1/comm");
  FakeMembers members({target.pid()});
  ProcGate gate(members);
  // As for a dead one's: the kernel refuses all files of procfs.
  CHECK(answer_of(gate.open(request_of(target, "/proc/self/fd/77"))) == "continue");
  CHECK(answer_of(gate.open(request_of(target, "/dev/fd/77"))) == "continue");
}

TEST_CASE("gate: a user's link to /proc/self/status is the target's") {
  const TemporaryDirectory directory;
  const std::string link = directory.path + "/status";
  std::filesystem::create_symlink("/proc/self/comm", link);
  const Target target([] { be_called("the-target"); });
  FakeMembers members({target.pid()});
  ProcGate gate(members);
  CHECK(content_of(gate.open(request_of(target, link))) == "the-target\n");
  CHECK(answer_of(gate.open(request_of(target, link, O_NOFOLLOW))) == "continue");  // ELOOP, the kernel's
}

TEST_CASE("gate: loops of links and overlong paths are the kernel's to refuse") {
  const TemporaryDirectory directory;
  std::filesystem::create_symlink(directory.path + "/b", directory.path + "/a");
  std::filesystem::create_symlink(directory.path + "/a", directory.path + "/b");
  const Target target([] { be_called("the-target"); });
  FakeMembers members({target.pid()});
  ProcGate gate(members);
  CHECK(answer_of(gate.open(request_of(target, directory.path + "/a/proc"))) == "continue");
  std::string path = "/proc/self/comm";
  while (path.size() < 4095) path.insert(path.begin(), '/');
  CHECK(content_of(gate.open(request_of(target, path))) == "the-target\n");
  path.insert(path.begin(), '/');
  CHECK(answer_of(gate.open(request_of(target, path))) == "continue");
  path = "/proc/1/comm";
  while (path.size() + 8 <= 4095) path.insert(0, "/proc/..");
  CHECK(answer_of(gate.open(request_of(target, path))) == "ENOENT");
  CHECK(answer_of(gate.open(request_of(target, "/proc/" + std::string(255, '1') + "/x"))) == "ENOENT");
  // Procfs finds nothing of that name before its length is looked at.
  CHECK(answer_of(gate.open(request_of(target, "/proc/self/" + std::string(256, 'x')))) == "ENOENT");
  CHECK(answer_of(gate.open(request_of(target, ""))) == "continue");
}

TEST_CASE("gate: a link that changes all the time never shows a stranger") {
  const TemporaryDirectory directory;
  const std::string link = directory.path + "/link";
  const Target stranger([] { be_called("the-stranger"); });
  const std::string foreign = "/proc/" + std::to_string(stranger.pid()) + "/comm";
  const Target target([] { be_called("the-target"); });
  std::filesystem::create_symlink(foreign, link);
  const Child swapper([&] {
    for (bool own = true;; own = !own) {
      const std::string next = directory.path + "/next";
      if (::symlink(own ? "/proc/self/comm" : foreign.c_str(), next.c_str()) != 0) return 1;
      if (::rename(next.c_str(), link.c_str()) != 0) return 1;
    }
  });
  FakeMembers members({target.pid()});
  ProcGate gate(members);
  int served = 0;
  int refused = 0;
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds{60};
  while ((served < 100 || refused < 100) && std::chrono::steady_clock::now() < deadline) {
    const std::string answer = content_of(gate.open(request_of(target, link)));
    if (answer == "the-target\n") {
      ++served;
    } else if (answer == "ENOENT") {
      ++refused;
    } else {
      FAIL("saw " << answer);
    }
  }
  CHECK(served >= 100);
  CHECK(refused >= 100);
}

TEST_CASE("gate: a listing is judged by the descriptor") {
  const Target target;
  Target mortal;
  FakeMembers members({target.pid()});
  ProcGate gate(members);
  const auto judged = [&](const std::string& path) {
    return gate.judge_listing(target.pid(), target.pid(), kernel::UniqueFd(::open(path.c_str(), O_RDONLY)));
  };
  CHECK(judged("/proc") == Listing::members);
  CHECK(judged("/proc/sys") == Listing::kernels);
  CHECK(judged("/proc/" + std::to_string(target.pid()) + "/task") == Listing::kernels);
  CHECK(judged("/proc/1") == Listing::nothing);
  CHECK(judged("/proc/1/task") == Listing::nothing);
  CHECK(judged("/tmp") == Listing::kernels);
  kernel::UniqueFd dead(::open(("/proc/" + std::to_string(mortal.pid())).c_str(), O_RDONLY));
  mortal.end();
  CHECK(gate.judge_listing(target.pid(), target.pid(), dead) == Listing::nothing);
}

TEST_CASE("gate: leaks no descriptor") {
  const Target target;
  FakeMembers members({target.pid()});
  ProcGate gate(members);
  const auto count = [] {
    return std::distance(std::filesystem::directory_iterator("/proc/self/fd"),
                         std::filesystem::directory_iterator());
  };
  (void)gate.open(request_of(target, "/proc/self/comm"));
  const auto before = count();
  for (const char* path : {"/proc/self/comm", "/proc/1/comm", "/proc/self/root/proc/self/stat",
                           "/proc/self/fd/0", "/etc/passwd", "/proc/self/none", "/proc/sys/../self/task"}) {
    (void)gate.open(request_of(target, path));
    CHECK(count() == before);
  }
}

TEST_CASE("gate: what cannot be judged is left to the kernel only where the kernel keeps procfs shut") {
  Target target;
  FakeMembers members({target.pid()});
  const auto request = request_of(target, "/proc/1/environ");
  target.end();  // nobody's credentials
  ProcGate alone(members, PathHints({}), nullptr, Backstop::none);
  CHECK(answer_of(alone.open(request)) == "EACCES");
  ProcGate backed(members, PathHints({}), nullptr, Backstop::landlock);
  CHECK(answer_of(backed.open(request)) == "continue");
}

}  // namespace proctor::tests
