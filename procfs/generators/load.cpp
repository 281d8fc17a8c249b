#include <algorithm>
#include <cmath>

#include "procfs/generators/generators.hpp"
#include "procfs/generators/text.hpp"

namespace proctor::procfs::generators {
namespace {

/// Clock ticks since the machine's start: of one CPU, or of all that the sandbox has.
struct Times {
  std::uint64_t user = 0;
  std::uint64_t system = 0;
  std::uint64_t idle = 0;
};

std::size_t cpu_count(const View& view) { return std::max<std::size_t>(view.cpus.size(), 1); }

Times total_times(const View& view) {
  const double ticks = std::max(view.uptime_s, 0.0) * view.ticks_per_second;
  const std::uint64_t available = static_cast<std::uint64_t>(ticks) * cpu_count(view);
  const std::uint64_t used = view.usage.user_ticks + view.usage.system_ticks;
  return {view.usage.user_ticks, view.usage.system_ticks, available - std::min(available, used)};
}

/// What the nth of `count` equal shares of a total gets. The first ones get one more each, not the first all
/// that is left over: so no share shrinks while the total grows.
std::uint64_t share(std::uint64_t total, std::size_t count, std::size_t nth) {
  return total / count + (nth < total % count ? 1 : 0);
}

std::string cpu_line(const std::string& name, const Times& times) {
  return name + " " + std::to_string(times.user) + " 0 " + std::to_string(times.system) + " " +
         std::to_string(times.idle) + " 0 0 0 0 0 0\n";
}

/// Two places behind the point, as the kernel writes them whatever the locale.
std::string with_hundredths(std::uint64_t hundredths) {
  const std::string digits = std::to_string(100 + hundredths % 100);
  return std::to_string(hundredths / 100) + "." + digits.substr(1);
}

/// LOAD_INT and LOAD_FRAC of a load to which loadavg_proc_show() has added half of a hundredth.
std::string load_text(std::uint64_t load) {
  constexpr std::uint64_t one = std::uint64_t{1} << load_shift;
  load += one / 200;
  return with_hundredths((load >> load_shift) * 100 + (((load & (one - 1)) * 100) >> load_shift));
}

std::uint32_t running(const View& view) { return std::max(view.usage.running, 1U); }  // the reader at least

}  // namespace

std::string stat(const View& view, std::string_view host) {
  const Times total = total_times(view);
  std::string text = cpu_line("cpu ", total);
  const std::size_t count = cpu_count(view);
  for (std::size_t nth = 0; nth < view.cpus.size(); ++nth) {
    text += cpu_line(
        "cpu" + std::to_string(view.cpus[nth]),
        {share(total.user, count, nth), share(total.system, count, nth), share(total.idle, count, nth)});
  }
  text += "intr 0\nctxt 0\n";
  for (const std::string_view line : lines(host)) {
    if (line.starts_with("btime ")) text += std::string(line) + "\n";
  }
  text += "processes " + std::to_string(view.usage.processes_started) + "\n";
  text += "procs_running " + std::to_string(running(view)) + "\n";
  text += "procs_blocked " + std::to_string(view.usage.blocked) + "\n";
  return text + "softirq 0 0 0 0 0 0 0 0 0 0 0\n";
}

std::string uptime(const View& view, std::string_view /*host*/) {
  const std::uint64_t idle = total_times(view).idle;
  const unsigned per_second = std::max(view.ticks_per_second, 1U);
  const std::uint64_t idle_hundredths = idle / per_second * 100 + idle % per_second * 100 / per_second;
  const auto up = static_cast<std::uint64_t>(std::llround(std::max(view.uptime_s, 0.0) * 100));
  return with_hundredths(up) + " " + with_hundredths(idle_hundredths) + "\n";
}

std::string loadavg(const View& view, std::string_view /*host*/) {
  std::string text;
  for (const std::uint64_t load : view.load) text += load_text(load) + " ";
  return text + std::to_string(running(view)) + "/" + std::to_string(view.usage.threads) + " " +
         std::to_string(view.usage.last_pid) + "\n";
}

std::string pressure(const View& /*view*/, std::string_view host) {
  std::string text;
  for (const std::string_view line : lines(host)) {
    const std::string_view kind = line.substr(0, line.find(' '));
    if (kind != "some" && kind != "full") continue;
    text += std::string(kind) + " avg10=0.00 avg60=0.00 avg300=0.00 total=0\n";
  }
  return text;
}

}  // namespace proctor::procfs::generators
