#include <map>
#include <sstream>

#include "tests/procfs/views.hpp"

namespace proctor::tests {

using procfs::View;

namespace {

std::uint64_t value_of(const std::string& text, const std::string& name) {
  std::istringstream fields(line_of(text, name).substr(name.size()));
  std::uint64_t value = 0;
  REQUIRE(fields >> value);
  return value;
}

/// The text with all that is a digit as 0 and runs of zeros and blanks as one, to compare layouts.
std::string names_of(std::string_view text) {
  std::string names;
  for (const char c : text) {
    const char shown = c >= '0' && c <= '9' ? '0' : c;
    const bool repeats = !names.empty() && names.back() == shown && (shown == '0' || shown == ' ');
    if (!repeats) names += shown;
  }
  return names;
}

}  // namespace

TEST_CASE("/proc/meminfo: the stated memory, what is used of it, and nothing else") {
  const std::string text = generate("/proc/meminfo", limited(), two_cpus());
  for (const char* line :
       {"MemTotal:         524288 kB", "MemFree:          393216 kB", "MemAvailable:     393216 kB",
        "Buffers:               0 kB", "Cached:                0 kB", "Active:           131072 kB",
        "Active(anon):     131072 kB", "Inactive(anon):        0 kB", "AnonPages:        131072 kB",
        "CommitLimit:      524288 kB", "Committed_AS:     131072 kB", "SwapTotal:             0 kB",
        "SwapFree:              0 kB", "Shmem:                 0 kB", "SReclaimable:          0 kB",
        "ShmemPmdMapped:        0 kB", "VmallocUsed:           0 kB"}) {
    const std::string expected = line;
    CHECK(line_of(text, expected.substr(0, expected.find(':') + 1)) == expected);
  }
}

TEST_CASE("/proc/meminfo: every line of the host in its order, constants as they are") {
  for (const Machine* machine : {&two_cpus(), &eight_cpus()}) {
    const auto host = lines_of(text_of(*machine, "/proc/meminfo"));
    const auto lines = lines_of(generate("/proc/meminfo", limited(), *machine));
    REQUIRE(lines.size() == host.size());
    for (std::size_t i = 0; i < lines.size(); ++i) {
      const std::string name = host[i].substr(0, host[i].find(':') + 1);
      CAPTURE(name);
      CHECK(lines[i].starts_with(name));
      const bool constant = name.starts_with("Huge") || name.starts_with("DirectMap") ||
                            name == "VmallocTotal:" || name == "HardwareCorrupted:";
      if (constant) CHECK(lines[i] == host[i]);
      // The kernel's columns, whatever number of the host was too wide for them.
      if (!constant) CHECK(lines[i].size() == 27);
    }
  }
}

TEST_CASE("/proc/meminfo: no more than the host has, and no more used than there is") {
  View view = limited();
  view.limits.memory_bytes = std::uint64_t{1} << 40U;
  CHECK(line_of(generate("/proc/meminfo", view, eight_cpus()), "MemTotal:") ==
        "MemTotal:       263856724 kB");
  view.limits.memory_bytes = 64 * mebibyte;
  const std::string text = generate("/proc/meminfo", view, eight_cpus());
  CHECK(value_of(text, "MemTotal:") == 65536);
  CHECK(value_of(text, "MemFree:") == 0);
  CHECK(value_of(text, "MemAvailable:") == 0);
  CHECK(value_of(text, "AnonPages:") == 65536);
}

TEST_CASE("/proc/meminfo: free and used sum to the total, and what is free shrinks as more is used") {
  View view = limited();
  std::uint64_t free_before = std::uint64_t{1} << 40U;
  for (std::uint64_t used = 0; used < 600 * mebibyte; used += 7 * mebibyte + 123) {
    view.usage.anonymous_bytes = used;
    const std::string text = generate("/proc/meminfo", view, two_cpus());
    REQUIRE(value_of(text, "MemFree:") + value_of(text, "AnonPages:") == value_of(text, "MemTotal:"));
    REQUIRE(value_of(text, "MemFree:") <= free_before);
    free_before = value_of(text, "MemFree:");
  }
  CHECK(free_before == 0);
}

TEST_CASE("/proc/meminfo: a line of another shape is left out, an unknown name is 0") {
  CHECK(generate("/proc/meminfo", limited(),
                 "MemTotal:       24684096 kB\nNew thing: of 7 kinds\nNewPages:         123 kB\nNewCount:    "
                 "9\nx\n") ==
        "MemTotal:         524288 kB\nNewPages:              0 kB\nNewCount:              0\n");
}

TEST_CASE("/proc/swaps: the header only where memory is stated") {
  CHECK(generate("/proc/swaps", limited(), eight_cpus()) ==
        "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n");
  CHECK(generate("/proc/swaps", limited(), "") == "");
}

TEST_CASE("/proc/vmstat: the host's names; pages that /proc/meminfo tells of in KiB, else 0") {
  const View view = limited();
  for (const Machine* machine : {&two_cpus(), &eight_cpus()}) {
    const std::string text = generate("/proc/vmstat", view, *machine);
    const auto host = lines_of(text_of(*machine, "/proc/vmstat"));
    const auto lines = lines_of(text);
    REQUIRE(lines.size() == host.size());
    for (std::size_t i = 0; i < lines.size(); ++i) {
      const std::string name = host[i].substr(0, host[i].find(' ') + 1);
      const bool told = name == "nr_free_pages " || name == "nr_anon_pages " || name == "nr_active_anon ";
      CHECK(lines[i].starts_with(name));
      if (!told) CHECK(lines[i] == name + "0");
    }
    const std::string meminfo = generate("/proc/meminfo", view, *machine);
    CHECK(value_of(text, "nr_free_pages ") * 4 == value_of(meminfo, "MemFree:"));
    CHECK(value_of(text, "nr_anon_pages ") * 4 == value_of(meminfo, "AnonPages:"));
    CHECK(value_of(text, "nr_active_anon ") * 4 == value_of(meminfo, "Active(anon):"));
  }
}

TEST_CASE("/proc/vmstat: larger pages are fewer") {
  View view = limited();
  view.page_bytes = 65536;
  CHECK(line_of(generate("/proc/vmstat", view, two_cpus()), "nr_free_pages ") == "nr_free_pages 6144");
}

TEST_CASE(
    "/proc/vmstat: without stated memory what there is is the machine's, and what was done is not told") {
  const std::string text = generate("/proc/vmstat", unlimited({0, 1}), eight_cpus());
  CHECK(value_of(text, "nr_free_pages ") == 32768001);
  for (const char* name : {"nr_anon_pages ", "nr_inactive_file ", "nr_mapped ", "nr_dirty "})
    CHECK(line_of(text, name) == line_of(text_of(eight_cpus(), "/proc/vmstat"), name));
  CHECK(value_of(text, "pgpgin ") == 0);
  CHECK(generate("/proc/vmstat", unlimited({0, 1}), "nr_dirtied 7\nnr_written 8\nnuma_hit 9\nnr_dirty 3\n") ==
        "nr_dirtied 0\nnr_written 0\nnuma_hit 0\nnr_dirty 3\n");
}

TEST_CASE("/sys node vmstat: as /proc/vmstat where there is one node") {
  constexpr auto path = "/sys/devices/system/node/nodeN/vmstat";
  const std::string host = "nr_free_pages 100\nnr_anon_pages 7\nnuma_hit 5\n";
  View view = limited();
  view.node_memory = {{0, 1000}};
  CHECK(generate(path, view, host) == "nr_free_pages 98304\nnr_anon_pages 32768\nnuma_hit 0\n");
  view.node_memory = {{0, 1000}, {1, 1000}};
  CHECK(generate(path, view, host) == "nr_free_pages 0\nnr_anon_pages 0\nnuma_hit 0\n");
  CHECK(generate(path, unlimited({0}), host) == "nr_free_pages 100\nnr_anon_pages 7\nnuma_hit 0\n");
}

TEST_CASE("/proc/buddyinfo: the free pages of the sandbox in as few blocks as there can be") {
  const std::string text = generate("/proc/buddyinfo", limited(), eight_cpus());
  CHECK(lines_of(text).size() == 4);
  CHECK(
      lines_of(text)[0] ==
      "Node 0, zone      DMA      0      0      0      0      0      0      0      0      0      0      0 ");
  for (const Machine* machine : {&two_cpus(), &eight_cpus()}) {
    View view = limited();
    view.usage.anonymous_bytes += 12345 * mebibyte / 1024;
    std::uint64_t pages = 0;
    for (const std::string& line : lines_of(generate("/proc/buddyinfo", view, *machine))) {
      std::istringstream counts(line.substr(line.find("zone") + 13));
      std::uint64_t count = 0;
      for (unsigned order = 0; counts >> count; ++order) pages += count << order;
    }
    CHECK(pages == value_of(generate("/proc/vmstat", view, *machine), "nr_free_pages "));
  }
  CHECK(generate("/proc/buddyinfo", unlimited({0, 1}), two_cpus()) == text_of(two_cpus(), "/proc/buddyinfo"));
}

TEST_CASE("/proc/zoneinfo: what there is, of the machine or of the sandbox, and not what was done") {
  const std::string host(text_of(two_cpus(), "/proc/zoneinfo"));
  const std::string text = generate("/proc/zoneinfo", unlimited({0, 1}), two_cpus());
  CHECK(names_of(text) == names_of(host));
  for (const char* name :
       {"  pages free ", "        managed ", "      nr_free_pages ", "      nr_active_anon "})
    CHECK(line_of(text, name) == line_of(host, name));
  CHECK(line_of(text, "      numa_hit ") == "      numa_hit     0");
  CHECK(line_of(text, "              count: ") == "              count:    0");
  CHECK(line_of(text, "Node 0, zone    DMA32") == "Node 0, zone    DMA32");
  CHECK(line_of(text, "        protection: ") == "        protection: (0, 0, 0, 0, 0)");
}

TEST_CASE("/proc/zoneinfo: the stated memory lies in the largest zone") {
  for (const Machine* machine : {&two_cpus(), &eight_cpus()}) {
    const View view = limited();
    const std::string text = generate("/proc/zoneinfo", view, *machine);
    CHECK(names_of(text) == names_of(generate("/proc/zoneinfo", unlimited(view.cpus), *machine)));
    std::map<std::string, std::uint64_t> sums;
    for (const std::string& line : lines_of(text)) {
      std::istringstream fields(line);
      std::string name;
      std::uint64_t value = 0;
      if (fields >> name && name == "pages") fields >> name;
      if (fields >> value) sums[name] += value;
    }
    const std::string vmstat = generate("/proc/vmstat", view, *machine);
    CHECK(sums["managed"] * 4 == value_of(generate("/proc/meminfo", view, *machine), "MemTotal:"));
    CHECK(sums["present"] == sums["managed"]);
    CHECK(sums["free"] == value_of(vmstat, "nr_free_pages "));
    CHECK(sums["nr_free_pages"] == sums["free"]);
    for (const std::string name : {"nr_anon_pages", "nr_active_anon"})
      if (sums.contains(name)) CHECK(sums[name] == value_of(vmstat, name + " "));
    CHECK(sums["nr_inactive_file"] == 0);
  }
}

TEST_CASE("/proc/zoneinfo: page sets of the sandbox's CPUs") {
  const std::string text = generate("/proc/zoneinfo", with_cpus({1, 7}), eight_cpus());
  const std::string sets =
      "  pagesets\n"
      "    cpu: 1\n"
      "              count: 0\n"
      "              high:  0\n"
      "              batch: 0\n"
      "  vm stats threshold: 0\n"
      "    cpu: 7\n"
      "              count: 0\n"
      "              high:  0\n"
      "              batch: 0\n"
      "  vm stats threshold: 0\n"
      "  node_unreclaimable:  0\n"
      "  start_pfn:           0\n";
  CHECK(text.find(sets) != std::string::npos);
  CHECK(text.ends_with(sets));
}

}  // namespace proctor::tests
