#include "kernel/landlock.hpp"

#include <fcntl.h>
#include <linux/landlock.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <filesystem>
#include <string_view>
#include <system_error>

#include "kernel/mounts.hpp"
#include "kernel/sys_paths.hpp"
#include "kernel/uapi.hpp"

namespace proctor::kernel {

namespace {

constexpr std::uint64_t file_rights = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE;

int create_ruleset(const uapi::LandlockRulesetAttr* attributes, std::size_t size, std::uint32_t flags) {
  return static_cast<int>(::syscall(SYS_landlock_create_ruleset, attributes, size, flags));
}

/// Whether `path` is a directory on the way to `mount_point`: a prefix of it by whole names, not itself.
bool leads_to(std::string_view path, std::string_view mount_point) {
  return mount_point.size() > path.size() && mount_point.starts_with(path) && mount_point[path.size()] == '/';
}

/// What gets no rule, or one for reading only.
struct Withheld {
  std::vector<Mount> mounts;
  std::vector<std::string> paths;
  std::vector<std::uint64_t> from_writers;  ///< mounts of sysfs: what is set there, is set for the machine
};

Withheld withheld_from(const std::vector<Mount>& all) {
  constexpr std::string_view sys_root = "/sys";
  Withheld withheld;
  for (const Mount& mount : all) {
    const auto refused = refused_file_systems();
    const bool is_stray_cgroup =
        mount.type.starts_with("cgroup") && !is_at_or_below(mount.mount_point, sys_cgroup_path);
    if (mount.type == "proc" || is_stray_cgroup ||
        std::find(refused.begin(), refused.end(), mount.type) != refused.end())
      withheld.mounts.push_back(mount);
    if (mount.type == "sysfs") withheld.from_writers.push_back(mount.id);
    if (mount.type != "sysfs" || mount.root != "/") continue;
    const auto add = [&](std::string_view path) {
      withheld.paths.push_back(mount.mount_point + std::string(path.substr(sys_root.size())));
    };
    for (const RefusedSysPath& row : refused_sys_paths()) add(row.path);
    add(sys_devices_path);
    add(sys_cgroup_path);
  }
  return withheld;
}

/// Grants file by file and directory by directory what is not withheld.
class Granter {
 public:
  Granter(ProcfsDenial& denial, Withheld withheld) : denial_(denial), withheld_(std::move(withheld)) {}

  /// Grants all there is; `refer` is LANDLOCK_ACCESS_FS_REFER, or 0 where the kernel has no such right.
  [[nodiscard]] Result<void> grant_root(std::uint64_t refer) {
    const UniqueFd root(::open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!root) return Error::last("open /");
    // Reparenting is granted once, for everything, the directories without rules included: a rename or link
    // by which a file would gain READ_FILE or WRITE_FILE is refused all the same.
    if (refer != 0) {
      if (auto added = add_rule(root, refer, "/"); !added) return added;
    }
    return grant_entries("/");
  }

 private:
  /// Grants the entries of a directory that leads to what is withheld.
  Result<void> grant_entries(const std::string& directory) {
    denial_.ungranted_directories.push_back(directory);
    std::error_code error;
    std::filesystem::directory_iterator entry(directory, error);
    // Who may not list the directory leaves it without rules: closed, not open.
    if (error && error.value() != EACCES && error.value() != ENOENT) {
      return Error{error.value(), "list " + directory};
    }
    while (!error && entry != std::filesystem::directory_iterator()) {
      if (auto granted = grant_entry(entry->path().native()); !granted) return granted;
      entry.increment(error);
    }
    return {};
  }

