#include "procfs/instance.hpp"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <climits>
#include <string_view>

#include "kernel/file_text.hpp"
#include "kernel/mounts.hpp"
#include "kernel/status_text.hpp"
#include "kernel/sys_paths.hpp"
#include "kernel/unique_fd.hpp"

namespace proctor::procfs {
namespace {

kernel::Result<ObjectInfo> statx_of(int fd, const char* path, int flags) {
  struct statx info {};
  if (::statx(fd, path, flags | AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT,
              STATX_TYPE | STATX_INO | STATX_MNT_ID | STATX_MODE, &info) != 0) {
    return kernel::Error::last("statx");
  }
  return ObjectInfo{{makedev(info.stx_dev_major, info.stx_dev_minor), info.stx_ino, info.stx_mnt_id},
                    info.stx_mode,
                    (info.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0};
}

/// Our own /proc, held open so that its device number cannot become another file system's.
struct OwnProcfs {
  kernel::UniqueFd root;
  std::uint64_t device = 0;
  std::uint64_t mount = 0;
};

const OwnProcfs& own_procfs() {
  static const OwnProcfs own = [] {
    OwnProcfs made{kernel::UniqueFd(::open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC)), 0, 0};
    if (const auto info = statx_of(made.root.get(), "", AT_EMPTY_PATH)) {
      made.device = info->id.device;
      made.mount = info->id.mount;
    }
    return made;
  }();
  return own;
}

/// The first mount of `tid` that `wanted` accepts; an error where they cannot be read.
template <class Wanted>
kernel::Result<std::optional<kernel::Mount>> find_mount(pid_t tid, Wanted wanted) {
  using Found = std::optional<kernel::Mount>;
  auto mounts = kernel::read_mounts(tid);
  if (!mounts) return mounts.error();
  const auto found = std::ranges::find_if(*mounts, wanted);
  return found == mounts->end() ? Found() : Found(std::move(*found));
}

/// Of a mount that is not `other`. On hybrid hosts the hierarchies of cgroups are mounted on a tmpfs.
std::optional<FileSystem> of_mount(const kernel::Mount& mount) {
  if (mount.type == "proc") return FileSystem::procfs;
  if (mount.type == "sysfs" || mount.type.starts_with("cgroup")) return FileSystem::sys;
  if (mount.mount_point == kernel::sys_cgroup_path) return FileSystem::sys;
  return std::nullopt;
}

/// Whether the processes of this procfs bear the numbers that our own namespace gives them: then, and only
/// then, it shows us with a single number, ours. An ancestor's procfs shows one number more per level.
bool shows_own_numbers(int root) {
  constexpr std::size_t status_bytes_max = std::size_t{1} << 20U;
  const kernel::UniqueFd file(::openat(root, "self/status", O_RDONLY | O_CLOEXEC));
  const auto status =
      file ? kernel::read_all(file, status_bytes_max) : kernel::Error::last("open self/status");
  return status && kernel::StatusText(*status).numbers<pid_t>("NSpid") == std::vector{::getpid()};
}

}  // namespace

kernel::Result<ObjectInfo> examine(int fd) { return statx_of(fd, "", AT_EMPTY_PATH); }

kernel::Result<ObjectInfo> examine(const std::string& path) { return statx_of(AT_FDCWD, path.c_str(), 0); }

std::string name_of_descriptor(int fd) {
  std::array<char, PATH_MAX> text{};
  const std::string path = "/proc/self/fd/" + std::to_string(fd);
  const ssize_t length = ::readlink(path.c_str(), text.data(), text.size());
  return length > 0 ? std::string(text.data(), static_cast<std::size_t>(length)) : std::string();
}

std::string task_directory_path(pid_t tid, int dirfd) {
  const std::string task = "/proc/" + std::to_string(tid);
  return dirfd == AT_FDCWD ? task + "/cwd" : task + "/fd/" + std::to_string(dirfd);
}

FileSystem file_system_of_device(pid_t tid, std::uint64_t device) {
  struct Known {
    std::uint64_t device;
    FileSystem file_system;
  };
  constexpr std::size_t known_max = 64;
  thread_local std::vector<Known> known;

  if (device == own_procfs().device) return FileSystem::procfs;
  if (major(device) != 0) return FileSystem::other;  // neither has a block device
  const auto hit =
      std::find_if(known.begin(), known.end(), [&](const Known& k) { return k.device == device; });
  if (hit != known.end()) return hit->file_system;
  const auto mount =
      find_mount(tid, [&](const kernel::Mount& m) { return m.device == device && of_mount(m); });
  if (!mount) return FileSystem::procfs;  // whatever it is, it is looked at; and asked about again
  const FileSystem found = *mount ? *of_mount(**mount) : FileSystem::other;
  if (known.size() >= known_max) known.clear();
  known.push_back({device, found});
  return found;
}

bool is_procfs_device(pid_t tid, std::uint64_t device) {
  return file_system_of_device(tid, device) == FileSystem::procfs;
}

FileSystem file_system_of(pid_t tid, int dirfd) {
  const auto info = examine(task_directory_path(tid, dirfd));
  return info ? file_system_of_device(tid, info->id.device) : FileSystem::other;
}

bool is_root_of_own_pids(int fd, const ObjectId& id) {
  // "self" is the proof that the number alone is not: nothing but the root has it.
  if (id.inode != proc_root_inode) return false;
  std::array<char, 16> text{};
  const ssize_t length = ::readlinkat(fd, "self", text.data(), text.size());
  if (length <= 0) return false;
  if (std::string_view(text.data(), static_cast<std::size_t>(length)) != std::to_string(::getpid()))
    return false;
  return id.device == own_procfs().device ? is_own_procfs(id.device) : shows_own_numbers(fd);
}

bool is_of_nested_pids(int directory) {
  constexpr int depth_max = 32;
  auto info = examine(directory);
  if (info && info->id.device == own_procfs().device) return false;
  kernel::UniqueFd held;
  for (int depth = 0; info && info->id.inode != proc_root_inode && depth < depth_max; ++depth) {
    kernel::UniqueFd parent(::openat(held ? held.get() : directory, "..", O_PATH | O_DIRECTORY | O_CLOEXEC));
    const auto above = examine(parent.get());
    if (!above || above->id.mount != info->id.mount) return false;
    held = std::move(parent);
    info = above;
  }
  if (!info || info->id.inode != proc_root_inode) return false;
  std::array<char, 16> text{};
  return ::readlinkat(held ? held.get() : directory, "self", text.data(), text.size()) < 0 && errno == ENOENT;
}

bool is_own_procfs(std::uint64_t device) {
  static const bool own_numbers = shows_own_numbers(own_procfs().root.get());
  return own_numbers && device == own_procfs().device;
}

std::optional<int> own_procfs_root() {
  return is_own_procfs(own_procfs().device) ? std::optional(own_procfs().root.get()) : std::nullopt;
}

bool sees_own_procfs(pid_t tid) {
  const auto theirs = examine("/proc/" + std::to_string(tid) + "/root");
  const auto ours = examine(std::string("/"));
  const auto procfs = examine(std::string("/proc"));
  return theirs && ours && theirs->id == ours->id && procfs && procfs->id.mount == own_procfs().mount;
}

std::optional<std::vector<std::string>> names_of_mount_root(pid_t tid, std::uint64_t mount) {
  const auto found = find_mount(tid, [&](const kernel::Mount& m) { return m.id == mount; });
  // "//deleted" marks a root that is gone.
  if (!found || !*found || (*found)->root.ends_with("//deleted")) return std::nullopt;
  return split_path((*found)->root);
}

std::vector<std::string> split_path(const std::string& path) {
  std::vector<std::string> names;
  std::size_t begin = 0;
  while (begin < path.size()) {
    const std::size_t end = std::min(path.find('/', begin), path.size());
    if (end > begin) names.push_back(path.substr(begin, end - begin));
    begin = end + 1;
  }
  return names;
}

std::optional<pid_t> pid_of_name(const std::string& name) {
  if (name.empty() || name.front() < '1' || name.front() > '9') return std::nullopt;
  pid_t pid = 0;
  const char* end = name.data() + name.size();
  const auto [stop, error] = std::from_chars(name.data(), end, pid);
  if (error != std::errc() || stop != end) return std::nullopt;
  return pid;
}

}  // namespace proctor::procfs
