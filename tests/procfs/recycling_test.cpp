// threats.md, row 4: a number that changes its owner in the middle of an open.
#include <sys/prctl.h>

#include <fstream>

#include "procfs/gate.hpp"
#include "support/catch.hpp"
#include "tests/procfs/fixture.hpp"

namespace proctor::tests {
namespace {

/// Forks a process with a given, free number; by ns_last_pid, which others on the machine race for.
void fork_with_pid(pid_t wanted, std::optional<Child>& child) {
  (void)eventually([&] {
    std::ofstream("/proc/sys/kernel/ns_last_pid") << wanted - 1;
    child.emplace([] {
      ::prctl(PR_SET_NAME, "the-stranger");
      return wait_for_ever();
    });
    if (child->pid() == wanted) return true;
    child.reset();
    return false;
  });
}

/// Says of a number that it is a member's, which is true, and then gives the number to a stranger.
class RecyclingMembers : public procfs::Members {
 public:
  explicit RecyclingMembers(Target& victim) : victim_(victim), number(victim.pid()) {}

  std::optional<pid_t> group_of(pid_t pid) override {
    if (pid != number) return std::nullopt;
    if (!stranger) {
      victim_.end();
      fork_with_pid(number, stranger);
    }
    return number;
  }
  void discover() override {}

 private:
  Target& victim_;

 public:
  const pid_t number;
  std::optional<Child> stranger;
};

}  // namespace

TEST_CASE(
    "recycling: a number given to a stranger between judgement and open shows nothing of the stranger") {
  if (::geteuid() != 0) return skip("choosing a pid needs root");
  for (const char* name : {"comm", "stat", "status", "task", "fd", ".", "cwd/../proc/self/comm"}) {
    const Target asker;
    Target victim([] { ::prctl(PR_SET_NAME, "the-victim"); });
    REQUIRE(victim.is_ready());
    RecyclingMembers members(victim);
    procfs::ProcGate gate(members);
    const std::string path = "/proc/" + std::to_string(members.number) + "/" + name;
    const auto verdict = gate.open(request_of(asker, path));
    CAPTURE(path, answer_of(verdict));
    if (!members.stranger) return skip("others took the number each time");
    REQUIRE(members.stranger->pid() == members.number);
    REQUIRE(eventually([&] {
      const auto answer =
          kernel_open(AT_FDCWD, "/proc/" + std::to_string(members.number) + "/comm", O_RDONLY);
      return answer.fd && read_all(answer.fd.get()) == "the-stranger\n";
    }));
    const int fd = injected_fd(verdict);
    if (fd < 0) continue;
    CHECK(read_all(fd).find("stranger") == std::string::npos);
    // Nor by what lies below an injected directory.
    CHECK(::openat(fd, "comm", O_RDONLY) < 0);
  }
}

TEST_CASE("recycling: the directory that is kept of a process shows nothing of a later one with its number") {
  if (::geteuid() != 0) return skip("choosing a pid needs root");
  const Target asker;
  Target victim([] { ::prctl(PR_SET_NAME, "the-victim"); });
  REQUIRE(victim.is_ready());
  const pid_t number = victim.pid();
  const std::string path = "/proc/" + std::to_string(number) + "/comm";
  FakeMembers members({number});
  procfs::ProcGate gate(members);
  for (int i = 0; i < 3; ++i)
    CHECK(read_all(injected_fd(gate.open(request_of(asker, path)))) == "the-victim\n");
  CHECK(members.questions == 1);  // it was kept

  victim.end();
  std::optional<Child> later;
  fork_with_pid(number, later);
  if (!later) return skip("others took the number each time");
  REQUIRE(later->pid() == number);
  SECTION("a stranger") {
    members.groups = {};
    CHECK(answer_of(gate.open(request_of(asker, path))) == "ENOENT");
  }
  SECTION("a new member") {
    CHECK(eventually(
        [&] { return read_all(injected_fd(gate.open(request_of(asker, path)))) == "the-stranger\n"; }));
  }
}

}  // namespace proctor::tests
