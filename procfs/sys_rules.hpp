#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "kernel/result.hpp"
#include "kernel/unique_fd.hpp"
#include "policy/proc_mode.hpp"
#include "procfs/listing.hpp"
#include "procfs/view.hpp"

namespace proctor::procfs {

/// Why an entry of /sys does not exist in a sandbox.
enum class HiddenWhen : std::uint8_t {
  always,     ///< /proc/diskstats and /proc/partitions say that there are no disks
  other_cpu,  ///< its number is that of a CPU that the sandbox may not use
  memory,     ///< memory is stated: it would tell how much the machine has
};

/// Entries of a directory of /sys that are left out of its listings, and not found below it by name.
struct HiddenEntries {
  std::string_view directory;  ///< absolute; "nodeN" stands for every node
  std::string_view prefix;     ///< of the names; a number follows (of a CPU with HiddenWhen::other_cpu)
  HiddenWhen when = HiddenWhen::always;
};

/// Every such rule. Beside them: what /sys/class/block leads to, wherever that is, and, where the sandbox has
/// a cgroup of its own (has_own_cgroup), all that is in /sys/fs/cgroup and is no virtual file.
[[nodiscard]] std::span<const HiddenEntries> hidden_sys_entries();

/// Whether what bears this absolute, canonical name does not exist in a sandbox: it, or a directory above it,
/// is hidden. Off /sys: never. Reads links of /sys/class/block for a name below /sys/devices.
[[nodiscard]] bool is_hidden_in_sys(std::string_view path, const View& view);

/// Whether a file is of /sys. What is set there is set for the whole machine: to write there can end or
/// freeze processes outside the sandbox (cgroup.kill, power/state), or start some (release_agent). Files of
/// /sys that have a Landlock rule have one for reading only.
[[nodiscard]] bool is_machines_in_sys(std::string_view path);

/// Whether a file lists the processes of a cgroup, the sandbox's own or not: cgroups(7). Nobody gets to read
/// it, nor to put processes into another group by it.
[[nodiscard]] bool lists_cgroup_processes(std::string_view path);

/// Whether the sandbox is told that it lives in a cgroup of its own: something that a cgroup can limit is
/// stated.
[[nodiscard]] bool has_own_cgroup(const View& view);

/// Answers one getdents call on a directory of /sys, as list_shown() does for a duplicate of the target's
/// descriptor: the next entries that are not hidden. Where stat(2) knows files that only the sandbox has
/// (ProcMode::strict), its own cgroup holds these. ENOENT: a hidden directory. Nothing: no directory of /sys,
/// by the name that the kernel gives it.
[[nodiscard]] std::optional<kernel::Result<std::vector<std::byte>>> list_sys(
    const kernel::UniqueFd& directory, const View& view, policy::ProcMode mode, std::size_t room,
    DirentLayout layout);

/// The name by which virtual_files() knows a file: the numbers of CPUs, nodes and caches are spelt "N", and
/// "/sys/devices/.../NAME" stands for every device that has a file of this name. Other paths as they are.
[[nodiscard]] std::string sys_row_path(std::string_view path);

}  // namespace proctor::procfs
