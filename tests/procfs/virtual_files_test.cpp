#include "procfs/virtual_files.hpp"

#include "tests/procfs/views.hpp"

namespace proctor::tests {

using procfs::find_virtual_file;
using procfs::View;
using procfs::virtual_files;
using procfs::VirtualFile;

namespace {

/// Views that differ in all that a generator may look at, usage left out.
std::vector<View> some_views() {
  View many = with_cpus({0, 2, 3, 5, 7});
  many.limits.memory_bytes = std::uint64_t{1} << 40U;
  View members = with_members({1200, 1180, 2617});
  members.owns_socket = [](std::uint64_t inode) { return inode % 2 == 1; };
  members.count_sockets = [] { return std::uint64_t{7}; };
  members.net_file = [](pid_t, const std::string& name) {
    return std::string(text_of(own_files(), "/proc/PID/net/" + name));
  };
  return {unlimited({0, 1}), limited(), members, many};
}

}  // namespace

TEST_CASE("virtual files: sorted by path, each path once, each row told of") {
  std::string_view before;
  for (const VirtualFile& file : virtual_files()) {
    CAPTURE(file.path);
    CHECK(before < file.path);
    CHECK(file.path.starts_with('/'));
    CHECK(file.generate != nullptr);
    CHECK_FALSE(file.readers.empty());
    CHECK_FALSE(file.mirrors.empty());
    before = file.path;
  }
}

TEST_CASE("virtual files: a row is found by its whole path") {
  for (const VirtualFile& file : virtual_files()) CHECK(find_virtual_file(file.path) == &file);
  CHECK(find_virtual_file("/proc/PID/task/TID/net/tcp") == find_virtual_file("/proc/PID/net/tcp"));
  CHECK(find_virtual_file("/proc/PID/task/TID/fdinfo/FD") == find_virtual_file("/proc/PID/fdinfo/FD"));
  for (const char* path : {"", "/", "/proc", "/proc/sta", "/proc/stat/", "/proc/stats", "proc/stat", "/zzz",
                           "/proc/1/stat", "/proc/sys/kernel/pid_max", "/proc/PID/children",
                           "/proc/PID/task/TID", "/proc/PID/task/TID/", "/proc/PID/task/TID/task/TID/stat"}) {
    CAPTURE(path);
    CHECK(find_virtual_file(path) == nullptr);
  }
}

TEST_CASE("virtual files: what a process has, its threads have") {
  for (const char* name : {"cgroup", "sched", "stat", "status"}) {
    const VirtualFile* const process = find_virtual_file(std::string("/proc/PID/") + name);
    const VirtualFile* const thread = find_virtual_file(std::string("/proc/PID/task/TID/") + name);
    REQUIRE(process != nullptr);
    REQUIRE(thread != nullptr);
    CHECK(process->generate == thread->generate);
  }
}

TEST_CASE("virtual files: usage is asked for exactly where the text depends on it") {
  for (const VirtualFile& file : virtual_files()) {
    CAPTURE(file.path);
    bool differs = false;
    for (View view : some_views()) {
      for (const Machine* machine : {&two_cpus(), &eight_cpus(), &own_files()}) {
        const std::string_view host = text_of(*machine, std::string(file.path));
        view.usage = {};
        view.load = {};
        const std::string idle = file.generate(view, host);
        view.usage = {5000, 4000, 64 * mebibyte, 20, 30, 3, 2, 777};
        view.load = {4096, 2048, 1024};
        differs = differs || file.generate(view, host) != idle;
      }
    }
    CHECK(differs == (file.detail == procfs::ViewDetail::with_usage));
  }
}

TEST_CASE("virtual files: a text that breaks off anywhere is answered") {
  for (const VirtualFile& file : virtual_files()) {
    CAPTURE(file.path);
    for (const View& view : some_views()) {
      for (const Machine* machine : {&two_cpus(), &eight_cpus(), &own_files()}) {
        const std::string_view host = text_of(*machine, std::string(file.path));
        for (std::size_t length = 0; length <= host.size(); ++length) {
          // A copy of just that length, so that a sanitizer sees a read behind its end.
          const std::vector<char> part(host.begin(), host.begin() + static_cast<std::ptrdiff_t>(length));
          const std::string text = file.generate(view, {part.data(), part.size()});
          if (text.size() > 2 * host.size() + 4096) FAIL("an answer that grows at " << length);
        }
      }
    }
  }
}

TEST_CASE("virtual files: a text of another shape is answered") {
  const std::string nul("a\0b: \0 1\n", 9);
  for (const VirtualFile& file : virtual_files()) {
    CAPTURE(file.path);
    for (const View& view : some_views()) {
      for (const std::string& host : {std::string(),
                                      std::string("\n"),
                                      std::string("\n\n\n"),
                                      std::string(":"),
                                      std::string(": : :\n"),
                                      std::string("1: \t"),
                                      std::string("1: ->"),
                                      std::string(") "),
                                      std::string("(((("),
                                      std::string("CPU"),
                                      std::string("CPU0\n:"),
                                      std::string("CPU99999999999999999999 CPU-1\n0: 1 1 x\n"),
                                      std::string("cpu: 99999999999999999999\n"),
                                      std::string("Node 0, zone x\nNode, zone\nNode\n"),
                                      std::string("MemTotal: 99999999999999999999 kB\nMemFree: -1 kB\n"),
                                      std::string(5000, ' '),
                                      std::string(5000, '9'),
                                      std::string("numa_group_id="),
                                      std::string("notify: "),
                                      nul}) {
        CHECK_NOTHROW(file.generate(view, host));
      }
    }
  }
}

TEST_CASE("virtual files: nothing limited, the host's own text is passed on") {
  const View view = unlimited({0, 1});
  for (const char* path : {"/etc/hostname", "/etc/hosts", "/proc/cpuinfo", "/proc/meminfo", "/proc/swaps",
                           "/proc/sys/kernel/hostname", "/proc/sys/kernel/threads-max",
                           "/sys/devices/system/cpu/offline", "/sys/devices/system/cpu/online",
                           "/sys/devices/system/cpu/possible", "/sys/devices/system/cpu/present"}) {
    CAPTURE(path);
    CHECK(generate(path, view, two_cpus()) == text_of(two_cpus(), path));
    CHECK(generate(path, view, eight_cpus()) == text_of(eight_cpus(), path));
  }
}

TEST_CASE("virtual files: what is not limited is the host's own text, and need not be made") {
  View free = unlimited({0, 1, 2, 3, 4, 5, 6, 7});
  std::size_t passed = 0;
  for (const VirtualFile& file : procfs::virtual_files()) {
    if (procfs::is_told(file, free.limits) || text_of(eight_cpus(), std::string(file.path)).empty()) continue;
    CAPTURE(file.path);
    CHECK(generate(file.path, free, eight_cpus()) == text_of(eight_cpus(), std::string(file.path)));
    ++passed;
  }
  CHECK(passed > 8);
}

TEST_CASE("virtual files: each limit that is stated makes the files that tell it") {
  const auto told = [](std::string_view path, const policy::StatedLimits& limits) {
    return procfs::is_told(*procfs::find_virtual_file(path), limits);
  };
  policy::StatedLimits memory, cpus, processes, named;
  memory.memory_bytes = mebibyte;
  cpus.cpus = 1;
  processes.processes = 1;
  named.hostname = "box";
  for (const auto& limits : {memory, cpus, processes, named}) CHECK(told("/proc/stat", limits));
  for (const auto& limits : {memory, cpus, processes}) {
    CHECK(told("/proc/PID/cgroup", limits));
    CHECK(told("/sys/fs/cgroup/cpu.max", limits));
  }
  CHECK(told("/proc/meminfo", memory));
  CHECK_FALSE(told("/proc/meminfo", cpus));
  CHECK(told("/proc/cpuinfo", cpus));
  CHECK_FALSE(told("/proc/cpuinfo", memory));
  CHECK(told("/proc/sys/kernel/threads-max", processes));
  CHECK(told("/proc/PID/limits", processes));
  CHECK_FALSE(told("/proc/PID/limits", memory));
  CHECK(told("/etc/hosts", named));
  CHECK_FALSE(told("/etc/hosts", processes));
  CHECK(procfs::told_outside_procfs({}).empty());
  CHECK(procfs::told_outside_procfs(named) == std::vector<std::string>{"/etc/hostname", "/etc/hosts"});
}

}  // namespace proctor::tests
