#include "tests/procfs/views.hpp"

namespace proctor::tests {

using procfs::View;

namespace {

std::size_t count_of(std::string_view text, std::string_view part) {
  std::size_t count = 0;
  for (std::size_t at = text.find(part); at != std::string_view::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

/// `lead`, then a zero for each of `columns` CPUs as the kernel aligns it.
std::string zeros(const std::string& lead, std::size_t columns) {
  std::string line = lead;
  for (std::size_t i = 0; i < columns; ++i) line += "          0";
  return line;
}

}  // namespace

TEST_CASE("/proc/cpuinfo: the blocks of the sandbox's CPUs, with no more siblings and cores than those") {
  const std::string text = generate("/proc/cpuinfo", with_cpus({1, 4, 6}), eight_cpus());
  CHECK(count_of(text, "processor\t: ") == 3);
  for (const char* line : {"processor\t: 1\n", "processor\t: 4\n", "processor\t: 6\n"}) {
    CHECK(text.find(line) != std::string::npos);
  }
  CHECK(count_of(text, "siblings\t: 3\n") == 3);
  CHECK(count_of(text, "cpu cores\t: 3\n") == 3);
  CHECK(text.ends_with("power management:\n\n"));
  // All but those two lines are the host's.
  std::string expected(text_of(eight_cpus(), "/proc/cpuinfo"));
  expected.erase(expected.find("processor\t: 7"));
  expected.erase(0, expected.find("processor\t: 6"));
  expected.replace(expected.find("siblings\t: 8"), 12, "siblings\t: 3");
  expected.replace(expected.find("cpu cores\t: 4"), 13, "cpu cores\t: 3");
  CHECK(text.ends_with(expected));
}

TEST_CASE("/proc/cpuinfo: a small number of cores stays") {
  const std::string text = generate("/proc/cpuinfo", with_cpus({0, 1, 2, 3, 4, 5}), eight_cpus());
  CHECK(count_of(text, "siblings\t: 6\n") == 6);
  CHECK(count_of(text, "cpu cores\t: 4\n") == 6);
}

TEST_CASE("/proc/cpuinfo: a block that is no CPU's is kept") {
  const std::string host =
      "processor\t: 0\nBogoMIPS\t: 50.00\n\nprocessor\t: 1\nBogoMIPS\t: 50.00\n\nHardware\t: BCM2835\n";
  CHECK(generate("/proc/cpuinfo", with_cpus({1}), host) ==
        "processor\t: 1\nBogoMIPS\t: 50.00\n\nHardware\t: BCM2835\n");
}

TEST_CASE("/proc/interrupts: all CPUs, the host's layout without its counts") {
  const std::string text = generate("/proc/interrupts", unlimited({0, 1}), two_cpus());
  const auto host = lines_of(text_of(two_cpus(), "/proc/interrupts"));
  const auto lines = lines_of(text);
  REQUIRE(lines.size() == host.size());
  CHECK(lines[0] == host[0]);
  for (std::size_t i = 1; i < lines.size(); ++i) {
    CHECK(lines[i].size() == host[i].size());
    CHECK(lines[i].substr(0, 4) == host[i].substr(0, 4));
  }
  CHECK(line_of(text, " 24:") == zeros(" 24:", 2) + "  IO-APIC   5-edge      ACPI:Ged");
  CHECK(line_of(text, " 36:") == zeros(" 36:", 2) + " PCI-MSIX-0000:00:02.0   1-edge      virtio1-req.0");
  CHECK(line_of(text, "LOC:") == zeros("LOC:", 2) + "   Local timer interrupts");
  CHECK(line_of(text, "ERR:") == zeros("ERR:", 1));
  CHECK(line_of(text, "MIS:") == zeros("MIS:", 1));
}

TEST_CASE("/proc/interrupts: the columns of the sandbox's CPUs") {
  const std::string text = generate("/proc/interrupts", with_cpus({2, 7}), eight_cpus());
  CHECK(lines_of(text)[0] == "           CPU2       CPU7       ");
  CHECK(line_of(text, "  0:") == zeros("  0:", 2) + "  IO-APIC    2-edge      timer");
  CHECK(line_of(text, "123:") == zeros("123:", 2) + "  PCI-MSI 524288-edge      nvme0q0, nvme0q1");
  CHECK(line_of(text, "NMI:") == zeros("NMI:", 2) + "   Non-maskable interrupts");
  CHECK(line_of(text, "ERR:") == zeros("ERR:", 1));
  CHECK(line_of(text, "MIS:") == zeros("MIS:", 1));
  CHECK(lines_of(text).size() == lines_of(text_of(eight_cpus(), "/proc/interrupts")).size());
}

TEST_CASE("/proc/interrupts: a label that takes the first blank keeps its columns, as on arm") {
  const std::string host =
      "           CPU0       CPU1       \n"
      " 11:       1234         99     GICv3  27 Level     arch_timer\n"
      "IPI0:      8000         77       Rescheduling interrupts\n"
      "Err:          0\n";
  CHECK(generate("/proc/interrupts", with_cpus({1}), host) ==
        "           CPU1       \n"
        " 11:          0     GICv3  27 Level     arch_timer\n"
        "IPI0:         0       Rescheduling interrupts\n"
        "Err:          0\n");
}

TEST_CASE("/proc/interrupts: a line with another number of counts is left out") {
  const std::string host =
      "           CPU0       CPU1       CPU2       \n"
      "  1:          5          6          7  chip\n"
      "  2:          5          6  chip\n"
      "  3:          5  chip\n"
      "  4: 5x 6 7 chip\n"
      "  5:          5          6          7          8  chip\n"
      "no label\n";
  CHECK(generate("/proc/interrupts", with_cpus({0}), host) ==
        "           CPU0       \n  1:          0  chip\n");
}

TEST_CASE("/proc/softirqs: the columns of the sandbox's CPUs, no counts") {
  const std::string text = generate("/proc/softirqs", with_cpus({3}), eight_cpus());
  CHECK(lines_of(text).size() == 11);
  CHECK(lines_of(text)[0] == "                    CPU3       ");
  CHECK(line_of(text, "          HI:") == zeros("          HI:", 1));
  CHECK(line_of(text, "         RCU:") == zeros("         RCU:", 1));
  const std::string all = generate("/proc/softirqs", unlimited({0, 1}), two_cpus());
  CHECK(all.size() == text_of(two_cpus(), "/proc/softirqs").size());
  CHECK(line_of(all, "       TIMER:") == zeros("       TIMER:", 2));
}

TEST_CASE("/proc/schedstat: version and time, and zeros for the sandbox's CPUs") {
  CHECK(generate("/proc/schedstat", with_cpus({0, 6}), eight_cpus()) ==
        "version 15\ntimestamp 4317289341\ncpu0 0 0 0 0 0 0 0 0 0\ncpu6 0 0 0 0 0 0 0 0 0\n");
}

TEST_CASE("/sys/devices/system/cpu: the sandbox's CPUs as the kernel prints a list") {
  const auto list = [](const std::vector<unsigned>& cpus) {
    return generate("/sys/devices/system/cpu/online", with_cpus(cpus), "0-7\n");
  };
  CHECK(list({0}) == "0\n");
  CHECK(list({7}) == "7\n");
  CHECK(list({0, 1}) == "0-1\n");
  CHECK(list({0, 1, 4}) == "0-1,4\n");
  CHECK(list({1, 3, 5}) == "1,3,5\n");
  CHECK(list({0, 2, 3, 4, 63, 64}) == "0,2-4,63-64\n");
  const View view = with_cpus({2, 3});
  CHECK(generate("/sys/devices/system/cpu/possible", view, eight_cpus()) == "2-3\n");
  CHECK(generate("/sys/devices/system/cpu/present", view, eight_cpus()) == "2-3\n");
  CHECK(generate("/sys/devices/system/cpu/offline", view, eight_cpus()) == "\n");
}

}  // namespace proctor::tests
