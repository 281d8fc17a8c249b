#pragma once

#include <span>
#include <string_view>

namespace proctor::kernel {

/// A file or directory of /sys that no sandbox reads.
struct RefusedSysPath {
  std::string_view path;  ///< absolute, as on every distribution
  const char* reason;     ///< what a refusal says
};

/// What has no Landlock rule in any sandbox, so that the kernel refuses its files (EACCES). Ascending.
[[nodiscard]] std::span<const RefusedSysPath> refused_sys_paths();

/// What has no Landlock rule either, but is served: the supervisor opens on behalf what the sandbox has of
/// it. That is every device, and of the cgroups all but the lists of whose processes they are.
inline constexpr std::string_view sys_devices_path = "/sys/devices";
inline constexpr std::string_view sys_cgroup_path = "/sys/fs/cgroup";

/// Whether `path` is `directory` or lies below it, by whole names.
[[nodiscard]] bool is_at_or_below(std::string_view path, std::string_view directory);

/// The row that refuses an absolute, canonical path; null: none.
[[nodiscard]] const RefusedSysPath* find_refused_sys_path(std::string_view path);

/// The file system types whose every mount is closed as procfs is, but whose files nobody serves: kernel
/// internals, logs of crashes, the firmware's variables.
[[nodiscard]] std::span<const std::string_view> refused_file_systems();

/// Whether an open file is of such a type: fstatfs(2).
[[nodiscard]] bool is_on_refused_file_system(int fd);

}  // namespace proctor::kernel
