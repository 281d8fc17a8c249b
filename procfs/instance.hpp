#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "kernel/result.hpp"

namespace proctor::procfs {

/// The root directory of every procfs: PROC_ROOT_INO. Necessary, not sufficient: the numbers of process
/// directories come from a counter that wraps.
inline constexpr std::uint64_t proc_root_inode = 1;

/// What statx(2) says of one object: enough to know it again, and which mount it was reached by.
struct ObjectId {
  std::uint64_t device = 0;  ///< as makedev(3)
  std::uint64_t inode = 0;
  std::uint64_t mount = 0;  ///< STATX_MNT_ID (5.8)

  bool operator==(const ObjectId&) const = default;
};

struct ObjectInfo {
  ObjectId id;
  mode_t mode = 0;
  bool mount_root = false;  ///< the top of its mount
};

/// Asks about an open object; the file system is not made to fetch fresh attributes
/// (AT_STATX_DONT_SYNC), so that a dead server behind a mount is not waited for.
[[nodiscard]] kernel::Result<ObjectInfo> examine(int fd);
/// The same for what a path leads to, final links followed.
[[nodiscard]] kernel::Result<ObjectInfo> examine(const std::string& path);

/// The name that the kernel gives to what a descriptor of ours is open on; empty if it has none that fits.
[[nodiscard]] std::string name_of_descriptor(int fd);

/// Where the kernel shows a thread's descriptor: "/proc/TID/fd/N", "/proc/TID/cwd" for AT_FDCWD.
[[nodiscard]] std::string task_directory_path(pid_t tid, int dirfd);

/// What a file system is to us.
enum class FileSystem : std::uint8_t {
  other,
  procfs,
  sys,  ///< sysfs, or what is mounted in it for cgroups
};

/// What a device number is that of, to `tid`'s knowledge (its mountinfo; answers are kept per
/// thread). statfs(2) would ask the file system itself, and a FUSE server may never answer. The device
/// of an unmounted file system can be given to another one: before something is opened on a target's
/// behalf, ask fstatfs.
[[nodiscard]] FileSystem file_system_of_device(pid_t tid, std::uint64_t device);
[[nodiscard]] bool is_procfs_device(pid_t tid, std::uint64_t device);

/// What the target's descriptor `dirfd` (AT_FDCWD: its working directory) is on. One statx in the common
/// case. `other` when it cannot be told.
[[nodiscard]] FileSystem file_system_of(pid_t tid, int dirfd);

/// Whether `fd`, an object on a procfs, is the root directory of one whose numbers are this process's own:
/// several procfs of one pid namespace agree, one of another namespace must not be judged by our numbers.
[[nodiscard]] bool is_root_of_own_pids(int fd, const ObjectId& id);

/// Whether `directory`, on a procfs, belongs to one of a pid namespace below ours: we have no number there.
/// Its processes are its namespace's own; an ancestor's procfs would show more than ours.
[[nodiscard]] bool is_of_nested_pids(int directory);

/// Whether this is the device of our own /proc, and that shows our own numbers.
[[nodiscard]] bool is_own_procfs(std::uint64_t device);

/// The root of our own /proc, an O_PATH descriptor, if that shows our own numbers; else nothing.
[[nodiscard]] std::optional<int> own_procfs_root();

/// Whether /proc means own_procfs_root() to a thread: its root directory is this process's, by the same
/// mount, and that procfs lies on /proc there.
[[nodiscard]] bool sees_own_procfs(pid_t tid);

/// The names from the root of the file system down to what is mounted as `mount`, a mount that `tid` sees;
/// empty for the root itself. Nothing: not found, or deleted since. From mountinfo's fourth field.
[[nodiscard]] std::optional<std::vector<std::string>> names_of_mount_root(pid_t tid, std::uint64_t mount);

/// Splits at slashes, without empty names.
[[nodiscard]] std::vector<std::string> split_path(const std::string& path);

/// The number a name of procfs' root stands for, by the kernel's rule (name_to_int: no sign, no leading
/// zero); nothing for any other name, and for a number no process can have.
[[nodiscard]] std::optional<pid_t> pid_of_name(const std::string& name);

}  // namespace proctor::procfs
