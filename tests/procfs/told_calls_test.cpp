#include "procfs/told_calls.hpp"

#include <cerrno>
#include <cstring>
#include <utility>

#include "tests/procfs/views.hpp"

namespace proctor::tests {
namespace {

struct sysinfo machine() {
  struct sysinfo host {};
  host.uptime = 12345;
  host.loads[0] = 99;
  host.totalram = 8 * mebibyte;  // in units of 1024
  host.freeram = 3 * mebibyte;
  host.totalswap = host.freeswap = mebibyte;
  host.bufferram = host.sharedram = 1000;
  host.procs = 4000;
  host.mem_unit = 1024;
  return host;
}

}  // namespace

TEST_CASE("sysinfo: says of memory what /proc/meminfo says") {
  const auto view = limited();
  const auto told = procfs::told_sysinfo(view, machine());
  CHECK(told.mem_unit == 1);
  CHECK(told.totalram == 512 * mebibyte);
  CHECK(told.freeram == 384 * mebibyte);
  CHECK(told.totalswap == 0);
  CHECK(told.freeswap == 0);
  CHECK(told.bufferram == 0);
  const auto text = generate("/proc/meminfo", view, eight_cpus());
  CHECK(line_of(text, "MemTotal:").ends_with(std::to_string(told.totalram / 1024) + " kB"));
  CHECK(line_of(text, "MemFree:").ends_with(std::to_string(told.freeram / 1024) + " kB"));
}

TEST_CASE("sysinfo: says of the load and of tasks what /proc/loadavg says; the time is the machine's") {
  const auto view = limited();
  const auto told = procfs::told_sysinfo(view, machine());
  CHECK(told.uptime == 12345);
  CHECK(told.procs == 17);
  CHECK(told.loads[0] == 1 << SI_LOAD_SHIFT);
  CHECK(told.loads[1] == (1 << SI_LOAD_SHIFT) / 2);
  CHECK(generate("/proc/loadavg", view, "").starts_with("1.00 0.50 0.25 2/17 "));
}

TEST_CASE("sysinfo: what is not limited is the machine's; a limit is not more than it has") {
  const auto host = machine();
  const auto told = procfs::told_sysinfo(unlimited({0}), host);
  CHECK(told.totalram == host.totalram);
  CHECK(told.freeram == host.freeram);
  CHECK(told.mem_unit == host.mem_unit);
  auto view = limited();
  view.limits.memory_bytes = std::uint64_t{1} << 50U;
  CHECK(procfs::told_sysinfo(view, host).totalram == std::uint64_t{8} << 30U);
  view.usage.anonymous_bytes = std::uint64_t{1} << 60U;
  CHECK(procfs::told_sysinfo(view, host).freeram == 0);
}

TEST_CASE("uname: the stated host name, whole and alone") {
  utsname host{};
  std::strcpy(host.nodename, "a-much-longer-name-of-the-machine");
  std::strcpy(host.release, "6.18");
  const auto told = procfs::told_uname(limited(), host);
  CHECK(std::string_view(told.nodename) == "sandbox");
  CHECK(std::memchr(told.nodename + 8, '-', sizeof told.nodename - 8) ==
        nullptr);  // nothing is left of the other
  CHECK(std::string_view(told.release) == "6.18");
  CHECK(std::string_view(procfs::told_uname(unlimited({0}), host).nodename) == host.nodename);
  auto longest = limited();
  longest.limits.hostname = std::string(policy::hostname_bytes_max, 'n');
  CHECK(std::string_view(procfs::told_uname(longest, host).nodename) == longest.limits.hostname);
}

TEST_CASE("told_process_limit: what is stated, or the kernel's where that is less") {
  procfs::View view = limited();
  view.limits.processes = 100;
  const auto told = [&](rlim_t soft, rlim_t hard) {
    const auto limit = procfs::told_process_limit(view, {soft, hard});
    return std::pair{limit.rlim_cur, limit.rlim_max};
  };
  CHECK(told(RLIM_INFINITY, RLIM_INFINITY) == std::pair<rlim_t, rlim_t>{100, 100});
  CHECK(told(50, 4000) == std::pair<rlim_t, rlim_t>{50, 100});
  CHECK(told(50, 60) == std::pair<rlim_t, rlim_t>{50, 60});
  view.limits.processes.reset();
  CHECK(told(50, RLIM_INFINITY) == std::pair<rlim_t, rlim_t>{50, RLIM_INFINITY});
}

TEST_CASE(
    "changes_process_limit: what was told and is set again is no change; a hard limit is lowered only") {
  const rlimit told{80, 100};
  const auto answer = [&](rlim_t soft, rlim_t hard, bool may_raise = false) {
    const auto changes = procfs::changes_process_limit(told, {soft, hard}, may_raise);
    return changes ? int{*changes} : -changes.error().number;
  };
  CHECK(answer(80, 100) == 0);
  CHECK(answer(100, 100) == 1);
  CHECK(answer(80, 90) == 1);
  CHECK(answer(0, 0) == 1);
  CHECK(answer(91, 90) == -EINVAL);
  CHECK(answer(100, 101) == -EPERM);
  CHECK(answer(100, RLIM_INFINITY) == -EPERM);
  CHECK(answer(100, 101, true) == 1);
}

}  // namespace proctor::tests
