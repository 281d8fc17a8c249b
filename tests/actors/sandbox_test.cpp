// A whole sandbox in this process: the kernel's own notifications of a real target.
#include <signal.h>
#include <sys/syscall.h>

#include "messages/supervisor.hpp"
#include "sandbox_fixture.hpp"

namespace proctor::tests {
namespace {

namespace event = messages::event;

std::uint64_t process_actors(const messages::SandboxDescription& description) {
  return static_cast<std::uint64_t>(std::count_if(description.actors.begin(), description.actors.end(),
                                                  [](const auto& actor) { return actor.kind == "process"; }));
}

/// Whether a process of this number runs; a zombie does not.
bool is_running(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::string line;
  std::getline(file, line);
  const auto end = line.rfind(')');
  return end != std::string::npos && line[end + 2] != 'Z' && line[end + 2] != 'X';
}

struct Scene {
  TestSystem actors;
  CollectedRecord record{actors.system};
  RunningSandbox sandbox{actors.system, record.target};
  Stage& target = sandbox.stage;
};

}  // namespace

TEST_CASE("sandbox: a process is on record from its registration over its exec to its exit") {
  Scene scene;
  const pid_t child = scene.target.ask_number("child");
  REQUIRE(child > 0);
  CHECK(scene.record.comes<event::ProcessRegistered>(
      [&](const auto& e) { return e.key.pid == child && e.parent.pid == scene.target.target; }));
  REQUIRE(scene.target.ask("vfork-exec") == "exit 0");
  CHECK(scene.record.comes<event::ProcessExec>([](const auto& e) { return e.command == "sandbox_stage"; }));
  REQUIRE(scene.target.ask("end-child " + std::to_string(child)) == "ok");
  CHECK(scene.record.comes<event::ProcessExited>([&](const auto& e) {
    return e.key.pid == child && e.notifications == 1 && e.refused == 0 && e.command == "sandbox_stage" &&
           (!e.status || (WIFSIGNALED(*e.status) && WTERMSIG(*e.status) == SIGKILL));
  }));
  CHECK(eventually([&] { return !scene.sandbox.has(child); }));
  REQUIRE(scene.sandbox.end());
  CHECK(scene.record.comes<event::SandboxEnded>([](const auto& e) {
    return e.reason == "the test is over" && e.processes == 3 && e.notifications > 3;
  }));
  // Whatever was started has been told to have stopped, normally.
  const auto started = scene.record.of<event::ActorStarted>();
  const auto stopped = scene.record.of<event::ActorStopped>();
  CHECK(started.size() == 4 + 3);
  CHECK(stopped.size() == started.size());
  for (const auto& actor : stopped) CHECK(actor.reason == "normal");
}

TEST_CASE("sandbox: /proc shows a process itself and its own, and no other") {
  Scene scene;
  const auto own = std::to_string(scene.target.ask_number("child"));
  CHECK(scene.target.ask("read /proc/self/comm") == "read sandbox_stage");
  CHECK(scene.target.ask("read /proc/" + own + "/comm") == "read sandbox_stage");
  const auto foreign = std::to_string(::getpid());
  CHECK(scene.target.ask("read /proc/" + foreign + "/comm") == "errno " + std::to_string(ENOENT));
  CHECK(scene.target.ask("kill-check " + foreign) == "errno " + std::to_string(ESRCH));
  CHECK(scene.target.ask("kill-check " + own) == "ok");
  CHECK(scene.record.comes<event::VerdictGiven>([&](const auto& e) {
    return e.syscall == "openat" && e.argument == "/proc/" + foreign + "/comm" && e.verdict == "ENOENT";
  }));
  CHECK(scene.record.comes<event::VerdictGiven>(
      [&](const auto& e) { return e.syscall == "kill" && e.verdict == "ESRCH"; }));
}

TEST_CASE("sandbox: an open relative to a working directory on /proc is judged as what it leads to") {
  Scene scene;
  const auto foreign = std::to_string(::getpid());
  REQUIRE(scene.target.ask("read etc/hostname") != "");
  REQUIRE(scene.target.ask("chdir /proc") == "ok");
  CHECK(scene.target.ask("read self/comm") == "read sandbox_stage");
  CHECK(scene.target.ask("read " + foreign + "/comm") == "errno " + std::to_string(ENOENT));
  REQUIRE(scene.target.ask("chdir self") == "ok");
  CHECK(scene.target.ask("read comm") == "read sandbox_stage");
  CHECK(scene.target.ask("read ../" + foreign + "/comm") == "errno " + std::to_string(ENOENT));
  REQUIRE(scene.target.ask("chdir /") == "ok");
  CHECK(scene.target.ask("read self/comm") == "errno " + std::to_string(ENOENT));
}

TEST_CASE("sandbox: after vfork and exec a path is read from the new program's memory, not the parent's") {
  Scene scene;
  // The same address holds "/dev/null" in the parent, which lives on; the supervisor has read it there on
  // behalf of the child. Were it read there again, the child's open of /proc/self/comm would be continued,
  // and Landlock would refuse it.
  CHECK(scene.target.ask("vfork-exec") == "exit 0");
  CHECK(scene.record.comes<event::VerdictGiven>(
      [](const auto& e) { return e.argument == "/proc/self/comm" && e.verdict == "inject"; }));
}

TEST_CASE("sandbox: an exec by a thread that leads no group keeps the process's key and actor") {
  Scene scene;
  const auto before = scene.sandbox.process(scene.target.target);
  REQUIRE(before);
  const auto actor_before =
      scene.sandbox.thread->processes()->processes.find(scene.target.target)->handle.actor_id;
  REQUIRE(scene.target.ask("exec-from-thread") == "ok");
  REQUIRE(scene.target.ask("read /proc/self/comm") == "read sandbox_stage");
  const auto after = scene.sandbox.process(scene.target.target);
  REQUIRE(after);
  CHECK(after->key == before->key);
  CHECK(after->notifications > before->notifications);
  CHECK(scene.sandbox.thread->processes()->processes.find(scene.target.target)->handle.actor_id ==
        actor_before);
  CHECK(scene.sandbox.describe()->processes.size() == 1);
  CHECK(scene.record.comes<event::ProcessExec>([&](const auto& e) { return e.key == before->key; }));
  CHECK(scene.record.of<event::ProcessExited>().empty());
}

TEST_CASE("sandbox: threads share their process's actor") {
  Scene scene;
  const auto before = scene.sandbox.process(scene.target.target);
  REQUIRE(before);
  REQUIRE(scene.target.ask("threads 8") == "ok");
  const auto description = scene.sandbox.describe();
  REQUIRE(description->processes.size() == 1);
  CHECK(description->processes[0].threads >= before->threads + 8);  // a sanitizer adds its own
  CHECK(description->processes[0].notifications >= before->notifications + 8);
  CHECK(process_actors(*description) == 1);
}

TEST_CASE("sandbox: a child that never asked for anything is there when somebody looks") {
  Scene scene;
  const pid_t quiet = scene.target.ask_number("quiet-child");
  REQUIRE(quiet > 0);
  const auto found = scene.sandbox.process(quiet);
  REQUIRE(found);
  CHECK(found->notifications == 0);
  CHECK(found->parent.pid == scene.target.target);
  CHECK(scene.target.ask("read /proc/" + std::to_string(quiet) + "/comm") == "read sandbox_stage");
}

TEST_CASE("sandbox: an orphan stays inside") {
  Scene scene;
  const pid_t orphan = scene.target.ask_number("orphan");
  REQUIRE(orphan > 0);
  CHECK(scene.sandbox.has(orphan));
  CHECK(scene.target.ask("kill-check " + std::to_string(orphan)) == "ok");
  REQUIRE(scene.sandbox.end());
  CHECK(eventually([&] { return !is_running(orphan); }));
}

TEST_CASE("sandbox: a zombie belongs until it is reaped, and is on record once however often it is found") {
  Scene scene;
  const pid_t zombie = scene.target.ask_number("zombie");
  REQUIRE(zombie > 0);
  for (int look = 0; look < 3; ++look) {
    CHECK(scene.sandbox.has(zombie));
    CHECK(scene.target.ask("kill-check " + std::to_string(zombie)) == "ok");
  }
  const auto of_zombie = [&](const auto& e) { return e.key.pid == zombie; };
  CHECK(scene.record.comes<event::ProcessExited>(of_zombie));
  REQUIRE(scene.target.ask("end-child " + std::to_string(zombie)) == "ok");
  CHECK(scene.target.ask("kill-check " + std::to_string(zombie)) == "errno " + std::to_string(ESRCH));
  CHECK_FALSE(scene.sandbox.has(zombie));
  REQUIRE(scene.sandbox.end());
  CHECK(scene.record.comes<event::SandboxEnded>([](const auto& e) { return e.processes == 2; }));
  CHECK(scene.record.count<event::ProcessRegistered>(of_zombie) == 1);
  CHECK(scene.record.count<event::ProcessExited>(of_zombie) == 1);
}

TEST_CASE("sandbox: a process whose actor failed is refused what it asks, the others go on") {
  Scene scene;
  const auto other = std::to_string(scene.target.ask_number("child"));
  const auto victim = scene.sandbox.thread->processes()->processes.find(scene.target.target)->handle;
  caf::anon_send(caf::actor_cast<caf::actor>(victim.actor),
                 caf::exit_msg{{}, caf::make_error(caf::sec::runtime_error, "the test's doing")});
  CHECK(scene.record.comes<event::ActorStopped>([&](const auto& e) {
    return e.id == victim.actor_id && e.reason.find("the test's doing") != std::string::npos;
  }));
  CHECK(scene.target.ask("read /etc/hostname") == "errno " + std::to_string(EIO));
  CHECK(scene.target.ask("read /proc/self/comm") == "errno " + std::to_string(EIO));
  CHECK(scene.target.ask("ask") == "errno " + std::to_string(EIO));
  CHECK(scene.record.comes<event::VerdictGiven>(
      [](const auto& e) { return e.verdict == "EIO" && e.reason == "its process actor has failed"; }));
  // A child of the refused one has an actor of its own: fork and a call of the child's work.
  const pid_t child = scene.target.ask_number("child");
  CHECK(child > 0);
  CHECK(scene.sandbox.process(child)->notifications == 1);
  CHECK(scene.sandbox.process(std::stoi(other))->refused == 0);
  CHECK(scene.sandbox.describe()->state == "armed");
  // Its end is on record all the same.
  REQUIRE(scene.sandbox.end());
  CHECK(scene.record.comes<event::ProcessExited>(
      [&](const auto& e) { return e.key.pid == scene.target.target && e.refused >= 3; }));
}

TEST_CASE("sandbox: one process too many is told EAGAIN, and there is room again when one has ended") {
  TestSystem actors;
  actors::SandboxLimits limits;
  limits.processes_max = 2;
  RunningSandbox sandbox{actors.system, nullptr, limits};
  auto& target = sandbox.stage;
  const pid_t first = target.ask_number("child");
  REQUIRE(first > 0);
  CHECK(target.ask("child") == "errno " + std::to_string(EAGAIN));
  CHECK(target.ask("ask") == "ok");  // the others go on
  REQUIRE(target.ask("end-child " + std::to_string(first)) == "ok");
  // The one that was refused is still there; the place goes to whoever asks first.
  CHECK(target.ask_number("child") > 0);
}

TEST_CASE("sandbox: a process under a recycled number never inherits the dead one's actor") {
  if (::geteuid() != 0) return skip("needs root to choose a pid");
  Scene scene;
  const auto answer = scene.target.ask("recycle");
  if (answer == "no permission") return skip("needs root to choose a pid");
  if (answer == "others were faster") return skip("others took the number each time");
  CAPTURE(answer);
  const pid_t recycled = std::atoi(answer.c_str());
  REQUIRE(recycled > 0);
  const auto now = scene.sandbox.process(recycled);
  REQUIRE(now);
  CHECK(now->notifications == 1);  // the dead one made three calls
  const auto of_number = [&](const auto& e) { return e.key.pid == recycled; };
  CHECK(eventually([&] { return scene.record.count<event::ProcessRegistered>(of_number) == 2; }));
  REQUIRE(scene.record.count<event::ProcessExited>(of_number) == 1);
  CHECK(scene.record.count<event::ProcessExited>(
            [&](const auto& e) { return of_number(e) && e.notifications == 3; }) == 1);
}

TEST_CASE("sandbox: its end ends every process, one that never stays the same included") {
  Scene scene;
  const pid_t quiet = scene.target.ask_number("quiet-child");
  const pid_t orphan = scene.target.ask_number("orphan");
  REQUIRE(scene.target.ask("hopper") == "ok");
  REQUIRE(eventually([&] { return scene.sandbox.describe()->processes.size() >= 4; }));
  REQUIRE(scene.sandbox.end());
  // The listener hung up, so the kernel itself says that no task is under the filter any more.
  CHECK(eventually(
      [&] { return !is_running(quiet) && !is_running(orphan) && !is_running(scene.target.target); }));
  CHECK(eventually([&] {
    std::ifstream children("/proc/" + std::to_string(scene.target.init) + "/task/" +
                           std::to_string(scene.target.init) + "/children");
    std::string left;
    return !(children >> left);
  }));
}

TEST_CASE("sandbox: it refuses to be made of a target that is gone") {
  TestSystem actors;
  Stage stage;
  stage.release.reset();  // its order to leave
  REQUIRE(eventually([&] { return !stage.target_pidfd.info(); }));
  auto started = actors::SandboxThread::start(actors.system, order_of(stage), {}, nullptr, 0, [] {});
  REQUIRE_FALSE(started);
  CHECK(started.error().number == ESRCH);
  CHECK(actors.system.registry().running() == 0);
}

}  // namespace proctor::tests
