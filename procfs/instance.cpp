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
#include <fstream>
#include <sstream>
#include <string_view>

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

/// One line of mountinfo, proc_pid_mountinfo(5): the fields used here.
struct Mount {
  std::uint64_t id = 0;
  std::uint64_t device = 0;
  std::string root;
  std::string mount_point;
  std::string type;
};

std::optional<Mount> parse_mount(const std::string& line) {
  std::istringstream fields(line);
  Mount mount;
  std::uint64_t parent = 0;
  unsigned major_number = 0;
  unsigned minor_number = 0;
  char colon = 0;
  if (!(fields >> mount.id >> parent >> major_number >> colon >> minor_number >> mount.root >>
        mount.mount_point))
    return std::nullopt;
  mount.device = makedev(major_number, minor_number);
  const std::size_t separator = line.find(" - ");
  if (separator == std::string::npos) return std::nullopt;
  std::istringstream(line.substr(separator + 3)) >> mount.type;
  return mount;
}

/// The first mount of `tid` that `wanted` accepts.
template <class Wanted>
std::optional<Mount> find_mount(pid_t tid, Wanted wanted) {
  std::ifstream mounts("/proc/" + std::to_string(tid) + "/mountinfo");
  for (std::string line; std::getline(mounts, line);) {
    auto mount = parse_mount(line);
    if (mount && wanted(*mount)) return mount;
  }
  return std::nullopt;
}

/// Of a mount that is not `other`. On hybrid hosts the hierarchies of cgroups are mounted on a tmpfs.
std::optional<FileSystem> of_mount(const Mount& mount) {
  if (mount.type == "proc") return FileSystem::procfs;
  if (mount.type == "sysfs" || mount.type.starts_with("cgroup")) return FileSystem::sys;
  if (mount.mount_point == "/sys/fs/cgroup") return FileSystem::sys;
  return std::nullopt;
}

/// Whether the processes of this procfs bear the numbers that our own namespace gives them: then, and only
/// then, it shows us with a single number, ours. An ancestor's procfs shows one number more per level.
bool shows_own_numbers(int root) {
  const kernel::UniqueFd status(::openat(root, "self/status", O_RDONLY | O_CLOEXEC));
  std::array<char, 4096> text{};
  const ssize_t length = ::read(status.get(), text.data(), text.size());
  if (length <= 0) return false;
  const std::string_view view(text.data(), static_cast<std::size_t>(length));
  const std::string wanted = "\nNSpid:\t" + std::to_string(::getpid()) + "\n";
  return view.find(wanted) != std::string_view::npos;
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
  const auto mount = find_mount(tid, [&](const Mount& m) { return m.device == device && of_mount(m); });
  const FileSystem found = mount ? *of_mount(*mount) : FileSystem::other;
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
  const auto found = find_mount(tid, [&](const Mount& m) { return m.id == mount; });
  // "//deleted" marks a root that is gone; an escaped byte occurs in no name of procfs that matters here.
  if (!found || found->root.ends_with("//deleted") || found->root.find('\\') != std::string::npos) {
    return std::nullopt;
  }
  return split_path(found->root);
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
