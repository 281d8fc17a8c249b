#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <string>

#include "sandboxed.hpp"
#include "support/catch.hpp"

using namespace proctor;
using namespace proctor::test;

namespace {

/// A group of its own in our session: not orphaned, so that terminal stop signals stop.
const auto own_group = [] { ::setpgid(0, 0); };

}  // namespace

TEST_CASE("signals: what is sent to the front reaches the command") {
  const auto way = GENERATE(Way::embedded, Way::daemon);
  const Sandboxed sandboxed(way);
  Pipe out;
  // Not `read`: a shell that looks for its trap and then reads misses what comes in between.
  constexpr const char* script = "trap 'echo caught; exit 9' TERM; echo ready; while :; do sleep 0.1; done";
  Program front({sandboxed.argv({"sh", "-c", script}), -1, out.write.get(), -1, {}});
  REQUIRE(read_line(out.read) == "ready");
  REQUIRE(::kill(front.pid(), SIGTERM) == 0);
  CHECK(read_line(out.read) == "caught");
  CHECK(WEXITSTATUS(front.wait()) == 9);
}

TEST_CASE("signals: a queued value reaches the command, and no number of whom it came from") {
  const auto way = GENERATE(Way::embedded, Way::daemon);
  const Sandboxed sandboxed(way);
  Pipe out;
  Program front({sandboxed.argv({PROCTOR_REPORT_TARGET, "queued"}), -1, out.write.get(), -1, {}});
  REQUIRE(read_line(out.read) == "ready");
  sigval value{};
  value.sival_int = 4711;
  const bool is_queued = GENERATE(true, false);
  REQUIRE((is_queued ? ::sigqueue(front.pid(), SIGUSR1, value) : ::kill(front.pid(), SIGUSR1)) == 0);
  CHECK(read_line(out.read) == (is_queued ? "value 4711 from 0" : "value 0 from 0"));
  CHECK(front.wait() == 0);
}

TEST_CASE("signals: one that comes while the sandbox is being made is not lost") {
  const auto way = GENERATE(Way::embedded, Way::daemon);
  for (int round = 0; round < 5; ++round) {
    const Sandboxed sandboxed(way);
    Program front({sandboxed.argv({"sleep", "1000"}), -1, -1, -1, {}});
    // At no particular point of its start, which differs from round to round.
    ::usleep(static_cast<useconds_t>(round) * 1000);
    REQUIRE(::kill(front.pid(), SIGTERM) == 0);
    const int status = front.wait();
    CHECK((WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status)) == 143);
  }
}

TEST_CASE("signals: a timer that was set before reaches the command, as after a plain exec") {
  const auto way = GENERATE(Way::embedded, Way::daemon);
  const Sandboxed sandboxed(way);
  const auto outcome = run_program({sandboxed.argv({"sleep", "1000"}), -1, -1, -1, [] { ::alarm(1); }});
  const int status = outcome.status;
  CHECK((WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status)) == 128 + SIGALRM);
}

TEST_CASE("signals: an ignored hang-up stays ignored") {
  const auto way = GENERATE(Way::embedded, Way::daemon);
  const Sandboxed sandboxed(way);
  Pipe out;
  Pipe in;
  Program front({sandboxed.argv({"sh", "-c", "echo ready; read x; exit 6"}), in.read.get(), out.write.get(),
                 -1, [] { ::signal(SIGHUP, SIG_IGN); }});
  REQUIRE(read_line(out.read) == "ready");
  REQUIRE(::kill(front.pid(), SIGHUP) == 0);
  in.write.reset();
  CHECK(WEXITSTATUS(front.wait()) == 6);
}

TEST_CASE("job control: the front stops with the command, by the same signal, and goes on with it") {
  const auto way = GENERATE(Way::embedded, Way::daemon);
  const auto signal = GENERATE(SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU);
  const Sandboxed sandboxed(way);
  Pipe out;
  const auto script = "kill -" + std::to_string(signal) + " $$; echo again; exit 2";
  Program front({sandboxed.argv({"sh", "-c", script}), -1, out.write.get(), -1, own_group});
  int status = 0;
  REQUIRE(front.wait_change(WSTOPPED | WEXITED | WNOWAIT, status) == CLD_STOPPED);
  CHECK(status == signal);
  REQUIRE(::kill(-front.pid(), SIGCONT) == 0);
  CHECK(read_line(out.read) == "again");
  CHECK(WEXITSTATUS(front.wait()) == 2);
}

TEST_CASE("job control: a stop and a continue sent to the front alone reach the command") {
  const auto way = GENERATE(Way::embedded, Way::daemon);
  const Sandboxed sandboxed(way);
  Pipe out;
  Pipe in;
  Program front({sandboxed.argv({"sh", "-c", "echo ready; read x; echo again"}), in.read.get(),
                 out.write.get(), -1, own_group});
  REQUIRE(read_line(out.read) == "ready");
  REQUIRE(::kill(front.pid(), SIGTSTP) == 0);
  int status = 0;
  REQUIRE(front.wait_change(WSTOPPED | WEXITED, status) == CLD_STOPPED);
  CHECK(status == SIGTSTP);
  REQUIRE(::kill(front.pid(), SIGCONT) == 0);
  in.write.reset();
  CHECK(read_line(out.read) == "again");
  CHECK(front.wait() == 0);
}

TEST_CASE("job control: a command that is continued or killed by others wakes an embedded front") {
  const auto signal = GENERATE(SIGCONT, SIGKILL);
  const Sandboxed sandboxed(Way::embedded);
  Pipe out;
  Program front(
      {sandboxed.argv({"sh", "-c", "echo $$; kill -STOP $$; exit 2"}), -1, out.write.get(), -1, own_group});
  const auto command = std::atoi(read_line(out.read).c_str());
  int status = 0;
  REQUIRE(front.wait_change(WSTOPPED | WEXITED, status) == CLD_STOPPED);
  REQUIRE(::kill(command, signal) == 0);
  CHECK(WEXITSTATUS(front.wait()) == (signal == SIGCONT ? 2 : 137));
}
