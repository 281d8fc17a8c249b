// Threat: a file of /proc keeps its opener's credentials; a supervisor must not lend its own.
#include <sys/prctl.h>

#include <map>

#include "procfs/gate.hpp"
#include "support/catch.hpp"
#include "tests/procfs/fixture.hpp"

namespace proctor::tests {
namespace {

using procfs::ProcGate;

constexpr std::size_t rows_max = 128;
struct OwnOpen {
  std::array<char, 40> name;
  int error;
};
struct OwnOpens {
  std::array<OwnOpen, rows_max> rows;
  std::size_t count;
};

/// Every regular file of /proc/self, opened by the process itself.
void open_all(OwnOpens& result, int flags) {
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self")) {
    if (!std::filesystem::is_regular_file(entry.symlink_status()) || result.count == rows_max) continue;
    OwnOpen& row = result.rows.at(result.count++);
    const std::string name = entry.path().filename().string();
    name.copy(row.name.data(), row.name.size() - 1);
    const int fd = ::open(entry.path().c_str(), flags);
    row.error = fd < 0 ? errno : 0;
    if (fd >= 0) ::close(fd);
  }
}

void compare(const Target& target, const OwnOpens& own, int flags) {
  REQUIRE(own.count > 20);
  FakeMembers members({target.pid()});
  ProcGate gate(members);
  for (std::size_t i = 0; i < own.count; ++i) {
    const OwnOpen& row = own.rows.at(i);
    const std::string path = std::string("/proc/self/") + row.name.data();
    const std::string expected = row.error == 0 ? "inject" : kernel::errno_name(row.error);
    CAPTURE(path);
    CHECK(answer_of(gate.open(request_of(target, path, static_cast<std::uint64_t>(flags)))) == expected);
  }
}

bool is_root() {
  if (::geteuid() == 0) return true;
  skip("becoming another user needs root");
  return false;
}

}  // namespace

TEST_CASE("credentials: a target of the supervisor's user reads exactly what it could by itself") {
  const Shared<OwnOpens> own;
  const Target target([&] { open_all(*own, O_RDONLY); });
  REQUIRE(target.is_ready());
  compare(target, *own, O_RDONLY);
}

TEST_CASE("credentials: a root supervisor opens for nobody exactly what nobody could") {
  if (!is_root()) return;
  const Shared<OwnOpens> own;
  const Target target([&] {
    if (!become_nobody()) ::_exit(3);
    ::prctl(PR_SET_DUMPABLE, 1);
    open_all(*own, O_RDONLY);
  });
  REQUIRE(target.is_ready());
  compare(target, *own, O_RDONLY);
}

TEST_CASE("credentials: what nobody may not open by itself, a root supervisor does not open for it") {
  if (!is_root()) return;
  // Not dumpable since the change of user: its files are root's.
  const Shared<OwnOpens> own;
  const Target target([&] {
    if (!become_nobody()) ::_exit(3);
    open_all(*own, O_RDONLY);
  });
  REQUIRE(target.is_ready());
  FakeMembers members({target.pid()});
  ProcGate gate(members);
  bool refused_any = false;
  for (std::size_t i = 0; i < own->count; ++i) {
    const OwnOpen& row = own->rows.at(i);
    if (row.error == 0) continue;
    refused_any = true;
    CAPTURE(row.name.data());
    CHECK(answer_of(gate.open(request_of(target, std::string("/proc/self/") + row.name.data()))) != "inject");
  }
  CHECK(refused_any);
  CHECK(answer_of(gate.open(request_of(target, "/proc/self/oom_score_adj", O_WRONLY))) == "EACCES");
  CHECK(answer_of(gate.open(request_of(target, "/proc/slabinfo"))) != "inject");
}

TEST_CASE("credentials: the walk itself has no more rights than the target") {
  if (!is_root()) return;
  const TemporaryDirectory directory;  // mode 0700, root's
  std::filesystem::create_symlink("/proc/self/comm", directory.path + "/link");
  const Target target([] {
    if (!become_nobody()) ::_exit(3);
    ::prctl(PR_SET_DUMPABLE, 1);
  });
  REQUIRE(target.is_ready());
  FakeMembers members({target.pid()});
  ProcGate gate(members);
  CHECK(answer_of(gate.open(request_of(target, directory.path + "/link"))) ==
        "continue");  // EACCES, the kernel's
  REQUIRE(::chmod(directory.path.c_str(), 0755) == 0);
  CHECK(answer_of(gate.open(request_of(target, directory.path + "/link"))) == "inject");
}

TEST_CASE("credentials: the injected file carries the target's, not the supervisor's") {
  if (!is_root()) return;
  const Target target([] {
    if (!become_nobody()) ::_exit(3);
    ::prctl(PR_SET_DUMPABLE, 1);
  });
  REQUIRE(target.is_ready());
  // In /proc/kallsyms' family the opener decides at read time: here by the addresses in /proc/PID/stack,
  // /proc/modules and the like. /proc/modules shows zeros to an opener without CAP_SYSLOG.
  const auto before = kernel::read_credentials(::gettid());
  REQUIRE(before);
  FakeMembers members({target.pid()});
  ProcGate gate(members);
  const auto nobodys = gate.open(request_of(target, "/proc/modules"));
  if (injected_fd(nobodys) >= 0) {
    const std::string text = read_all(injected_fd(nobodys));
    CHECK((text.empty() || text.find("0x0000000000000000") != std::string::npos));
  }
  // And the supervisor is itself again.
  const auto after = kernel::read_credentials(::gettid());
  REQUIRE(after);
  CHECK(*after == *before);
}

}  // namespace proctor::tests
