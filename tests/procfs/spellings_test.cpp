// threats.md, rows 3 and 29: whatever a foreign pid is called, the answer is that of a pid nobody has.
#include "tests/procfs/spellings.hpp"

#include <linux/openat2.h>

#include <string>

#include "support/catch.hpp"
#include "tests/procfs/fixture.hpp"

namespace proctor::tests {
namespace {

using procfs::OpenRequest;
using procfs::ProcGate;

constexpr int proc_fd = 100;
constexpr int root_fd = 101;
constexpr int own_fd = 102;

std::string replaced(std::string text, char what, const std::string& by) {
  for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + by.size())) {
    text.replace(at, 1, by);
  }
  return text;
}

int dirfd_of(From from) {
  switch (from) {
    case From::root:
      return root_fd;
    case From::proc:
      return proc_fd;
    case From::own:
      return own_fd;
    case From::cwd:
      break;
  }
  return AT_FDCWD;
}

void open_as(int number, const char* path) {
  const int fd = ::open(path, O_PATH | O_DIRECTORY);
  if (fd < 0 || ::dup2(fd, number) < 0) ::_exit(3);
  ::close(fd);
}

void stand_in_proc() {
  if (::chdir("/proc") != 0) ::_exit(3);
  open_as(proc_fd, "/proc");
  open_as(root_fd, "/");
  open_as(own_fd, "/proc/self");
}

/// The test's own process in the place of a target, so that the kernel can be asked as the target would
/// ask it; put back at the end.
class StandInProc {
 public:
  StandInProc() : back_(::open(".", O_PATH | O_DIRECTORY | O_CLOEXEC)) { stand_in_proc(); }
  StandInProc(const StandInProc&) = delete;
  StandInProc& operator=(const StandInProc&) = delete;
  ~StandInProc() {
    for (const int fd : {proc_fd, root_fd, own_fd}) ::close(fd);
    if (::fchdir(back_.get()) != 0) std::abort();
  }

 private:
  kernel::UniqueFd back_;
};

class Corpus {
 public:
  explicit Corpus(const std::vector<pid_t>& pids) {
    for (const pid_t pid : pids) {
      for (const Link& link : links) {
        const std::string name = directory.path + "/" + of(link.name, pid);
        std::error_code ignored;  // a link without a pid exists by then
        std::filesystem::create_symlink(of(link.text, pid), name, ignored);
      }
    }
  }

  [[nodiscard]] std::string of(const char* text, pid_t pid) const {
    return replaced(replaced(text, '%', std::to_string(pid)), '@', directory.path);
  }

  TemporaryDirectory directory;
};

constexpr std::array<std::uint64_t, 12> all_flags = {
    O_RDONLY,
    O_DIRECTORY,
    O_NOFOLLOW,
    O_NOFOLLOW | O_DIRECTORY,
    O_PATH,
    O_PATH | O_NOFOLLOW,
    O_WRONLY,
    O_RDWR | O_TRUNC,
    O_WRONLY | O_CREAT,
    O_WRONLY | O_CREAT | O_EXCL,
    O_CREAT | O_DIRECTORY,
    O_TMPFILE | O_RDWR,
};
constexpr std::array<std::uint64_t, 7> all_resolves = {0,
                                                       RESOLVE_NO_SYMLINKS,
                                                       RESOLVE_NO_MAGICLINKS,
                                                       RESOLVE_BENEATH,
                                                       RESOLVE_IN_ROOT,
                                                       RESOLVE_NO_XDEV,
                                                       RESOLVE_CACHED};

/// What the target would see in the end: the kernel answers where the verdict lets it.
std::string seen(const policy::Verdict& verdict, const OpenRequest& request) {
  if (!std::holds_alternative<policy::Continue>(verdict.answer)) return answer_of(verdict);
  // RESOLVE_CACHED depends on what the kernel remembers.
  if ((request.resolve & RESOLVE_CACHED) != 0) return "cached";
  const auto answer = kernel_open(request.dirfd, std::string(request.path), request.flags, request.resolve);
  return answer.fd ? "opened" : kernel::errno_name(answer.error);
}

}  // namespace

TEST_CASE("gate: a foreign process answers like a dead one, whatever the spelling") {
  const pid_t foreign = 1;
  const pid_t dead = dead_pid();
  const StandInProc standing;
  const Target target(stand_in_proc);
  REQUIRE(target.is_ready());
  const Corpus corpus({foreign, dead});
  FakeMembers members({target.pid()});
  ProcGate gate(members);
  for (const Spelling& spelling : spellings) {
    for (const std::uint64_t flags : all_flags) {
      for (const std::uint64_t resolve : all_resolves) {
        const bool is_usual = flags == O_RDONLY || flags == O_PATH || flags == (O_WRONLY | O_CREAT);
        if (resolve != 0 && !is_usual) continue;  // each matters, not every pair
        OpenRequest request = request_of(target, {}, flags, dirfd_of(spelling.from));
        request.resolve = resolve;
        request.mode = 0600;
        std::array<std::string, 2> answers;
        for (const auto& [index, pid] : {std::pair{0U, foreign}, std::pair{1U, dead}}) {
          const std::string path = corpus.of(spelling.text, pid);
          request.path = path;
          const policy::Verdict verdict = gate.open(request);
          answers.at(index) = seen(verdict, request);
          // What is ours to say to the dead is what the kernel says.
          if (pid == dead && resolve != RESOLVE_CACHED &&
              std::holds_alternative<policy::Fail>(verdict.answer)) {
            CAPTURE(path, flags, resolve);
            CHECK(answers.at(index) ==
                  kernel::errno_name(kernel_open(request.dirfd, path, flags, resolve).error));
          }
        }
        CAPTURE(spelling.text, flags, resolve);
        CHECK(answers[0] == answers[1]);
      }
    }
  }
}

TEST_CASE("gate: a member's files are injected under every spelling, and are the kernel's own") {
  const StandInProc standing;
  const Target target(stand_in_proc);
  REQUIRE(target.is_ready());
  const Corpus corpus({target.pid()});
  FakeMembers members({target.pid()});
  ProcGate gate(members);
  int injected = 0;
  for (const Spelling& spelling : spellings) {
    const std::string path = corpus.of(spelling.text, target.pid());
    // Our own `self` is not the target's: the kernel is asked in its name.
    std::string ours = path;
    for (const char* self : {"/proc/self/comm", "../self/comm"}) {
      const std::size_t at = ours.find(self);
      if (at != std::string::npos) ours.replace(ours.find("self", at), 4, std::to_string(target.pid()));
    }
    const OpenRequest request = request_of(target, path, O_RDONLY, dirfd_of(spelling.from));
    const policy::Verdict verdict = gate.open(request);
    const auto answer = kernel_open(request.dirfd, ours, O_RDONLY);
    CAPTURE(path, answer_of(verdict), answer.error);
    if (const int fd = injected_fd(verdict); fd >= 0) {
      ++injected;
      CHECK(is_same_object(fd, answer.fd.get()));
    } else if (std::holds_alternative<policy::Fail>(verdict.answer)) {
      CHECK(answer_of(verdict) == kernel::errno_name(answer.error));
    }
  }
  CHECK(injected > 90);
}

}  // namespace proctor::tests