  Result<void> grant_entry(const std::string& path) {
    const UniqueFd fd(::open(path.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
    if (!fd) return {};  // gone meanwhile, or not for this user: without a rule it is closed
    // DONT_SYNC: a dead network or FUSE mount must not hang every start. The mount id rather than the
    // file system's type for the same reason.
    struct statx status {};
    constexpr unsigned int wanted = STATX_TYPE | STATX_MNT_ID;
    if (::statx(fd.get(), "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, wanted, &status) != 0) {
      return Error::last("statx " + path);
    }
    // What a symbolic link leads to has an entry of its own; a rule on the link would cover nothing.
    if (S_ISLNK(status.stx_mode)) return {};
    if (is_withheld(status.stx_mnt_id, path)) {
      if (is_served(status.stx_mnt_id, path)) denial_.ungranted_directories.push_back(path);
      return {};
    }
    if (S_ISDIR(status.stx_mode) && is_on_the_way(path)) return grant_entries(path);
    const auto& sysfs = withheld_.from_writers;
    const bool is_for_readers = std::find(sysfs.begin(), sysfs.end(), status.stx_mnt_id) != sysfs.end();
    return add_rule(fd, is_for_readers ? LANDLOCK_ACCESS_FS_READ_FILE : file_rights, path);
  }

  [[nodiscard]] bool is_withheld(std::uint64_t mount_id, const std::string& path) const {
    const auto& mounts = withheld_.mounts;
    const auto& paths = withheld_.paths;
    return std::find(paths.begin(), paths.end(), path) != paths.end() ||
           std::any_of(mounts.begin(), mounts.end(),
                       [mount_id](const Mount& mount) { return mount.id == mount_id; });
  }

  /// Of what is withheld: a procfs, by whatever name it is mounted, and what is served of /sys.
  [[nodiscard]] bool is_served(std::uint64_t mount_id, const std::string& path) const {
    if (path == sys_devices_path || path == sys_cgroup_path) return true;
    const auto& mounts = withheld_.mounts;
    return std::any_of(mounts.begin(), mounts.end(), [mount_id](const Mount& mount) {
      return mount.id == mount_id && mount.type == "proc";
    });
  }

  [[nodiscard]] bool is_on_the_way(const std::string& path) const {
    const auto& mounts = withheld_.mounts;
    const auto& paths = withheld_.paths;
    return std::any_of(paths.begin(), paths.end(),
                       [&](const auto& below) { return leads_to(path, below); }) ||
           std::any_of(mounts.begin(), mounts.end(),
                       [&](const Mount& mount) { return leads_to(path, mount.mount_point); });
  }

  Result<void> add_rule(const UniqueFd& fd, std::uint64_t rights, const std::string& path) {
    const landlock_path_beneath_attr rule{.allowed_access = rights, .parent_fd = fd.get()};
    if (::syscall(SYS_landlock_add_rule, denial_.ruleset.get(), LANDLOCK_RULE_PATH_BENEATH, &rule, 0) == 0) {
      return {};
    }
    if (errno == EBADFD) return {};  // an internal file system, which Landlock never restricts
    return Error::last("landlock_add_rule " + path);
  }

  ProcfsDenial& denial_;
  Withheld withheld_;
};

}  // namespace

Result<int> landlock_abi() {
  const int version = create_ruleset(nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION);
  if (version < 0) return Error::last("landlock_create_ruleset(LANDLOCK_CREATE_RULESET_VERSION)");
  return version;
}

Result<ProcfsDenial> build_procfs_denial() {
  const auto abi = landlock_abi();
  if (!abi) return abi.error();
  const auto mounts = read_own_mounts();
  if (!mounts) return mounts.error();

  // ABI 1 has no REFER: it refuses every rename and link across directories, which nothing can grant.
  const std::uint64_t refer = *abi >= 2 ? LANDLOCK_ACCESS_FS_REFER : 0;
  uapi::LandlockRulesetAttr attributes;
  attributes.handled_access_fs = file_rights | refer;
  attributes.scoped = *abi >= 6 ? LANDLOCK_SCOPE_SIGNAL : 0;

  ProcfsDenial denial;
  denial.scopes_signals = attributes.scoped != 0;
  denial.ruleset.reset(create_ruleset(&attributes, sizeof attributes, 0));
  if (!denial.ruleset) return Error::last("landlock_create_ruleset");
  if (auto granted = Granter(denial, withheld_from(*mounts)).grant_root(refer); !granted) {
    return granted.error();
  }
  return denial;
}

Result<void> landlock_restrict_self(const UniqueFd& ruleset) {
  if (::syscall(SYS_landlock_restrict_self, ruleset.get(), 0) != 0) {
    return Error::last("landlock_restrict_self");
  }
  return {};
}

}  // namespace proctor::kernel
