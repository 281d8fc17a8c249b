// One answer for every notification, whatever the kernel says to it; with a kernel that says what we like.
#include "actors/responder.hpp"

#include <fcntl.h>
#include <linux/seccomp.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "support/catch.hpp"
#include "tests/kernel/child.hpp"

namespace proctor::tests {
namespace {

using actors::Responder;
using kernel::Journal;
using kernel::SlotNumber;
using policy::Continue;
using policy::Fail;
using policy::Inject;
using policy::InjectAndTell;
using policy::Replace;
using policy::Return;

/// Takes down what it is told, and fails when it shall.
class FakeListener final : public kernel::Listener {
 public:
  kernel::Result<void> receive(kernel::NotificationBuffer) override {
    return kernel::Error{ENOENT, "receive"};
  }
  kernel::Result<void> respond(const seccomp_notif_resp& response) override {
    responses.push_back(response);
    if (respond_error != 0) return kernel::Error{respond_error, "respond"};
    return {};
  }
  bool is_valid(std::uint64_t) override { return true; }
  kernel::Result<int> add_fd_and_respond(std::uint64_t cookie, pid_t, int fd, std::uint32_t flags) override {
    injected.push_back({cookie, fd, flags});
    if (inject_error != 0) return kernel::Error{inject_error, "inject"};
    return 3;
  }
  kernel::Result<int> add_fd(std::uint64_t cookie, pid_t, int fd, std::uint32_t flags) override {
    injected.push_back({cookie, fd, flags});
    if (inject_error != 0) return kernel::Error{inject_error, "add"};
    return 5;
  }
  kernel::Result<void> replace_fd(std::uint64_t cookie, pid_t, int fd, int number,
                                  std::uint32_t flags) override {
    replaced.push_back({{cookie, fd, flags}, number});
    if (inject_error != 0) return kernel::Error{inject_error, "replace"};
    return {};
  }
  bool has_hung_up() const override { return false; }

  struct Injected {
    std::uint64_t cookie;
    int fd;
    std::uint32_t flags;
  };
  struct Replaced : Injected {
    int number;
  };
  std::vector<seccomp_notif_resp> responses;
  std::vector<Injected> injected;
  std::vector<Replaced> replaced;
  int respond_error = 0;
  int inject_error = 0;
};

struct Desk {
  explicit Desk(SlotNumber slots = 4) : journal(*Journal::create(slots)), responder(listener, journal) {}

  /// As if a notification of `tid` had been received.
  SlotNumber receive(std::uint64_t cookie, pid_t tid = 1, std::int64_t deadline_ns = 1000) {
    const auto slot = journal.acquire();
    REQUIRE(slot);
    seccomp_notif notification{};
    notification.id = cookie;
    notification.pid = static_cast<std::uint32_t>(tid);
    std::memcpy(journal[*slot].notification.data(), &notification, sizeof notification);
    journal.fill(*slot, deadline_ns);
    return *slot;
  }

