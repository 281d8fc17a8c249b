#include "procfs/sys_rules.hpp"

#include <dirent.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <set>

#include "procfs/gate.hpp"
#include "procfs/virtual_files.hpp"
#include "support/catch.hpp"
#include "tests/procfs/fixture.hpp"
#include "tests/procfs/views.hpp"

namespace proctor::tests {
namespace {

using procfs::is_hidden_in_sys;
using procfs::list_sys;
using procfs::lists_cgroup_processes;
using procfs::sys_row_path;
using procfs::View;
using Names = std::set<std::string>;

/// Everything of a listing, by calls with room for a few entries each.
std::optional<Names> names_in(const std::string& path, const View& view,
                              policy::ProcMode mode = policy::ProcMode::private_view,
                              std::size_t room = 2048) {
  const kernel::UniqueFd directory(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory) return std::nullopt;
  Names names;
  while (true) {
    const auto bytes = list_sys(directory, view, mode, room, procfs::DirentLayout::dirent64);
    if (!bytes || !*bytes) return std::nullopt;
    if ((*bytes)->empty()) return names;
    for (std::size_t at = 0; at < (*bytes)->size();) {
      std::uint16_t length = 0;
      std::memcpy(&length, (*bytes)->data() + at + 16, sizeof length);
      names.insert(reinterpret_cast<const char*>((*bytes)->data() + at + 19));
      at += length;
    }
  }
}

/// A gate's source of a view that a test makes.
class FixedView : public procfs::ViewSource {
 public:
  explicit FixedView(View view) : view_(std::move(view)) {}
  const policy::StatedLimits& limits() const override { return view_.limits; }
  View look(procfs::ViewDetail /*detail*/) override { return view_; }
  bool admit_file(std::size_t /*bytes*/) override { return true; }

 private:
  View view_;
};

/// A block device of this machine: the name of its directory; empty if there is none.
std::string some_disk() {
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator("/sys/class/block", error))
    return std::filesystem::canonical(entry.path(), error).string();
  return {};
}

}  // namespace

TEST_CASE("/sys: the CPUs of others are hidden, by number and not by the look of a name") {
  const View view = with_cpus({1, 10});
  for (const char* path :
       {"/sys/devices/system/cpu/cpu0", "/sys/devices/system/cpu/cpu0/topology/core_id",
        "/sys/devices/system/node/node3/cpu2", "/sys/bus/cpu/devices/cpu11", "/sys/class/msr/msr0",
        "/sys/devices/system/cpu/cpufreq/policy2/scaling_cur_freq"}) {
    CAPTURE(path);
    CHECK(is_hidden_in_sys(path, view));
    CHECK_FALSE(is_hidden_in_sys(path, unlimited({0, 1})));
  }
  for (const char* path :
       {"/sys/devices/system/cpu/cpu1/topology", "/sys/devices/system/cpu/cpu10",
        "/sys/devices/system/cpu/cpufreq", "/sys/devices/system/cpu/cpuidle",
        "/sys/devices/system/cpu/online", "/sys/devices/system/cpu", "/sys/devices/system/node/node3",
        "/sys/devices/system/node/nodes/cpu0", "/sys/devices/system/cpu/cpu", "/sys/devices/system/cpu/cpu0x",
        "/proc/sys", "/sysfs/block/x", "/"}) {
    CAPTURE(path);
    CHECK_FALSE(is_hidden_in_sys(path, view));
  }
}

TEST_CASE("/sys: there are no disks, under none of their names") {
  const View view = unlimited({0, 1});
  for (const char* path :
       {"/sys/block/vda", "/sys/class/block/sda1", "/sys/dev/block/8:0", "/sys/devices/virtual/bdi/8:0/x"})
    CHECK(is_hidden_in_sys(path, view));
  for (const char* path : {"/sys/block", "/sys/class/net/eth0", "/sys/dev/char/1:3"})
    CHECK_FALSE(is_hidden_in_sys(path, view));
  const std::string disk = some_disk();
  if (disk.empty()) return skip("no block device here");
  CHECK(is_hidden_in_sys(disk, view));
  CHECK(is_hidden_in_sys(disk + "/queue/rotational", view));
  CHECK_FALSE(is_hidden_in_sys(std::filesystem::path(disk).parent_path().string(), view));
  CHECK_FALSE(is_hidden_in_sys(disk + "x", view));
}

