#include "procfs/sys_rules.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <climits>

#include "kernel/sys_paths.hpp"
#include "procfs/instance.hpp"
#include "procfs/virtual_files.hpp"

namespace proctor::procfs {
namespace {

using kernel::is_at_or_below;

constexpr std::string_view cgroup_directory = kernel::sys_cgroup_path;
constexpr std::string_view devices_directory = "/sys/devices/";
constexpr std::string_view system_directory = "/sys/devices/system/";

// A rule with an empty prefix is for every entry.
constexpr std::array hidden_entries = {
    HiddenEntries{"/sys/block", "", HiddenWhen::always},
    HiddenEntries{"/sys/bus/clockevents/devices", "clockevent", HiddenWhen::other_cpu},
    HiddenEntries{"/sys/bus/cpu/devices", "cpu", HiddenWhen::other_cpu},
    HiddenEntries{"/sys/bus/machinecheck/devices", "machinecheck", HiddenWhen::other_cpu},
    HiddenEntries{"/sys/bus/memory/devices", "memory", HiddenWhen::memory},
    HiddenEntries{"/sys/class/bdi", "", HiddenWhen::always},
    HiddenEntries{"/sys/class/block", "", HiddenWhen::always},
    HiddenEntries{"/sys/class/cpuid", "cpu", HiddenWhen::other_cpu},
    HiddenEntries{"/sys/class/msr", "msr", HiddenWhen::other_cpu},
    HiddenEntries{"/sys/dev/block", "", HiddenWhen::always},
    HiddenEntries{"/sys/devices/system/clockevents", "clockevent", HiddenWhen::other_cpu},
    HiddenEntries{"/sys/devices/system/cpu", "cpu", HiddenWhen::other_cpu},
    HiddenEntries{"/sys/devices/system/cpu/cpufreq", "policy", HiddenWhen::other_cpu},
    HiddenEntries{"/sys/devices/system/machinecheck", "machinecheck", HiddenWhen::other_cpu},
    HiddenEntries{"/sys/devices/system/memory", "memory", HiddenWhen::memory},
    HiddenEntries{"/sys/devices/system/node/nodeN", "cpu", HiddenWhen::other_cpu},
    HiddenEntries{"/sys/devices/system/node/nodeN", "memory", HiddenWhen::memory},
    HiddenEntries{"/sys/devices/virtual/bdi", "", HiddenWhen::always},
    HiddenEntries{"/sys/devices/virtual/cpuid", "cpu", HiddenWhen::other_cpu},
    HiddenEntries{"/sys/devices/virtual/msr", "msr", HiddenWhen::other_cpu},
};

/// What follows `prefix` in a name, as a number; nothing for any other name.
std::optional<unsigned> number_after(std::string_view prefix, std::string_view name) {
  if (!name.starts_with(prefix)) return std::nullopt;
  name.remove_prefix(prefix.size());
  unsigned number = 0;
  const char* const end = name.data() + name.size();
  const auto [stop, error] = std::from_chars(name.data(), end, number);
  if (name.empty() || error != std::errc{} || stop != end) return std::nullopt;
  return number;
}

/// Cuts the first name and the slash before it off `path`.
std::string_view take_name(std::string_view& path) {
  if (path.starts_with('/')) path.remove_prefix(1);
  const std::string_view name = path.substr(0, path.find('/'));
  path.remove_prefix(name.size());
  return name;
}

/// The entry of `directory`, a rule's, by which `path` goes; empty: it does not go there.
std::string_view entry_on_the_way(std::string_view path, std::string_view directory) {
  while (!directory.empty()) {
    const std::string_view wanted = take_name(directory);
    const std::string_view name = take_name(path);
    if (name != wanted && !(wanted == "nodeN" && number_after("node", name))) return {};
  }
  return take_name(path);
}

bool applies(const HiddenEntries& rule, std::string_view entry, const View& view) {
  if (entry.empty()) return false;
  if (rule.when == HiddenWhen::always) return true;
  const auto number = number_after(rule.prefix, entry);
  if (!number) return false;
  if (rule.when == HiddenWhen::memory) return view.limits.memory_bytes.has_value();
  return !view.all_cpus && !std::binary_search(view.cpus.begin(), view.cpus.end(), *number);
}

/// Whether `device`, a directory below /sys/devices, is what the link of its name in /sys/class/block leads
/// to.
bool is_block_device(std::string_view device) {
  constexpr std::string_view up = "../..";  // from /sys/class/block to /sys
  const std::string_view name = device.substr(device.rfind('/') + 1);
  const std::string link = "/sys/class/block/" + std::string(name);
  std::array<char, PATH_MAX> text{};
  const ssize_t length = ::readlink(link.c_str(), text.data(), text.size());
  if (length <= 0) return false;
  const std::string_view target(text.data(), static_cast<std::size_t>(length));
  return target.starts_with(up) && target.substr(up.size()) == device.substr(std::string_view("/sys").size());
}

bool is_of_block_device(std::string_view path) {
  if (!path.starts_with(devices_directory) || path.starts_with(system_directory)) return false;
  for (std::size_t end = devices_directory.size(); end < path.size();) {
    end = std::min(path.find('/', end + 1), path.size());
    if (is_block_device(path.substr(0, end))) return true;
  }
  return false;
}

/// The name of a CPU's, node's or cache's directory with "N" for its number; any other as it is.
std::string row_name(std::string_view name) {
  constexpr std::array<std::string_view, 4> numbered = {"cpu", "index", "node", "policy"};
  const auto* const kind = std::find_if(numbered.begin(), numbered.end(), [&](std::string_view prefix) {
    return number_after(prefix, name).has_value();
  });
  return kind == numbered.end() ? std::string(name) : std::string(*kind) + "N";
}

}  // namespace

std::span<const HiddenEntries> hidden_sys_entries() { return hidden_entries; }

bool has_own_cgroup(const View& view) {
  return view.limits.memory_bytes || view.limits.processes || view.limits.cpus;
}

bool is_machines_in_sys(std::string_view path) { return is_at_or_below(path, "/sys"); }

bool lists_cgroup_processes(std::string_view path) {
  if (!is_at_or_below(path, cgroup_directory)) return false;
  const std::string_view name = path.substr(path.rfind('/') + 1);
  return name == "cgroup.procs" || name == "cgroup.threads" || name == "tasks";
}

bool is_hidden_in_sys(std::string_view path, const View& view) {
  if (!path.starts_with("/sys/")) return false;
  if (path.size() > cgroup_directory.size() && is_at_or_below(path, cgroup_directory))
    return has_own_cgroup(view) && find_virtual_file(path) == nullptr;
  return std::any_of(hidden_entries.begin(), hidden_entries.end(),
                     [&](const HiddenEntries& rule) {
                       return applies(rule, entry_on_the_way(path, rule.directory), view);
                     }) ||
         is_of_block_device(path);
}

std::optional<kernel::Result<std::vector<std::byte>>> list_sys(const kernel::UniqueFd& directory,
                                                               const View& view, policy::ProcMode mode,
                                                               std::size_t room, DirentLayout layout) {
  const std::string name = name_of_descriptor(directory.get());
  if (name != "/sys" && !name.starts_with("/sys/")) return std::nullopt;
  if (is_hidden_in_sys(name, view)) return kernel::Error{ENOENT, "list " + name};
  if (mode == policy::ProcMode::strict && name == cgroup_directory && has_own_cgroup(view)) {
    std::vector<std::string_view> own;
    for (const VirtualFile& file : virtual_files())
      if (file.path.starts_with(name + "/")) own.push_back(file.path.substr(name.size() + 1));
    return list_made_up(directory, room, layout, own);
  }
  return list_shown(directory, room, layout, [&](std::string_view entry) {
    return entry == "." || entry == ".." || !is_hidden_in_sys(name + "/" + std::string(entry), view);
  });
}

std::string sys_row_path(std::string_view path) {
  if (!path.starts_with(devices_directory)) return std::string(path);
  if (!path.starts_with(system_directory)) {
    const std::string_view name = path.substr(path.rfind('/') + 1);
    const bool is_of_any_device = name == "local_cpulist" || name == "local_cpus";
    return is_of_any_device ? "/sys/devices/.../" + std::string(name) : std::string(path);
  }
  std::string row;
  while (!path.empty()) row += "/" + row_name(take_name(path));
  return row;
}

}  // namespace proctor::procfs
