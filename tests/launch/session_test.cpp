#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "kernel/proc_stat.hpp"
#include "sandboxed.hpp"
#include "support/catch.hpp"

using namespace proctor;
using namespace proctor::test;

namespace {

int exit_code(const Outcome& outcome) { return WIFEXITED(outcome.status) ? WEXITSTATUS(outcome.status) : -1; }

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

/// A directory that is removed again.
struct Directory {
  Directory() {
    path = "/tmp/proctor-session-XXXXXX";
    REQUIRE(::mkdtemp(path.data()) != nullptr);
  }
  ~Directory() { std::filesystem::remove_all(path); }
  Directory(const Directory&) = delete;
  Directory& operator=(const Directory&) = delete;
  std::string path;
};

std::string read_file(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// Leaves a process behind that left the session and the process group, and whose parent is gone; prints
/// its pid.
constexpr auto leave_escapee = "(setsid sh -c 'echo $$; exec sleep 1000' </dev/null 2>/dev/null &) ; ";

}  // namespace

TEST_CASE("session: the exit status is the command's") {
  const auto way = GENERATE(Way::embedded, Way::daemon);
  CHECK(exit_code(Sandboxed(way).run({"true"})) == 0);
  CHECK(exit_code(Sandboxed(way).run({"sh", "-c", "exit 7"})) == 7);
  CHECK(exit_code(Sandboxed(way).run({"sh", "-c", "exit 255"})) == 255);
  CHECK(exit_code(Sandboxed(way).run({"sh", "-c", "kill -KILL $$"})) == 137);
  CHECK(exit_code(Sandboxed(way).run({"sh", "-c", "kill -TERM $$"})) == 143);
  CHECK(exit_code(Sandboxed(way).run({"sh", "-c", "kill -SEGV $$"})) == 139);
}

TEST_CASE("session: a command that dies of SIGINT takes the front with it, as shells expect") {
  const auto way = GENERATE(Way::embedded, Way::daemon);
  const auto outcome = Sandboxed(way).run({"sh", "-c", "kill -INT $$"});
  REQUIRE(WIFSIGNALED(outcome.status));
  CHECK(WTERMSIG(outcome.status) == SIGINT);
}

TEST_CASE("session: the supervisor is told what runs, how it ended and that all is over") {
  Sandboxed sandboxed(Way::daemon);
  REQUIRE(exit_code(sandboxed.run({"sh", "-c", "exit 3"}, {"--name=ci-17"})) == 3);
  const auto& record = sandboxed.daemon().record();
  REQUIRE(record.attach);
  CHECK(record.attach->policy.name == "ci-17");
  CHECK(record.attach->command == std::vector<std::string>{"sh", "-c", "exit 3"});
  CHECK(record.attach->target > 1);
  CHECK(record.attach->init > 1);
  CHECK(record.attach->degraded.empty());
  CHECK(record.command_status == 3 << 8);
  CHECK(record.session_ended);
}

TEST_CASE("session: a command that is not there is 127, with one line that names it") {
  const auto way = GENERATE(Way::embedded, Way::daemon);
  for (const char* command : {"no-such-command", "/no/such/file", "/etc/passwd/x"}) {
    const auto outcome = Sandboxed(way).run({command, "argument"});
    CHECK(exit_code(outcome) == 127);
    CHECK(outcome.err == std::string("proctor: ") + command + ": not found\n");
  }
}

TEST_CASE("session: a command that cannot be executed is 126") {
  const auto way = GENERATE(Way::embedded, Way::daemon);
  const auto plain = Sandboxed(way).run({"/etc/passwd"});
  CHECK(exit_code(plain) == 126);
  CHECK(plain.err == "proctor: /etc/passwd: cannot be executed: Permission denied (EACCES)\n");
  const auto directory = Sandboxed(way).run({"/tmp"});
  CHECK(exit_code(directory) == 126);
  CHECK(directory.err == "proctor: /tmp: is a directory\n");
}

TEST_CASE("session: files are looked for and run as execvp does") {
  const auto way = GENERATE(Way::embedded, Way::daemon);
  const Directory directory;
  // No interpreter line: execvp gives it to /bin/sh. Not executable: execvp looks further.
  std::ofstream(directory.path + "/script") << "echo \"script $1\"; exit 5\n";
  std::filesystem::permissions(directory.path + "/script", std::filesystem::perms(0755));
  std::ofstream(directory.path + "/true") << "not executable";
  std::ofstream(directory.path + "/orphan") << "#!/no/such/interpreter\n";
  std::filesystem::permissions(directory.path + "/orphan", std::filesystem::perms(0755));
  const Sandboxed first(way);
  auto start = Start{first.argv({"script", "one"}), -1, -1, -1,
                     [&] { ::setenv("PATH", (directory.path + ":/usr/bin:/bin").c_str(), 1); }};
  const auto script = run_program(start);
  CHECK(script.out == "script one\n");
  CHECK(exit_code(script) == 5);
  const Sandboxed second(way);
  start.argv = second.argv({"true"});
  CHECK(exit_code(run_program(start)) == 0);
  const auto orphan = Sandboxed(way).run({directory.path + "/orphan"});
  CHECK(exit_code(orphan) == 127);
  CHECK(contains(orphan.err, "interpreter"));
}

TEST_CASE("session: standard streams pass through") {
  const auto way = GENERATE(Way::embedded, Way::daemon);
  const Sandboxed sandboxed(way);
  Pipe in;
  REQUIRE(::write(in.write.get(), "hello", 5) == 5);
  in.write.reset();
  const auto outcome =
      run_program({sandboxed.argv({"sh", "-c", "cat; echo problem >&2"}), in.read.get(), -1, -1, {}});
  CHECK(outcome.out == "hello");
  CHECK(outcome.err == "problem\n");
}

TEST_CASE("session: a refused sandbox is 125 with the reason, and the command never runs") {
  const auto manners = GENERATE(Manners::refuses, Manners::vanishes);
  const Directory directory;
  const std::string trace = directory.path + "/ran";
  const auto outcome = Sandboxed(Way::daemon, manners).run({"touch", trace});
  CHECK(exit_code(outcome) == 125);
  CHECK(outcome.err == (manners == Manners::refuses
                            ? "proctor: the stand-in takes nobody\n"
                            : "proctor: the supervisor went away before the sandbox was armed\n"));
  CHECK_FALSE(std::filesystem::exists(trace));
}

TEST_CASE("session: an embedded supervisor that refuses is 125 too") {
  const Directory directory;
  const std::string trace = directory.path + "/ran";
  const Sandboxed sandboxed(Way::embedded);
  const auto outcome = run_program(
      {sandboxed.argv({"touch", trace}), -1, -1, -1, [] { ::setenv("PROCTOR_TEST_MANNERS", "refuses", 1); }});
  CHECK(exit_code(outcome) == 125);
  CHECK(outcome.err == "proctor: the stand-in takes nobody\n");
  CHECK_FALSE(std::filesystem::exists(trace));
}

TEST_CASE("session: no daemon where one was named is 125 with what to do") {
  const auto outcome =
      run_program({{PROCTOR_BINARY, "run", "--daemon=/no/such/socket", "true"}, -1, -1, -1, {}});
  CHECK(exit_code(outcome) == 125);
  CHECK(contains(outcome.err, "/no/such/socket"));
  CHECK(contains(outcome.err, "--embedded"));
}

TEST_CASE("session: when the command ends, what it left behind is ended") {
  const auto way = GENERATE(Way::embedded, Way::daemon);
  const auto outcome = Sandboxed(way).run({"sh", "-c", std::string(leave_escapee) + "read x; exit 4"});
  // The escapee holds standard output: the end of file alone says that it is gone.
  CHECK(exit_code(outcome) == 4);
  const auto escapee = std::atoi(outcome.out.c_str());
  if (escapee > 0) CHECK_FALSE(is_running(escapee));
}

TEST_CASE("session: an escapee that is seen running dies with its session") {
  const auto way = GENERATE(Way::embedded, Way::daemon);
  const Sandboxed sandboxed(way);
  Pipe in;
  Pipe out;
  Program front({sandboxed.argv({"sh", "-c", std::string(leave_escapee) + "read x; exit 4"}),
                 in.read.get(),
                 out.write.get(),
                 -1,
                 {}});
  const auto escapee = std::atoi(read_line(out.read).c_str());
  REQUIRE(escapee > 1);
  REQUIRE(is_running(escapee));
  in.write.reset();
  CHECK(WEXITSTATUS(front.wait()) == 4);
  CHECK_FALSE(is_running(escapee));
}

TEST_CASE("session: a lingering sandbox waits for what the command left") {
  const auto way = GENERATE(Way::embedded, Way::daemon);
  const Sandboxed sandboxed(way);
  Pipe in;
  Pipe out;
  Program front(
      {sandboxed.argv({"sh", "-c", "exec 3<&0; { read x <&3; echo later; } & echo $$; exit 3"}, {"--linger"}),
       in.read.get(),
       out.write.get(),
       -1,
       {}});
  out.write.reset();
  const auto command = std::atoi(read_line(out.read).c_str());
  REQUIRE(command > 1);
  REQUIRE(eventually([&] { return ::kill(command, 0) != 0 && errno == ESRCH; }));
  REQUIRE(::write(in.write.get(), "x\n", 2) == 2);
  CHECK(read_line(out.read) == "later");
  CHECK(WEXITSTATUS(front.wait()) == 3);
}

TEST_CASE("session: SIGTERM ends a session whose command has ended and that lingers") {
  const auto way = GENERATE(Way::embedded, Way::daemon);
  const Sandboxed sandboxed(way);
  Pipe out;
  Program front({sandboxed.argv({"sh", "-c", "sleep 1000 & echo $!; echo $$; exit 3"}, {"--linger"}),
                 -1,
                 out.write.get(),
                 -1,
                 {}});
  const auto lingerer = std::atoi(read_line(out.read).c_str());
  const auto command = std::atoi(read_line(out.read).c_str());
  REQUIRE(eventually([&] { return ::kill(command, 0) != 0 && errno == ESRCH; }));
  REQUIRE(is_running(lingerer));
  REQUIRE(::kill(front.pid(), SIGTERM) == 0);
  CHECK(WEXITSTATUS(front.wait()) == 3);
  CHECK_FALSE(is_running(lingerer));
}

TEST_CASE("session: the death of the front ends the tree") {
  Sandboxed sandboxed(GENERATE(Way::embedded, Way::daemon));
  Pipe out;
  pid_t command = 0;
  {
    Program front({sandboxed.argv({"sh", "-c", "echo $$; exec sleep 1000"}), -1, out.write.get(), -1, {}});
    command = std::atoi(read_line(out.read).c_str());
    REQUIRE(is_running(command));
    REQUIRE(::kill(front.pid(), SIGKILL) == 0);
  }
  CHECK(eventually([&] { return !is_running(command); }));
}

TEST_CASE("session: an escapee dies with a session whose front was killed") {
  const Sandboxed sandboxed(GENERATE(Way::embedded, Way::daemon));
  Pipe out;
  Program front({sandboxed.argv({"sh", "-c", std::string(leave_escapee) + "exec sleep 1000"}),
                 -1,
                 out.write.get(),
                 -1,
                 {}});
  const auto escapee = std::atoi(read_line(out.read).c_str());
  REQUIRE(is_running(escapee));
  REQUIRE(::kill(front.pid(), SIGKILL) == 0);
  CHECK(eventually([&] { return !is_running(escapee); }));
}

TEST_CASE("session: a daemon hears of the orderly end of a session whose front was killed") {
  Sandboxed sandboxed(Way::daemon);
  Pipe out;
  {
    Program front({sandboxed.argv({"sh", "-c", "echo $$; exec sleep 1000"}), -1, out.write.get(), -1, {}});
    (void)read_line(out.read);
    REQUIRE(::kill(front.pid(), SIGKILL) == 0);
  }
  const auto& record = sandboxed.daemon().record();
  CHECK(record.session_ended);
  CHECK_FALSE(record.command_status);
}

TEST_CASE("session: the death of the embedded supervisor ends the tree, and the front says so") {
  const Sandboxed sandboxed(Way::embedded);
  Pipe in;
  Pipe out;
  // A file: of a pipe's last writers, CMD may be dead before the front can say anything.
  Directory directory;
  const auto err = directory.path + "/err";
  const kernel::UniqueFd err_file(::open(err.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600));
  Program front({sandboxed.argv({"sh", "-c", std::string(leave_escapee) + "read x"}),
                 in.read.get(),
                 out.write.get(),
                 err_file.get(),
                 {}});
  const auto escapee = std::atoi(read_line(out.read).c_str());
  REQUIRE(is_running(escapee));
  const auto children = kernel::read_children(front.pid());
  REQUIRE(children);
  REQUIRE(children->size() == 1);
  REQUIRE(::kill(children->front(), SIGKILL) == 0);
  const auto status = front.wait();
  CHECK_FALSE(is_running(escapee));
  CHECK(WEXITSTATUS(status) == 125);
  CHECK(contains(read_file(err), "proctor: the supervisor died"));
}

TEST_CASE("session: the death of the daemon ends the tree, and the front says so") {
  const Sandboxed sandboxed(Way::daemon, Manners::dies);
  // CMD must still be there to be ended, and with it standard error: so it asks for nothing any more.
  const auto outcome = sandboxed.run({"sh", "-c", std::string(leave_escapee) + "cd /; while :; do :; done"});
  CAPTURE(outcome.err);
  CHECK(exit_code(outcome) == 125);
  CHECK(contains(outcome.err, "proctor: the supervisor died"));
}

TEST_CASE("session: a daemon can ask for the end of a session") {
  const Sandboxed sandboxed(Way::daemon, Manners::ends);
  const auto outcome = sandboxed.run({"sleep", "1000"});
  CHECK(exit_code(outcome) == 125);
  CHECK(outcome.err == "proctor: the stand-in is tired\n");
}

TEST_CASE("cli: options end where the command begins") {
  Sandboxed sandboxed(Way::daemon);
  const auto outcome = run_program({{PROCTOR_BINARY, "run", "--daemon", sandboxed.daemon().socket(), "echo",
                                     "--linger", "--help", "run", "ps", "--", "-x"},
                                    -1,
                                    -1,
                                    -1,
                                    {}});
  CHECK(outcome.out == "--linger --help run ps -- -x\n");
}

TEST_CASE("cli: limits reach the supervisor in every spelling, and what follows them is CMD's") {
  using Words = std::vector<std::string>;
  const auto options = GENERATE(Words{"-m", "512M", "-c", "1", "-P", "64"}, Words{"-m512M", "-c1", "-P64"},
                                Words{"--memory", "512M", "--cpus", "1", "--processes", "64"},
                                Words{"--memory=512M", "--cpus=1", "--processes=64"});
  Sandboxed sandboxed(Way::daemon);
  Words argv{PROCTOR_BINARY, "run", "--daemon", sandboxed.daemon().socket(), "--hostname", "box"};
  argv.insert(argv.end(), options.begin(), options.end());
  // "512M" and "-m" behind CMD must stay what they are.
  for (const char* word : {"echo", "-m", "512M", "-c0"}) argv.emplace_back(word);
  const auto outcome = run_program({argv, -1, -1, -1, {}});
  INFO(outcome.err);
  CHECK(outcome.out == "-m 512M -c0\n");
  const auto& attach = sandboxed.daemon().record().attach;
  REQUIRE(attach);
  CHECK(attach->policy.limits == policy::StatedLimits{536870912, 1, 64, "box"});
}

TEST_CASE("cli: without a limit none is stated") {
  Sandboxed sandboxed(Way::daemon);
  CHECK(exit_code(sandboxed.run({"true"})) == 0);
  const auto& attach = sandboxed.daemon().record().attach;
  REQUIRE(attach);
  CHECK(attach->policy.limits == policy::StatedLimits{});
}

TEST_CASE("cli: what cannot be meant is 125 and says what to do") {
  for (const auto& arguments :
       std::vector<std::vector<std::string>>{{},
                                             {"bogus"},
                                             {"run"},
                                             {"run", "--"},
                                             {"run", "--bogus", "true"},
                                             {"run", "--name"},
                                             {"run", "--name", "No Such", "true"},
                                             {"run", "-m", "512X", "true"},
                                             {"run", "-c0", "true"},
                                             {"run", "--embedded", "--daemon=x", "true"},
                                             {"inspect"}}) {
    std::vector<std::string> argv{PROCTOR_BINARY};
    argv.insert(argv.end(), arguments.begin(), arguments.end());
    const auto outcome = run_program({argv, -1, -1, -1, {}});
    INFO(outcome.err);
    CHECK(exit_code(outcome) == 125);
    CHECK(contains(outcome.err, "--help"));
    CHECK(outcome.out.empty());
  }
}

TEST_CASE("cli: ps and inspect without a daemon are 1 with a sentence") {
  for (const char* command : {"ps", "inspect"}) {
    std::vector<std::string> argv{PROCTOR_BINARY, command, "--socket", "/no/such/socket"};
    if (std::string(command) == "inspect") argv.emplace_back("name");
    const auto outcome = run_program({argv, -1, -1, -1, {}});
    CHECK(exit_code(outcome) == 1);
    CHECK(contains(outcome.err, "/no/such/socket"));
  }
}
