#include "tests/procfs/views.hpp"

namespace proctor::tests {
namespace {

constexpr std::string_view hybrid_mountinfo =
    "24 1 8:1 / / rw - ext4 /dev/sda1 rw\n"
    "30 24 0:26 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755\n"
    "31 30 0:27 /build/17 /sys/fs/cgroup/memory rw,relatime shared:9 master:2 - cgroup cgroup rw,memory\n"
    "32 30 0:28 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n"
    "33 24 0:29 / /sys/fs/cgroups rw - tmpfs cgroup rw\n";
constexpr std::string_view hybrid_mounts =
    "/dev/sda1 / ext4 rw 0 0\n"
    "tmpfs /sys/fs/cgroup tmpfs rw,relatime,mode=755 0 0\n"
    "cgroup /sys/fs/cgroup/memory cgroup rw,relatime,memory 0 0\n"
    "tmpfs /tmp tmpfs rw 0 0\n";

}  // namespace

TEST_CASE("cgroup files: where nothing is limited the host's own are passed on") {
  const auto free = unlimited({0, 1});
  CHECK(generate("/proc/PID/cgroup", free, "0::/user.slice\n") == "0::/user.slice\n");
  CHECK(generate("/proc/cgroups", free, eight_cpus()) == text_of(eight_cpus(), "/proc/cgroups"));
  CHECK(generate("/proc/PID/mountinfo", free, hybrid_mountinfo) == hybrid_mountinfo);
  CHECK(generate("/proc/PID/mounts", free, hybrid_mounts) == hybrid_mounts);
}

TEST_CASE("/proc/PID/cgroup: the root of one hierarchy") {
  for (const Machine* machine : {&two_cpus(), &eight_cpus()}) {
    CHECK(generate("/proc/PID/cgroup", limited(), *machine) == "0::/\n");
    CHECK(generate("/proc/PID/task/TID/cgroup", limited(), *machine) == "0::/\n");
  }
}

TEST_CASE("/proc/cgroups: the host's controllers, each with one group and no hierarchy") {
  const std::string text = generate("/proc/cgroups", limited(), eight_cpus());
  CHECK(lines_of(text).size() == lines_of(text_of(eight_cpus(), "/proc/cgroups")).size());
  CHECK(lines_of(text)[0] == "#subsys_name\thierarchy\tnum_cgroups\tenabled");
  CHECK(line_of(text, "memory") == "memory\t0\t1\t1");
  CHECK(line_of(text, "hugetlb") == "hugetlb\t0\t1\t0");
}

TEST_CASE("mountinfo and mounts: one cgroup v2 in the place of the machine's hierarchies") {
  CHECK(generate("/proc/PID/mountinfo", limited(), hybrid_mountinfo) ==
        "24 1 8:1 / / rw - ext4 /dev/sda1 rw\n"
        "30 24 0:26 / /sys/fs/cgroup rw,nosuid,nodev,noexec,relatime - cgroup2 cgroup2 rw\n"
        "33 24 0:29 / /sys/fs/cgroups rw - tmpfs cgroup rw\n");
  CHECK(generate("/proc/PID/mounts", limited(), hybrid_mounts) ==
        "/dev/sda1 / ext4 rw 0 0\n"
        "cgroup2 /sys/fs/cgroup cgroup2 rw,nosuid,nodev,noexec,relatime 0 0\n"
        "tmpfs /tmp tmpfs rw 0 0\n");
  CHECK(generate("/proc/PID/mountinfo", limited(), "24 1 8:1 / / rw - ext4 /dev/sda1 rw\n") ==
        "24 1 8:1 / / rw - ext4 /dev/sda1 rw\n");
  CHECK(generate("/proc/PID/mountinfo", limited(), "24 1 -\n") == "24 1 -\n");
}

TEST_CASE("/sys/fs/cgroup: the limits, in the words of cgroup v2") {
  const auto told = [](const char* name, const procfs::View& view) {
    return generate(std::string("/sys/fs/cgroup/") + name, view, "");
  };
  CHECK(told("memory.max", limited()) == "536870912\n");
  CHECK(told("memory.current", limited()) == "134217728\n");
  CHECK(told("memory.swap.max", limited()) == "0\n");
  CHECK(told("cpu.max", limited()) == "200000 100000\n");
  CHECK(told("cpuset.cpus.effective", limited()) == "0-1\n");
  CHECK(told("pids.max", limited()) == "64\n");
  CHECK(told("pids.current", limited()) == "17\n");
  const auto free = unlimited({0, 1, 2, 5});
  for (const char* name : {"memory.max", "memory.swap.max", "pids.max"}) CHECK(told(name, free) == "max\n");
  CHECK(told("cpu.max", free) == "max 100000\n");
  CHECK(told("cpuset.cpus.effective", free) == "0-2,5\n");
}

TEST_CASE("cpu.stat: the periods of cpu.max, as many as there have been") {
  auto view = limited();
  view.age_s = 12.34;
  CHECK(line_of(generate("/sys/fs/cgroup/cpu.stat", view, ""), "nr_periods") == "nr_periods 123");
  view.all_cpus = true;  // no quota
  CHECK(line_of(generate("/sys/fs/cgroup/cpu.stat", view, ""), "nr_periods") == "nr_periods 0");
}

TEST_CASE("/proc/PID/mountstats and cpuset: the one hierarchy where something is stated") {
  const std::string host(text_of(own_files(), "/proc/PID/mountstats"));
  const std::string text = generate("/proc/PID/mountstats", limited(), host);
  CHECK(line_of(text, "device cgroup") == "device cgroup2 mounted on /sys/fs/cgroup with fstype cgroup2");
  CHECK(text.find("cgroup/") == std::string::npos);
  CHECK(line_of(text, "device proc") == "device proc mounted on /proc with fstype proc");
  CHECK(generate("/proc/PID/mountstats", unlimited({0, 1}), host) == host);
  CHECK(generate("/proc/PID/cpuset", limited(), own_files()) == "/\n");
  CHECK(generate("/proc/PID/cpuset", unlimited({0, 1}), own_files()) == "/group/b3187600\n");
}

}  // namespace proctor::tests