TEST_CASE("/sys: the blocks of the machine's memory are hidden where memory is stated") {
  for (const char* path : {"/sys/devices/system/memory/memory7/state", "/sys/bus/memory/devices/memory0",
                           "/sys/devices/system/node/node0/memory12"}) {
    CHECK(is_hidden_in_sys(path, limited()));
    CHECK_FALSE(is_hidden_in_sys(path, with_cpus({0})));
  }
  CHECK_FALSE(is_hidden_in_sys("/sys/devices/system/memory/block_size_bytes", limited()));
}

TEST_CASE("/sys: of the cgroups there is the sandbox's own, where it has one") {
  for (const char* path : {"/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/system.slice",
                           "/sys/fs/cgroup/cgroup.procs", "/sys/fs/cgroup/memory.max/x"}) {
    CHECK(is_hidden_in_sys(path, limited()));
    CHECK_FALSE(is_hidden_in_sys(path, unlimited({0, 1})));
  }
  CHECK_FALSE(is_hidden_in_sys("/sys/fs/cgroup", limited()));
  CHECK_FALSE(is_hidden_in_sys("/sys/fs/cgroup/memory.max", limited()));
}

TEST_CASE("/sys: numbers of CPUs, nodes and caches have one row") {
  CHECK(sys_row_path("/sys/devices/system/cpu/cpu12/cache/index3/shared_cpu_map") ==
        "/sys/devices/system/cpu/cpuN/cache/indexN/shared_cpu_map");
  CHECK(sys_row_path("/sys/devices/system/node/node0/meminfo") == "/sys/devices/system/node/nodeN/meminfo");
  CHECK(sys_row_path("/sys/devices/system/cpu/cpufreq/policy3/related_cpus") ==
        "/sys/devices/system/cpu/cpufreq/policyN/related_cpus");
  CHECK(sys_row_path("/sys/devices/pci0000:00/0000:00:02.0/local_cpulist") ==
        "/sys/devices/.../local_cpulist");
  for (const char* path :
       {"/sys/devices/system/cpu/online", "/proc/PID/stat", "/sys/class/net/cpu0/x", "",
        "/sys/devices/pci0000:00/vendor", "/sys/devices/system/cpu/cpuN/topology/core_cpus"})
    CHECK(sys_row_path(path) == path);
}