  FakeListener listener;
  Journal journal;
  Responder responder;
};

std::shared_ptr<const kernel::UniqueFd> some_file() {
  return std::make_shared<const kernel::UniqueFd>(::open("/dev/null", O_RDONLY | O_CLOEXEC));
}

}  // namespace

TEST_CASE("responder: each verdict becomes the kernel's answer to exactly its notification") {
  Desk desk;
  desk.responder.respond(desk.receive(11), {Continue{}});
  desk.responder.respond(desk.receive(12), {Fail{EACCES}, "why"});
  desk.responder.respond(desk.receive(13), {Return{48}, "why"});
  REQUIRE(desk.listener.responses.size() == 3);
  const auto& [continued, failed, returned] =
      std::tie(desk.listener.responses[0], desk.listener.responses[1], desk.listener.responses[2]);
  CHECK(continued.id == 11);
  CHECK(continued.flags == SECCOMP_USER_NOTIF_FLAG_CONTINUE);
  CHECK(continued.error == 0);
  CHECK(continued.val == 0);
  CHECK(failed.id == 12);
  CHECK(failed.error == -EACCES);
  CHECK(failed.flags == 0);
  CHECK(returned.id == 13);
  CHECK(returned.val == 48);
  CHECK(returned.error == 0);
  CHECK(returned.flags == 0);

  const auto file = some_file();
  desk.responder.respond(desk.receive(14), {Inject{file, false}, "why"});
  desk.responder.respond(desk.receive(15), {Inject{file, true}, "why"});
  CHECK(desk.listener.responses.size() == 3);  // ADDFD answers by itself
  REQUIRE(desk.listener.injected.size() == 2);
  CHECK(desk.listener.injected[0].cookie == 14);
  CHECK(desk.listener.injected[0].fd == file->get());
  CHECK(desk.listener.injected[0].flags == 0);
  CHECK(desk.listener.injected[1].cookie == 15);
  CHECK(desk.listener.injected[1].flags == O_CLOEXEC);

  const auto& counts = desk.responder.counts();
  CHECK(counts.continued == 1);
  CHECK(counts.failed == 1);
  CHECK(counts.returned == 1);
  CHECK(counts.injected == 2);
  CHECK(counts.withdrawn == 0);
  CHECK(desk.journal.in_flight() == 0);
}

TEST_CASE("responder: a descriptor whose number is told elsewhere is told before the call returns") {
  Desk desk;
  const auto file = some_file();
  std::vector<int> told;
  const auto tell = [&](int number) {
    CHECK(desk.listener.responses.empty());
    told.push_back(number);
    return 0;
  };
  desk.responder.respond(desk.receive(31), {InjectAndTell{file, true, tell}, "why"});
  REQUIRE(desk.listener.injected.size() == 1);
  CHECK(desk.listener.injected[0].fd == file->get());
  CHECK(desk.listener.injected[0].flags == O_CLOEXEC);
  CHECK(told == std::vector{5});
  REQUIRE(desk.listener.responses.size() == 1);
  CHECK(desk.listener.responses[0].val == 0);
  CHECK(desk.listener.responses[0].error == 0);
  CHECK(desk.listener.responses[0].flags == 0);

  // No room for the number, or none for the descriptor: the call fails, and is not continued.
  desk.responder.respond(desk.receive(32), {InjectAndTell{file, true, [](int) { return EFAULT; }}, "why"});
  desk.listener.inject_error = EMFILE;
  desk.responder.respond(desk.receive(33), {InjectAndTell{file, true, tell}, "why"});
  REQUIRE(desk.listener.responses.size() == 3);
  CHECK(desk.listener.responses[1].error == -EFAULT);
  CHECK(desk.listener.responses[2].error == -EMFILE);
  CHECK(told.size() == 1);
  CHECK(desk.responder.counts().injected == 1);
  CHECK(desk.responder.counts().failed == 2);
  CHECK(desk.journal.in_flight() == 0);
}

TEST_CASE("responder: a replaced descriptor is in the target before its call returns 0") {
  Desk desk;
  const auto file = some_file();
  desk.responder.respond(desk.receive(21), {Replace{file, 7, true}, "why"});
  REQUIRE(desk.listener.replaced.size() == 1);
  CHECK(desk.listener.replaced[0].cookie == 21);
  CHECK(desk.listener.replaced[0].fd == file->get());
  CHECK(desk.listener.replaced[0].number == 7);
  CHECK(desk.listener.replaced[0].flags == O_CLOEXEC);
  REQUIRE(desk.listener.responses.size() == 1);
  CHECK(desk.listener.responses[0].id == 21);
  CHECK(desk.listener.responses[0].val == 0);
  CHECK(desk.listener.responses[0].flags == 0);
  CHECK(desk.responder.counts().injected == 1);
}

TEST_CASE("responder: after a descriptor was replaced, the kernel makes the call where the verdict says so") {
  Desk desk;
  desk.responder.respond(desk.receive(23), {Replace{some_file(), 7, false, Replace::Then::goes_on}, "why"});
  REQUIRE(desk.listener.replaced.size() == 1);
  REQUIRE(desk.listener.responses.size() == 1);
  CHECK(desk.listener.responses[0].flags == SECCOMP_USER_NOTIF_FLAG_CONTINUE);
  CHECK(desk.responder.counts().injected == 1);
  CHECK(desk.responder.counts().continued == 0);
}

TEST_CASE("responder: getppid does not fail") {
  Desk desk;
  const auto slot = desk.receive(31);
  seccomp_notif notification = desk.journal[slot].view();
  notification.data.nr = SYS_getppid;
  std::memcpy(desk.journal[slot].notification.data(), &notification, sizeof notification);
  desk.responder.respond(slot, {Fail{ETIMEDOUT}, "why"});
  REQUIRE(desk.listener.responses.size() == 1);
  CHECK(desk.listener.responses[0].error == 0);
  CHECK(desk.listener.responses[0].val == 0);
}

TEST_CASE("responder: where a descriptor cannot be replaced, the kernel goes on") {
  Desk desk;
  desk.listener.inject_error = EBADF;
  desk.responder.respond(desk.receive(22), {Replace{some_file(), 7, false}, "why"});
  REQUIRE(desk.listener.responses.size() == 1);
  CHECK(desk.listener.responses[0].error == 0);
  CHECK(desk.listener.responses[0].flags == SECCOMP_USER_NOTIF_FLAG_CONTINUE);
  CHECK(desk.responder.counts().continued == 1);
}

TEST_CASE("responder: a target that is gone before its answer counts as withdrawn, and frees the slot") {
  Desk desk;
  desk.listener.respond_error = ENOENT;
  desk.listener.inject_error = ENOENT;
  desk.responder.respond(desk.receive(1), {Continue{}});
  desk.responder.respond(desk.receive(2), {Fail{EPERM}, "why"});
  desk.responder.respond(desk.receive(3), {Inject{some_file(), false}, "why"});
  CHECK(desk.responder.counts().withdrawn == 3);
  CHECK(desk.responder.counts().continued == 0);
  CHECK(desk.responder.counts().failed == 0);
  CHECK(desk.responder.counts().injected == 0);
  CHECK(desk.listener.responses.size() == 2);  // nothing more is said to one who left
  CHECK(desk.journal.in_flight() == 0);
}

TEST_CASE("responder: a descriptor that does not fit into the target is an errno, never a continue") {
  for (const int error : {EMFILE, ENFILE, EBADF, ENOMEM, EINVAL}) {
    Desk desk;
    desk.listener.inject_error = error;
    desk.responder.respond(desk.receive(7), {Inject{some_file(), false}, "why"});
    CAPTURE(error);
    REQUIRE(desk.listener.responses.size() == 1);
    CHECK(desk.listener.responses[0].id == 7);
    CHECK(desk.listener.responses[0].error == -error);
    CHECK(desk.listener.responses[0].flags == 0);
    CHECK(desk.responder.counts().failed == 1);
    CHECK(desk.responder.counts().injected == 0);
  }
}

TEST_CASE("responder: an interrupted injection kills the target, which believes that its call returned 0") {
  Child target(wait_for_ever);
  Desk desk;
  desk.listener.inject_error = EINTR;
  desk.responder.respond(desk.receive(7, target.pid()), {Inject{some_file(), false}, "why"});
  const int status = target.wait();
  REQUIRE(WIFSIGNALED(status));
  CHECK(WTERMSIG(status) == SIGKILL);
  CHECK(desk.listener.responses.empty());
  CHECK(desk.responder.counts().withdrawn == 1);
  CHECK(desk.journal.in_flight() == 0);
}

TEST_CASE("responder: a slot is answered once, whoever answers again") {
  Desk desk;
  const auto slot = desk.receive(7);
  desk.responder.respond(slot, {Fail{EACCES}, "first"});
  desk.responder.respond(slot, {Continue{}});
  desk.responder.respond(slot, {Inject{some_file(), false}, "third"});
  desk.responder.expire(1'000'000);
  CHECK(desk.listener.responses.size() == 1);
  CHECK(desk.listener.injected.empty());
  // And once in the list of free ones: the next two notifications do not share a slot.
  CHECK(desk.receive(8) != desk.receive(9));
}

TEST_CASE("responder: what nobody decided is refused at its deadline, not before, and the rest waits on") {
  Desk desk;
  desk.receive(1, 1, 500);
  desk.receive(2, 1, 900);
  CHECK(desk.responder.earliest_deadline_ns() == 500);
  desk.responder.expire(499);
  CHECK(desk.listener.responses.empty());
  desk.responder.expire(500);
  REQUIRE(desk.listener.responses.size() == 1);
  CHECK(desk.listener.responses[0].id == 1);
  CHECK(desk.listener.responses[0].error == -ETIMEDOUT);
  CHECK(desk.listener.responses[0].flags == 0);
  CHECK(desk.responder.counts().expired == 1);
  CHECK(desk.responder.earliest_deadline_ns() == 900);
  desk.responder.expire(2000);
  CHECK(desk.responder.counts().expired == 2);
  CHECK(desk.responder.earliest_deadline_ns() == 0);
  CHECK(desk.journal.in_flight() == 0);
}

TEST_CASE("responder: a failed process is refused what it has in flight, and nobody else is") {
  Child other(wait_for_ever);
  Desk desk;
  desk.receive(1, ::getpid());
  const auto of_other = desk.receive(2, other.pid());
  desk.receive(3, ::getpid());
  desk.responder.refuse_process(::getpid(), EIO, "its actor failed");
  REQUIRE(desk.listener.responses.size() == 2);
  for (const auto& response : desk.listener.responses) {
    CHECK(response.id != 2);
    CHECK(response.error == -EIO);
    CHECK(response.flags == 0);
  }
  CHECK(desk.journal.in_flight() == 1);
  CHECK(desk.journal[of_other].cookie == 2);
}

TEST_CASE("journal: with every slot in flight there is none to receive into, until an answer frees one") {
  Desk desk(2);
  int released = 0;
  desk.responder.on_released([&] { ++released; });
  const auto first = desk.receive(1);
  desk.receive(2);
  CHECK(desk.journal.in_flight() == 2);
  CHECK_FALSE(desk.journal.acquire());
  desk.responder.respond(first, {Continue{}});
  CHECK(released == 1);
  CHECK(desk.journal.in_flight() == 1);
  CHECK(desk.receive(3) == first);
  CHECK_FALSE(desk.journal.acquire());
}

TEST_CASE("journal: who maps its descriptor sees what is in flight") {
  Desk desk(2);
  const auto slot = desk.receive(4711, 17, 99);
  kernel::JournalSlot seen{};
  REQUIRE(::pread(desk.journal.fd(), &seen, sizeof seen, static_cast<off_t>(slot * sizeof seen)) ==
          sizeof seen);
  CHECK(seen.cookie == 4711);
  CHECK(seen.deadline_ns == 99);
  CHECK(seen.view().pid == 17);
  desk.responder.respond(slot, {Continue{}});
  REQUIRE(::pread(desk.journal.fd(), &seen, sizeof seen, static_cast<off_t>(slot * sizeof seen)) ==
          sizeof seen);
  CHECK(seen.cookie == 0);
}

}  // namespace proctor::tests
