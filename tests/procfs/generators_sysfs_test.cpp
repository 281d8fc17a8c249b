#include "tests/procfs/views.hpp"

namespace proctor::tests {
namespace {

const std::string topology = "/sys/devices/system/cpu/cpuN/topology/";

procfs::View on_two_nodes() {
  procfs::View view = with_cpus({1, 4});
  view.cpu_nodes = {1};
  view.limits.memory_bytes = 400 * mebibyte;
  view.usage.anonymous_bytes = 40 * mebibyte;
  view.node_memory = {{0, 3000}, {1, 1000}};
  return view;
}

}  // namespace

TEST_CASE("lists and masks of CPUs: what of the host's is the sandbox's") {
  const auto view = with_cpus({1, 4, 33});
  const auto list = [&](const char* host) { return generate(topology + "core_cpus_list", view, host); };
  CHECK(list("0-7\n") == "1,4\n");
  CHECK(list("0,4,32-40\n") == "4,33\n");
  CHECK(list("2-3\n") == "\n");
  CHECK(list("\n") == "\n");
  CHECK(list("0-99999999999\n") == "1,4,33\n");
  CHECK(list("rubbish,4-,-4,4\n") == "4\n");
  const auto mask = [&](const char* host) { return generate(topology + "core_cpus", view, host); };
  CHECK(mask("ff\n") == "12\n");
  CHECK(mask("3,000000ff\n") == "2,00000012\n");
  CHECK(mask("00000000,0000000c\n") == "00000000,00000000\n");
  CHECK(mask("x\n") == "\n");
  CHECK(generate("/sys/devices/system/cpu/cpufreq/policyN/related_cpus", view, "0 1 4 5\n") == "1 4\n");
  CHECK(generate("/sys/devices/.../local_cpus", view, "ff\n") == "12\n");
}

TEST_CASE("lists and masks of CPUs: all of the host's where no CPU is left out") {
  const auto view = unlimited({0, 1});
  CHECK(generate(topology + "core_cpus_list", view, "0-15\n") == "0-15\n");
  CHECK(generate(topology + "core_cpus", view, "ffff\n") == "ffff\n");
}

TEST_CASE("/sys/devices/system/node: the nodes of the sandbox's CPUs") {
  CHECK(generate("/sys/devices/system/node/has_cpu", on_two_nodes(), "0-1\n") == "1\n");
  CHECK(generate("/sys/devices/system/node/nodeN/cpumap", on_two_nodes(), "0f\n") == "02\n");
}

TEST_CASE("/sys/devices/system/node/nodeN/meminfo: each node's part of what is stated, all of it together") {
  const auto told = [](int node) {
    const std::string name = "Node " + std::to_string(node) + " ";
    return generate("/sys/devices/system/node/nodeN/meminfo", on_two_nodes(),
                    name + "MemTotal:       9000000 kB\n" + name + "MemFree:        8000000 kB\n" + name +
                        "MemUsed:        1000000 kB\n" + name + "HugePages_Total:     3\n");
  };
  CHECK(told(0) ==
        "Node 0 MemTotal:         307200 kB\nNode 0 MemFree:          276480 kB\n"
        "Node 0 MemUsed:           30720 kB\nNode 0 HugePages_Total:     3\n");
  CHECK(line_of(told(1), "Node 1 MemTotal") == "Node 1 MemTotal:         102400 kB");
  procfs::View one = limited();
  one.node_memory = {{0, 77}};
  const std::string text = generate("/sys/devices/system/node/nodeN/meminfo", one, two_cpus());
  CHECK(line_of(text, "Node 0 MemTotal") == "Node 0 MemTotal:         524288 kB");
  CHECK(generate("/sys/devices/system/node/nodeN/meminfo", limited(), "").empty());
}

TEST_CASE("/sys/devices/system/node/nodeN/numastat: no counts") {
  CHECK(generate("/sys/devices/system/node/nodeN/numastat", unlimited({0}), "numa_hit 77\nnuma_miss 1\n") ==
        "numa_hit 0\nnuma_miss 0\n");
}

TEST_CASE("/sys/fs/cgroup: what is used, and what has its default") {
  const auto told = [](const char* name) {
    return generate(std::string("/sys/fs/cgroup/") + name, limited(), "");
  };
  CHECK(told("cpu.stat").starts_with("usage_usec 10000000\nuser_usec 7000000\nsystem_usec 3000000\n"));
  CHECK(line_of(told("memory.stat"), "anon ") == "anon 134217728");
  CHECK(line_of(told("memory.stat"), "inactive_file ") == "inactive_file 0");
  CHECK(told("memory.high") == "max\n");
  CHECK(told("memory.swap.current") == "0\n");
  CHECK(told("cpu.weight") == "100\n");
}

}  // namespace proctor::tests
