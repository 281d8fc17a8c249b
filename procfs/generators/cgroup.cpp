#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "kernel/sys_paths.hpp"
#include "procfs/generators/generators.hpp"
#include "procfs/generators/text.hpp"
#include "procfs/sys_rules.hpp"

namespace proctor::procfs::generators {
namespace {

constexpr std::string_view mount_point = kernel::sys_cgroup_path;
constexpr std::string_view mount_options = "rw,nosuid,nodev,noexec,relatime";
constexpr unsigned period_us = 100'000;  ///< of cpu.max: the kernel's default

template <class Number>
std::string line_of(const Number& number) {
  return fmt::format("{}\n", number);
}

/// Whether a mount is one of a cgroup hierarchy, or what they are mounted on.
bool is_of_cgroups(std::string_view where, std::string_view type) {
  return type.starts_with("cgroup") || kernel::is_at_or_below(where, mount_point);
}

/// The host's mounts, with `one` (made of the first line that goes) in the place of those of cgroups.
template <class IsOfCgroups, class One>
std::string with_one_hierarchy(const View& view, std::string_view host, IsOfCgroups goes, One one) {
  if (!has_own_cgroup(view)) return std::string(host);
  std::string text;
  bool found = false;
  for (const std::string_view line : lines(host)) {
    const auto fields = words(line);
    if (!goes(fields)) {
      text.append(line).append("\n");
    } else if (!std::exchange(found, true)) {
      text.append(one(fields)).append("\n");
    }
  }
  return text;
}

}  // namespace

std::string process_cgroup(const View& view, std::string_view host) {
  return has_own_cgroup(view) ? "0::/\n" : std::string(host);
}

std::string process_cpuset(const View& view, std::string_view host) {
  return has_own_cgroup(view) ? "/\n" : std::string(host);
}

std::string cgroups(const View& view, std::string_view host) {
  if (!has_own_cgroup(view)) return std::string(host);
  std::string text;
  for (const std::string_view line : lines(host)) {
    const auto fields = words(line);
    if (line.starts_with('#')) {
      text.append(line).append("\n");
    } else if (fields.size() == 4) {
      text += fmt::format("{}\t0\t1\t{}\n", fields[0], fields[3]);
    }
  }
  return text;
}

std::string mountinfo(const View& view, std::string_view host) {
  // show_mountinfo() (fs/proc_namespace.c): id, parent, device, root, mount point, options, tags, "-", type,
  // ...
  constexpr std::size_t mount_point_field = 4;
  return with_one_hierarchy(
      view, host,
      [](const std::vector<std::string_view>& fields) {
        const auto dash = std::ranges::find(fields, "-");
        return dash != fields.end() && dash + 1 != fields.end() && fields.size() > mount_point_field &&
               is_of_cgroups(fields[mount_point_field], dash[1]);
      },
      [](const std::vector<std::string_view>& fields) {
        return fmt::format("{} {} {} / {} {} - cgroup2 cgroup2 rw", fields[0], fields[1], fields[2],
                           mount_point, mount_options);
      });
}

std::string mounts(const View& view, std::string_view host) {
  // show_vfsmnt() (fs/proc_namespace.c): device, mount point, type, options, 0, 0.
  return with_one_hierarchy(
      view, host,
      [](const std::vector<std::string_view>& fields) {
        return fields.size() > 2 && is_of_cgroups(fields[1], fields[2]);
      },
      [](const std::vector<std::string_view>&) {
        return fmt::format("cgroup2 {} cgroup2 {} 0 0", mount_point, mount_options);
      });
}

std::string mountstats(const View& view, std::string_view host) {
  // show_vfsstat() (fs/proc_namespace.c): "device D mounted on POINT with fstype TYPE", and more for some.
  constexpr std::size_t mount_point_field = 4;
  constexpr std::size_t type_field = 7;
  return with_one_hierarchy(
      view, host,
      [](const std::vector<std::string_view>& fields) {
        return fields.size() > type_field && fields[0] == "device" &&
               is_of_cgroups(fields[mount_point_field], fields[type_field]);
      },
      [](const std::vector<std::string_view>&) {
        return fmt::format("device cgroup2 mounted on {} with fstype cgroup2", mount_point);
      });
}

std::string cgroup_controllers(const View& /*view*/, std::string_view /*host*/) {
  return "cpuset cpu memory pids\n";
}

std::string cgroup_cpu_max(const View& view, std::string_view /*host*/) {
  if (view.all_cpus) return fmt::format("max {}\n", period_us);
  return fmt::format("{} {}\n", view.cpus.size() * period_us, period_us);
}

std::string cgroup_cpus(const View& view, std::string_view /*host*/) { return ranges_of(view.cpus) + "\n"; }

std::string cgroup_memory_max(const View& view, std::string_view /*host*/) {
  return view.limits.memory_bytes ? line_of(*view.limits.memory_bytes) : "max\n";
}

std::string cgroup_memory_current(const View& view, std::string_view /*host*/) {
  return line_of(std::min(view.usage.anonymous_bytes, view.limits.memory_bytes.value_or(UINT64_MAX)));
}

std::string cgroup_swap_max(const View& view, std::string_view /*host*/) {
  return view.limits.memory_bytes ? "0\n" : "max\n";
}

std::string cgroup_pids_max(const View& view, std::string_view /*host*/) {
  return view.limits.processes ? line_of(*view.limits.processes) : "max\n";
}

std::string cgroup_pids_current(const View& view, std::string_view /*host*/) {
  return line_of(view.usage.threads);
}

std::string cgroup_cpu_stat(const View& view, std::string_view /*host*/) {
  constexpr std::uint64_t us_per_s = 1'000'000;
  const std::uint64_t us_per_tick = us_per_s / std::max(view.ticks_per_second, 1U);
  const std::uint64_t user = view.usage.user_ticks * us_per_tick;
  const std::uint64_t system = view.usage.system_ticks * us_per_tick;
  // The periods of cpu.max, of which the JVM makes the time that there was to use.
  const double periods = std::floor(std::max(view.age_s, 0.0) * us_per_s / period_us);
  return fmt::format(
      "usage_usec {}\nuser_usec {}\nsystem_usec {}\nnr_periods {}\nnr_throttled 0\nthrottled_usec 0\n",
      user + system, user, system, view.all_cpus ? 0 : static_cast<std::uint64_t>(periods));
}

std::string cgroup_memory_events(const View& /*view*/, std::string_view /*host*/) {
  return "low 0\nhigh 0\nmax 0\noom 0\noom_kill 0\n";
}

std::string cgroup_memory_stat(const View& view, std::string_view host) {
  // Nothing is a cache: what memory.current says is what is in use.
  const std::string current = cgroup_memory_current(view, host);
  return "anon " + current + "file 0\nkernel 0\nshmem 0\nfile_mapped 0\nfile_dirty 0\nfile_writeback 0\n" +
         "inactive_anon 0\nactive_anon " + current + "inactive_file 0\nactive_file 0\nunevictable 0\n" +
         "slab_reclaimable 0\nslab_unreclaimable 0\nslab 0\n";
}

std::string cgroup_unlimited(const View& /*view*/, std::string_view /*host*/) { return "max\n"; }
std::string cgroup_zero(const View& /*view*/, std::string_view /*host*/) { return "0\n"; }
std::string cgroup_weight(const View& /*view*/, std::string_view /*host*/) { return "100\n"; }
std::string cgroup_empty(const View& /*view*/, std::string_view /*host*/) { return "\n"; }

}  // namespace proctor::procfs::generators