TEST_CASE("/sys: a listing leaves out what is hidden, and nothing else") {
  const auto machine = names_in("/sys/devices/system/cpu", unlimited({0, 1}));
  if (!machine || !machine->contains("cpu0")) return skip("no /sys/devices/system/cpu here");
  Names expected;
  for (const auto& entry : std::filesystem::directory_iterator("/sys/devices/system/cpu"))
    expected.insert(entry.path().filename().string());
  for (const char* name : {".", ".."}) expected.insert(name);
  CHECK(*machine == expected);
  auto told = names_in("/sys/devices/system/cpu", with_cpus({0}), policy::ProcMode::private_view, 128);
  REQUIRE(told);
  for (const std::string& name : *told) expected.erase(name);
  CHECK(std::all_of(expected.begin(), expected.end(),
                    [](const std::string& name) { return name.starts_with("cpu") && name != "cpu0"; }));
  CHECK(names_in("/sys/block", unlimited({0, 1})) == Names{".", ".."});
  CHECK_FALSE(names_in("/sys/devices/system/cpu/cpu0", with_cpus({1})));
  const kernel::UniqueFd elsewhere(::open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  CHECK_FALSE(list_sys(elsewhere, limited(), policy::ProcMode::strict, 2048, procfs::DirentLayout::dirent64));
}

TEST_CASE("/sys: the lists of a cgroup's processes, and no other files of it, are for nobody") {
  for (const char* path :
       {"/sys/fs/cgroup/cgroup.procs", "/sys/fs/cgroup/a/b/cgroup.threads", "/sys/fs/cgroup/memory/tasks"})
    CHECK(lists_cgroup_processes(path));
  for (const char* path : {"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup", "/sys/fs/cgroups/tasks",
                           "/sys/fs/cgroup/tasks/memory.max", "/var/tasks"})
    CHECK_FALSE(lists_cgroup_processes(path));
}

TEST_CASE("/sys: the sandbox's own cgroup is listed as far as stat knows it") {
  if (!names_in("/sys/fs/cgroup", unlimited({0, 1}))) return skip("no /sys/fs/cgroup here");
  const auto own = names_in("/sys/fs/cgroup", limited(), policy::ProcMode::strict);
  REQUIRE(own);
  CHECK(own->contains("memory.max"));
  CHECK(own->contains("cpu.max"));
  CHECK_FALSE(own->contains("cgroup.procs"));
  const auto seen = names_in("/sys/fs/cgroup", limited());
  REQUIRE(seen);
  CHECK(std::includes(own->begin(), own->end(), seen->begin(), seen->end()));
  const kernel::UniqueFd directory(::open("/sys/fs/cgroup", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  const auto cramped =
      list_sys(directory, limited(), policy::ProcMode::strict, 64, procfs::DirentLayout::legacy);
  REQUIRE(cramped);
  REQUIRE_FALSE(cramped->has_value());
  CHECK(cramped->error().number == EINVAL);
}

TEST_CASE("/sys: the gate serves what the sandbox has, and knows no other") {
  if (!std::filesystem::exists("/sys/devices/system/cpu/cpu0/topology")) return skip("no topology here");
  const Target target;
  FakeMembers members({target.pid()});
  View view = with_cpus({0});
  view.limits.cpus = 1;
  FixedView views(view);
  const procfs::PathHints hints({"/", "/sys", "/sys/devices", "/sys/kernel"});
  procfs::ProcGate gate(members, hints, &views);
  const auto answer = [&](const std::string& path, std::uint64_t flags = O_RDONLY) {
    return answer_of(gate.open(request_of(target, path, flags)));
  };
  const auto text = [&](const std::string& path) {
    const auto verdict = gate.open(request_of(target, path));
    return injected_fd(verdict) < 0 ? answer_of(verdict) : read_all(injected_fd(verdict));
  };
  CHECK(text("/sys/devices/system/cpu/cpu0/topology/package_cpus_list") == "0\n");
  CHECK(text("/sys/bus/cpu/devices/cpu0/topology/package_cpus_list") == "0\n");
  CHECK(answer("/sys/devices/system/cpu/kernel_max") == "inject");
  CHECK(answer("/sys/devices/system/cpu/cpu0") == "continue");
  if (std::filesystem::exists("/sys/devices/system/cpu/cpu1")) {
    CHECK(answer("/sys/devices/system/cpu/cpu1") == "ENOENT");
    CHECK(answer("/sys/devices/system/cpu/cpu1/topology/core_id") == "ENOENT");
    CHECK(answer("/sys/devices/system/cpu/cpu1/topology/core_id", O_PATH) == "ENOENT");
    CHECK(answer("/sys/bus/cpu/devices/cpu1", O_PATH | O_NOFOLLOW) == "ENOENT");
  }
  if (const std::string disk = some_disk(); !disk.empty()) {
    const std::string name = disk.substr(disk.rfind('/') + 1);
    for (const std::string& path : {disk + "/stat", "/sys/class/block/" + name + "/stat"})
      CHECK(answer(path) == "ENOENT");
    CHECK(answer("/sys/class/block/" + name, O_PATH | O_NOFOLLOW) == "ENOENT");  // as readlink asks
  }
  if (std::filesystem::exists("/sys/kernel/vmcoreinfo")) CHECK(answer("/sys/kernel/vmcoreinfo") == "EACCES");
  CHECK(answer("/sys/devices/system/cpu/no-such-file") == "continue");
}

TEST_CASE("/sys: a file that only the sandbox has is there for who looks at it") {
  if (!std::filesystem::exists("/sys/fs/cgroup")) return skip("no /sys/fs/cgroup here");
  if (std::filesystem::exists("/sys/fs/cgroup/memory.max")) return skip("the machine has a memory.max there");
  const Target target;
  FakeMembers members({target.pid()});
  FixedView views(limited());
  procfs::ProcGate gate(members, procfs::PathHints({"/", "/sys"}), &views);
  auto request = request_of(target, "/sys/fs/cgroup/memory.max", O_PATH);
  CHECK(answer_of(gate.open(request)) == "continue");
  request.looks = true;
  CHECK(answer_of(gate.open(request)) == "inject");
  request.path = "/sys/fs/cgroup/memory.min.no";
  CHECK(answer_of(gate.open(request)) == "continue");
}

}  // namespace proctor::tests
