#include <array>

#include "tests/procfs/views.hpp"

namespace proctor::tests {

using procfs::View;

namespace {

constexpr const char* stat_path = "/proc/PID/stat";

}  // namespace

TEST_CASE("/proc/PID/stat: the host's where every number is a member's") {
  const View view = with_members({1200, 1180, 1177, 2617, 2574, 2571, 30474});
  for (const char* path : {stat_path, "/proc/PID/task/TID/stat"}) {
    CHECK(generate(path, view, two_cpus()) == text_of(two_cpus(), stat_path));
    CHECK(generate(path, view, eight_cpus()) == text_of(eight_cpus(), stat_path));
  }
}

TEST_CASE("/proc/PID/stat: a parent outside the sandbox is 0") {
  CHECK(generate(stat_path, with_members({100, 101}), "100 (a) S 101 102 103 34817 -1 4194304 101 102\n") ==
        "100 (a) S 101 102 103 34817 -1 4194304 101 102\n");
  CHECK(generate(stat_path, with_members({100}), "100 (a) S 101 102 103 34817 -1 4194304 101 102\n") ==
        "100 (a) S 0 102 103 34817 -1 4194304 101 102\n");
}

TEST_CASE(
    "/proc/PID/stat: the group and the session in which the sandbox was started are 0, all others not") {
  // No process has the numbers 102 and 103 any more.
  View view = with_members({100});
  const auto ids = [&view] {
    const std::string text = generate(stat_path, view, "100 (a) S 0 102 103 34817 -1 4194304 102 103\n");
    REQUIRE(text.ends_with(" 34817 -1 4194304 102 103\n"));
    return text.substr(0, text.find(" 34817"));
  };
  CHECK(ids() == "100 (a) S 0 102 103");
  view.foreign_group = 102;
  CHECK(ids() == "100 (a) S 0 0 103");
  view.foreign_session = 103;
  CHECK(ids() == "100 (a) S 0 0 0");
  view.foreign_group = 103;
  CHECK(ids() == "100 (a) S 0 102 0");
}

TEST_CASE("/proc/PID/stat: the foreground group is 0 unless a process of the sandbox is in it") {
  View view = with_members({100});
  const std::string text = "100 (a) S 0 100 100 34817 104 4194304\n";
  const std::string hidden = "100 (a) S 0 100 100 34817 0 4194304\n";
  CHECK(generate(stat_path, view, text) == hidden);
  view.is_in_group = [](pid_t group) { return group == 104; };
  CHECK(generate(stat_path, view, text) == text);
  view.foreign_group = 104;  // its own processes were started in it, and it is shared
  CHECK(generate(stat_path, view, text) == hidden);
  view.is_in_group = nullptr;
  CHECK(generate(stat_path, view, text) == hidden);
}

TEST_CASE("/proc/PID/stat: of a process that is being reaped no ids are told") {
  const std::string text = "100 (a) X 0 -1 -1 0 -1 4194304\n";
  CHECK(generate(stat_path, with_members({100}), text) == text);
}

TEST_CASE("/proc/PID/stat: no terminal, no parent") {
  const std::string text = "1 (a) S 0 0 0 0 -1 4194304 7\n";
  CHECK(generate(stat_path, with_members({1}), text) == text);
}

TEST_CASE("/proc/PID/stat: a command's name does not pass for fields") {
  View view = with_members({100, 101});
  view.foreign_group = view.foreign_session = 999;
  for (const char* name :
       {"a) R 1 (", ") R 1 1 1 1 1", "(((", ")))", "a\nb", "a) S 101 101\n", "", " ", "1) "}) {
    CAPTURE(name);
    const std::string start = std::string("100 (") + name + ") ";
    CHECK(generate(stat_path, view, start + "S 101 999 999 0 999 55\n") == start + "S 101 0 0 0 0 55\n");
  }
}

TEST_CASE("/proc/PID/stat: what is no number is nobody's") {
  const View view = with_members({100});
  CHECK(generate(stat_path, view, "100 (a) S x -100 100x 0 99999999999 5\n") == "100 (a) S 0 0 0 0 0 5\n");
  CHECK(generate(stat_path, view, "100 (a) S -7 x 99999999999 0 - 5\n") == "100 (a) S 0 0 0 0 0 5\n");
  CHECK(generate(stat_path, view, "100 999 999 999") == "");
}

TEST_CASE("/proc/PID/status: the host's where every number is a member's") {
  const View view = with_members({1200, 1180, 1177, 999, 2574, 2571, 30474});
  for (const char* path : {"/proc/PID/status", "/proc/PID/task/TID/status"}) {
    CHECK(generate(path, view, two_cpus()) == text_of(two_cpus(), "/proc/PID/status"));
    CHECK(generate(path, view, eight_cpus()) == text_of(eight_cpus(), "/proc/PID/status"));
  }
}

TEST_CASE("/proc/PID/status: parent, tracer, group, session and NUMA group are 0 where they are another's") {
  View view = with_members({1200});
  view.foreign_group = 1180;
  view.foreign_session = 1177;
  const std::string text = generate("/proc/PID/status", view, eight_cpus());
  const std::vector<std::pair<std::string, std::string>> changed = {{"PPid:", "PPid:\t0"},
                                                                    {"TracerPid:", "TracerPid:\t0"},
                                                                    {"NSpgid:", "NSpgid:\t0\t0"},
                                                                    {"NSsid:", "NSsid:\t0\t0"},
                                                                    {"Ngid:", "Ngid:\t0"}};
  auto expected = lines_of(text_of(eight_cpus(), "/proc/PID/status"));
  for (const auto& [name, line] : changed) {
    for (std::string& host : expected) {
      if (host.starts_with(name)) host = line;
    }
  }
  CHECK(lines_of(text) == expected);
}

TEST_CASE("/proc/PID/status: a name at the start of a line counts, not a command's name") {
  const View view = with_members({5});
  CHECK(generate("/proc/PID/status", view, "Name:\tPPid:\\n7\nPPid:\t7\nTracerPid:\t5\n") ==
        "Name:\tPPid:\\n7\nPPid:\t0\nTracerPid:\t5\n");
}

TEST_CASE("/proc/PID/sched: the NUMA group is 0 where it is another's") {
  const std::string host(text_of(eight_cpus(), "/proc/PID/sched"));
  CHECK(generate("/proc/PID/sched", with_members({1177}), host) == host);
  const std::string text = generate("/proc/PID/task/TID/sched", with_members({1200}), host);
  CHECK(line_of(text, "current_node=") == "current_node=1, numa_group_id=0");
  CHECK(text.size() == host.size() - 3);
}

TEST_CASE("/proc/PID/stat and status: who reads runs, though it waits for its file") {
  const std::string stat(text_of(two_cpus(), "/proc/PID/stat"));
  const std::string status(text_of(two_cpus(), "/proc/PID/status"));
  REQUIRE(stat.starts_with("2617 (sleep) S "));
  REQUIRE(line_of(status, "State:") == "State:\tS (sleeping)");
  auto view = with_members({2617});
  CHECK(generate("/proc/PID/stat", view, stat).starts_with("2617 (sleep) S "));
  CHECK(line_of(generate("/proc/PID/status", view, status), "State:") == "State:\tS (sleeping)");
  view.reader = 2617;
  CHECK(generate("/proc/PID/stat", view, stat).starts_with("2617 (sleep) R "));
  CHECK(line_of(generate("/proc/PID/status", view, status), "State:") == "State:\tR (running)");
  view.reader = 261;
  CHECK(generate("/proc/PID/stat", view, stat).starts_with("2617 (sleep) S "));
  // A name that holds a pid is no pid.
  view.reader = 7;
  CHECK(generate("/proc/PID/stat", view, "8 (7 S ) S 0 0") == "8 (7 S ) S 0 0");
}

TEST_CASE("/proc/PID/timers: whom a timer signals is 0 where it is another") {
  const std::string text = generate("/proc/PID/timers", with_members({1200, 1205}), eight_cpus());
  std::string expected(text_of(eight_cpus(), "/proc/PID/timers"));
  expected.replace(expected.find("none/pid.999"), 12, "none/pid.0");
  CHECK(text == expected);
  CHECK(generate("/proc/PID/timers", with_members({2}), "notify: signal/tid.3\nnotify: 4\nby: 5\n") ==
        "notify: signal/tid.0\n");
}

TEST_CASE("/proc/PID/fdinfo: whom a pidfd refers to and who locked is 0 where it is another") {
  const std::string path = "/proc/PID/fdinfo/FD";
  const std::string host(text_of(own_files(), path));
  CHECK(generate(path, with_members({2617, 999}), host) == host);
  const auto told = lines_of(generate(path, with_members({2617}), host));
  auto expected = lines_of(host);
  expected[5] = "lock:\t2: POSIX  ADVISORY  WRITE 0 08:01:2531448 0 EOF";
  expected[6] = "Pid:\t0";
  expected[7] = "NSpid:\t0";
  expected[8] = "SqThread:\t0";
  CHECK(told == expected);
  // A pidfd of a process that has ended, and one of a process that is in no namespace of the reader's.
  for (const char* text : {"Pid:\t-1\nNSpid:\t-1\n", "Pid:\t0\nNSpid:\t0\n"})
    CHECK(generate(path, with_members({}), text) == text);
  CHECK(generate("/proc/PID/task/TID/fdinfo/FD", with_members({}), "Pid:\t5\n") == "Pid:\t0\n");
}

TEST_CASE("/proc/PID/status: of queued signals, those that wait for the process") {
  const std::string host =
      "SigQ:\t17/96365\nSigPnd:\t0000000200000200\nShdPnd:\t0000000000004000\nSigBlk:\tffffffffffffffff\n";
  CHECK(line_of(generate("/proc/PID/status", with_members({}), host), "SigQ:") == "SigQ:\t3/96365");
  CHECK(generate("/proc/PID/status", with_members({}), "SigQ:\t17/96365\n") == "SigQ:\t0/96365\n");
}

TEST_CASE("/proc/PID/limits: no more processes than are stated") {
  const std::string host(text_of(own_files(), "/proc/PID/limits"));
  View view = with_members({});
  view.limits.processes = 100;
  const std::string line = "Max processes             100                  100                  processes ";
  CHECK(line_of(generate("/proc/PID/limits", view, host), "Max processes") == line);
  CHECK(lines_of(generate("/proc/PID/limits", view, host)).size() == lines_of(host).size());
  const std::string unlimited =
      "Max processes             unlimited            unlimited            processes \n";
  CHECK(generate("/proc/PID/limits", view, unlimited) == line + "\n");
  view.limits.processes = 1000000;
  CHECK(generate("/proc/PID/limits", view, host) == host);
}

TEST_CASE("/proc/sysvipc: who made and last used an object is 0 where it is another") {
  const std::string shm(text_of(own_files(), "/proc/sysvipc/shm"));
  CHECK(generate("/proc/sysvipc/shm", with_members({1436, 999, 2617}), shm) == shm);
  const auto told = lines_of(generate("/proc/sysvipc/shm", with_members({2617}), shm));
  REQUIRE(told.size() == 3);
  CHECK(told[0] == lines_of(shm)[0]);
  CHECK(told[1].starts_with("      1911          0   666                  4096     0     0      0"));
  CHECK(told[2].starts_with("      1913          7   600                  8192     0  2617      1"));
  CHECK(told[2].size() == lines_of(shm)[2].size());
  const std::string msg(text_of(own_files(), "/proc/sysvipc/msg"));
  CHECK(generate("/proc/sysvipc/msg", with_members({2617}), msg) == msg);
  CHECK(lines_of(generate("/proc/sysvipc/msg", with_members({}), msg))[1].starts_with(
      "      1912          3   666          10          1     0     0     0"));
}

TEST_CASE("/proc/sys/kernel/cad_pid: 0 where it is another") {
  CHECK(generate("/proc/sys/kernel/cad_pid", with_members({}), "1\n") == "0\n");
  CHECK(generate("/proc/sys/kernel/cad_pid", with_members({1}), "1\n") == "1\n");
}

TEST_CASE("/proc/locks: the members' locks, numbered anew; a waiter goes with what it waits for") {
  CHECK(generate("/proc/locks", with_members({1200, 1205}), eight_cpus()) ==
        "1: FLOCK  ADVISORY  WRITE 1200 08:01:2531448 0 EOF\n"
        "1: -> FLOCK  ADVISORY  WRITE 1205 08:01:2531448 0 EOF\n"
        "1: -> FLOCK  ADVISORY  WRITE 1200 08:01:2531448 0 EOF\n"
        "2: DELEG  BREAKING  READ 1205 08:01:132 0 EOF\n"
        "3: POSIX  *NOINODE* UNLCK 1205 <none>:0 128 191\n");
  CHECK(generate("/proc/locks", with_members({2625, 2626, 2624}), two_cpus()) ==
        text_of(two_cpus(), "/proc/locks"));
  CHECK(generate("/proc/locks", limited(), eight_cpus()) == "");
}

TEST_CASE("/proc/locks: waiters behind waiters") {
  const std::string host =
      "1: POSIX  ADVISORY  WRITE 1 08:01:1 0 EOF\n"
      "1: -> POSIX  ADVISORY  WRITE 2 08:01:1 0 EOF\n"
      "1:  -> POSIX  ADVISORY  WRITE 3 08:01:1 0 EOF\n"
      "1: -> POSIX  ADVISORY  WRITE 4 08:01:1 0 EOF\n";
  CHECK(generate("/proc/locks", with_members({1, 2, 3, 4}), host) == host);
  const auto lines = lines_of(host);
  CHECK(lines_of(generate("/proc/locks", with_members({1, 3, 4}), host)) == std::vector{lines[0], lines[3]});
  CHECK(lines_of(generate("/proc/locks", with_members({1, 2, 3}), host)) ==
        std::vector{lines[0], lines[1], lines[2]});
  CHECK(generate("/proc/locks", with_members({2, 3, 4}), host) == "");
}

}  // namespace proctor::tests
