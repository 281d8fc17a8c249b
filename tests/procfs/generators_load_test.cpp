#include <array>
#include <sstream>

#include "tests/procfs/views.hpp"

namespace proctor::tests {

using procfs::View;

namespace {

using Times = std::array<std::uint64_t, 10>;

/// The ten values of each line that starts with "cpu": first the total, then the sandbox's CPUs.
std::vector<Times> cpu_times(const std::string& text) {
  std::vector<Times> found;
  for (const std::string& line : lines_of(text)) {
    if (!line.starts_with("cpu")) continue;
    std::istringstream fields(line);
    std::string name;
    fields >> name;
    Times times{};
    for (std::uint64_t& value : times) REQUIRE(fields >> value);
    REQUIRE(fields.peek() == std::istringstream::traits_type::eof());
    found.push_back(times);
  }
  return found;
}

}  // namespace

TEST_CASE("/proc/stat: the sandbox's time, to the letter") {
  View view = limited();
  CHECK(generate("/proc/stat", view, eight_cpus()) ==
        "cpu  700 0 300 199000 0 0 0 0 0 0\n"
        "cpu0 350 0 150 99500 0 0 0 0 0 0\n"
        "cpu1 350 0 150 99500 0 0 0 0 0 0\n"
        "intr 0\n"
        "ctxt 0\n"
        "btime 1700000000\n"
        "processes 40\n"
        "procs_running 2\n"
        "procs_blocked 1\n"
        "softirq 0 0 0 0 0 0 0 0 0 0 0\n");
}

TEST_CASE("/proc/stat: CPUs keep their numbers, the reader runs, the start is the machine's") {
  View view = with_cpus({3, 6});
  const std::string text = generate("/proc/stat", view, two_cpus());
  CHECK(line_of(text, "cpu3 ") == "cpu3 0 0 0 100000 0 0 0 0 0 0");
  CHECK(line_of(text, "cpu6 ") == "cpu6 0 0 0 100000 0 0 0 0 0 0");
  CHECK(line_of(text, "procs_running ") == "procs_running 1");
  CHECK(line_of(text, "btime ") == line_of(text_of(two_cpus(), "/proc/stat"), "btime "));
}

TEST_CASE("/proc/stat: the lines of the CPUs sum to the first line, and none shrinks while it grows") {
  for (const std::vector<unsigned>& cpus :
       {std::vector<unsigned>{0}, std::vector<unsigned>{0, 1}, std::vector<unsigned>{1, 2, 5},
        std::vector<unsigned>{0, 1, 2, 3, 4, 5, 6}}) {
    View view = with_cpus(cpus);
    std::vector<Times> before(cpus.size() + 1);
    for (unsigned step = 0; step < 200; ++step) {
      view.usage.user_ticks += step % 4;
      view.usage.system_ticks += step % 3;
      view.uptime_s += 0.07;  // more than is used, so that the idle time grows too
      const auto times = cpu_times(generate("/proc/stat", view, two_cpus()));
      REQUIRE(times.size() == cpus.size() + 1);
      for (std::size_t kind = 0; kind < times[0].size(); ++kind) {
        std::uint64_t sum = 0;
        for (std::size_t line = 1; line < times.size(); ++line) sum += times[line][kind];
        REQUIRE(sum == times[0][kind]);
        for (std::size_t line = 0; line < times.size(); ++line)
          REQUIRE(times[line][kind] >= before[line][kind]);
      }
      before = times;
    }
  }
}

TEST_CASE("/proc/stat: more time used than has passed leaves nothing idle") {
  View view = with_cpus({0, 1});
  view.uptime_s = 1;
  view.usage.user_ticks = 150;
  view.usage.system_ticks = 51;
  CHECK(line_of(generate("/proc/stat", view, two_cpus()), "cpu ") == "cpu  150 0 51 0 0 0 0 0 0 0");
  CHECK(generate("/proc/uptime", view, two_cpus()) == "1.00 0.00\n");
}

TEST_CASE("/proc/uptime: the machine's, and the idle time of /proc/stat") {
  View view = with_cpus({0, 1, 2});
  view.uptime_s = 14397.36;
  view.usage.user_ticks = 123;
  CHECK(generate("/proc/uptime", view, two_cpus()) == "14397.36 43190.85\n");
  CHECK(line_of(generate("/proc/stat", view, two_cpus()), "cpu ") == "cpu  123 0 0 4319085 0 0 0 0 0 0");
  view.ticks_per_second = 1000;
  view.uptime_s = 0.05;
  view.usage.user_ticks = 1;
  CHECK(generate("/proc/uptime", view, two_cpus()) == "0.05 0.14\n");
}

TEST_CASE("/proc/loadavg: fixed point, rounded to hundredths as the kernel does") {
  View view = limited();
  CHECK(generate("/proc/loadavg", view, two_cpus()) == "1.00 0.50 0.25 2/17 1205\n");
  view.load = {0, 10, 11};  // 11/2048 is the first that rounds to a hundredth
  CHECK(generate("/proc/loadavg", view, two_cpus()) == "0.00 0.00 0.01 2/17 1205\n");
  view.load = {2037, 2038, 204800 + 2047};
  view.usage.running = 0;
  CHECK(generate("/proc/loadavg", view, two_cpus()) == "0.99 1.00 101.00 1/17 1205\n");
}

TEST_CASE("/proc/pressure: the host's lines, and nobody waits") {
  const std::string some = "some avg10=0.00 avg60=0.00 avg300=0.00 total=0\n";
  const std::string full = "full avg10=0.00 avg60=0.00 avg300=0.00 total=0\n";
  for (const char* path : {"/proc/pressure/cpu", "/proc/pressure/io", "/proc/pressure/memory"}) {
    CHECK(generate(path, limited(), eight_cpus()) == some + full);
    CHECK(generate(path, limited(), two_cpus()) == some + full);
  }
  CHECK(generate("/proc/pressure/irq", limited(), eight_cpus()) == full);
  CHECK(generate("/proc/pressure/cpu", limited(), "some avg10=1.00\nelse 5\n") == some);
}

}  // namespace proctor::tests
