// What lies in a directory that has no Landlock rule is opened on the target's behalf.
#include <sys/stat.h>

#include <fstream>

#include "procfs/gate.hpp"
#include "support/catch.hpp"
#include "tests/procfs/fixture.hpp"

namespace proctor::tests {
namespace {

using procfs::PathHints;
using procfs::ProcGate;

void write_file(const std::string& path, const std::string& text) { std::ofstream(path) << text; }

/// A directory without a rule; what is in it when `hints` are made has one.
struct Ungranted {
  TemporaryDirectory directory;
  std::string path = std::filesystem::canonical(directory.path).string();
  Ungranted() {
    ::chmod(path.c_str(), 0777);
    std::filesystem::create_directory(path + "/granted");
    write_file(path + "/granted/file", "granted");
  }

  [[nodiscard]] PathHints hints() const {
    std::vector<std::string> chain = {"/"};
    for (std::size_t at = path.find('/', 1); at != std::string::npos; at = path.find('/', at + 1)) {
      chain.push_back(path.substr(0, at));
    }
    chain.push_back(path);
    return PathHints(chain);
  }
};

}  // namespace

TEST_CASE(
    "elsewhere: a later entry of a directory without a rule is served, an earlier one is the kernel's") {
  const Ungranted ungranted;
  const Target target;
  FakeMembers members({target.pid()});
  ProcGate gate(members, ungranted.hints());
  std::filesystem::create_directory(ungranted.path + "/later");
  write_file(ungranted.path + "/later/file", "later");
  write_file(ungranted.path + "/plain", "plain");
  std::filesystem::create_symlink(ungranted.path + "/plain", ungranted.path + "/granted/link");
  CHECK(content_of(gate.open(request_of(target, ungranted.path + "/later/file"))) == "later");
  CHECK(content_of(gate.open(request_of(target, ungranted.path + "/plain"))) == "plain");
  CHECK(content_of(gate.open(request_of(target, ungranted.path + "/granted/link"))) == "plain");
  CHECK(content_of(gate.open(request_of(target, ungranted.path + "/granted/file"))) == "continue");
  CHECK(content_of(gate.open(request_of(target, ungranted.path + "/later"))) == "continue");
  CHECK(content_of(gate.open(request_of(target, ungranted.path + "/later/file", O_PATH))) == "continue");
  CHECK(content_of(gate.open(request_of(target, ungranted.path + "/later/file", O_DIRECTORY))) == "continue");
  CHECK(content_of(gate.open(request_of(target, ungranted.path + "/missing"))) == "continue");
  CHECK(content_of(gate.open(request_of(target, "/proc/self/root" + ungranted.path + "/plain"))) ==
        "continue");
}

TEST_CASE("elsewhere: a descriptor is served as blocking, unless asked otherwise") {
  const Ungranted ungranted;
  const Target target;
  FakeMembers members({target.pid()});
  ProcGate gate(members, ungranted.hints());
  write_file(ungranted.path + "/plain", "plain");
  const auto blocking = gate.open(request_of(target, ungranted.path + "/plain", O_RDWR));
  REQUIRE(injected_fd(blocking) >= 0);
  CHECK((::fcntl(injected_fd(blocking), F_GETFL) & O_NONBLOCK) == 0);
  const auto other = gate.open(request_of(target, ungranted.path + "/plain", O_RDWR | O_NONBLOCK));
  CHECK((::fcntl(injected_fd(other), F_GETFL) & O_NONBLOCK) != 0);
}

TEST_CASE("elsewhere: a FIFO or a leased file does not hold the supervisor up") {
  const Ungranted ungranted;
  const Target target;
  FakeMembers members({target.pid()});
  ProcGate gate(members, ungranted.hints());
  REQUIRE(::mkfifo((ungranted.path + "/fifo").c_str(), 0600) == 0);
  CHECK(answer_of(gate.open(request_of(target, ungranted.path + "/fifo"))) == "continue");
  write_file(ungranted.path + "/leased", "leased");
  ::signal(SIGIO, SIG_IGN);
  const kernel::UniqueFd leased(::open((ungranted.path + "/leased").c_str(), O_RDONLY | O_CLOEXEC));
  if (::fcntl(leased.get(), F_SETLEASE, F_RDLCK) != 0) return skip("no leases on this file system");
  CHECK(answer_of(gate.open(request_of(target, ungranted.path + "/leased", O_WRONLY))) == "continue");
}

TEST_CASE("elsewhere: a file is created with the target's umask and owner, and never over another") {
  const Ungranted ungranted;
  const bool as_nobody = ::geteuid() == 0;
  const Target target([&] {
    if (as_nobody && !become_nobody()) ::_exit(3);
    ::umask(0007);
  });
  REQUIRE(target.is_ready());
  FakeMembers members({target.pid()});
  ProcGate gate(members, ungranted.hints());
  auto request = request_of(target, {}, O_WRONLY | O_CREAT);
  request.mode = 0666;
  const std::string made = ungranted.path + "/made";
  request.path = made;
  const mode_t before = ::umask(0022);
  const auto verdict = gate.open(request);
  ::umask(before);
  REQUIRE(injected_fd(verdict) >= 0);
  struct stat info {};
  REQUIRE(::fstat(injected_fd(verdict), &info) == 0);
  CHECK((info.st_mode & 07777U) == 0660);
  if (as_nobody) CHECK(info.st_uid == 65534);
  CHECK(std::filesystem::exists(made));
  // There already: opened, not made again.
  CHECK(answer_of(gate.open(request)) == "inject");
  request.flags |= O_EXCL;
  CHECK(answer_of(gate.open(request)) == "continue");  // EEXIST, the kernel's

  // A dangling link is not created through by a name that was not walked.
  const std::string dangling = ungranted.path + "/dangling";
  std::filesystem::create_symlink(ungranted.path + "/granted/new", dangling);
  request.flags = O_WRONLY | O_CREAT;
  request.path = dangling;
  CHECK(answer_of(gate.open(request)) == "continue");
  CHECK_FALSE(std::filesystem::exists(ungranted.path + "/granted/new"));
}

TEST_CASE("elsewhere: what the target may not open or create is left to the kernel's refusal") {
  if (::geteuid() != 0) return skip("another user's file needs root");
  const Ungranted ungranted;
  const Target target([] {
    if (!become_nobody()) ::_exit(3);
  });
  REQUIRE(target.is_ready());
  FakeMembers members({target.pid()});
  ProcGate gate(members, ungranted.hints());
  write_file(ungranted.path + "/secret", "secret");
  ::chmod((ungranted.path + "/secret").c_str(), 0600);
  std::filesystem::create_directory(ungranted.path + "/roots");
  CHECK(answer_of(gate.open(request_of(target, ungranted.path + "/secret"))) == "continue");
  CHECK(answer_of(gate.open(request_of(target, ungranted.path + "/roots/new", O_WRONLY | O_CREAT))) ==
        "continue");
  CHECK_FALSE(std::filesystem::exists(ungranted.path + "/roots/new"));
}

}  // namespace proctor::tests
