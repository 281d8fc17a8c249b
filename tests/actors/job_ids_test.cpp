#include "actors/job_ids.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "support/catch.hpp"

namespace proctor::actors {
namespace {

/// A process that waits, after a change of its group or session; ended with this.
class Waiting {
 public:
  explicit Waiting(void (*change)()) {
    int ready[2];
    REQUIRE(::pipe(ready) == 0);
    pid_ = ::fork();
    REQUIRE(pid_ >= 0);
    if (pid_ == 0) {
      change();
      static_cast<void>(::write(ready[1], "r", 1));
      while (true) ::pause();
    }
    ::close(ready[1]);
    char byte = 0;
    REQUIRE(::read(ready[0], &byte, 1) == 1);
    ::close(ready[0]);
  }
  Waiting(const Waiting&) = delete;
  Waiting& operator=(const Waiting&) = delete;
  ~Waiting() {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  [[nodiscard]] pid_t pid() const { return pid_; }

 private:
  pid_t pid_ = 0;
};

}  // namespace

TEST_CASE("job ids: what the first process is in is foreign, unless it leads it") {
  const Waiting inherits([] {});
  CHECK(JobIds(inherits.pid()).foreign_group() == ::getpgrp());
  CHECK(JobIds(inherits.pid()).foreign_session() == ::getsid(0));
  const Waiting leads_group([] { ::setpgid(0, 0); });
  CHECK(JobIds(leads_group.pid()).foreign_group() == 0);
  CHECK(JobIds(leads_group.pid()).foreign_session() == ::getsid(0));
  const Waiting leads_session([] { ::setsid(); });
  CHECK(JobIds(leads_session.pid()).foreign_group() == 0);
  CHECK(JobIds(leads_session.pid()).foreign_session() == 0);
}

TEST_CASE("job ids: a process of the sandbox that gets a foreign number makes it the sandbox's") {
  const Waiting first([] {});
  JobIds ids(first.pid());
  ids.note_process(first.pid());
  CHECK(ids.foreign_group() == ::getpgrp());
  ids.note_process(::getpgrp());
  CHECK(ids.foreign_group() == 0);
  ids.note_process(::getsid(0));
  CHECK(ids.foreign_session() == 0);
}

}  // namespace proctor::actors
