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

#include "kernel/sys_paths.hpp"
#include "kernel/uapi.hpp"

namespace proctor::kernel {

namespace {

constexpr std::uint64_t file_rights = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE;
constexpr std::size_t mountinfo_bytes_max = std::size_t{64} << 20U;

int create_ruleset(const uapi::LandlockRulesetAttr* attributes, std::size_t size, std::uint32_t flags) {
  return static_cast<int>(::syscall(SYS_landlock_create_ruleset, attributes, size, flags));
}

Result<std::string> read_mountinfo() {
  constexpr const char* path = "/proc/thread-self/mountinfo";
  const UniqueFd fd(::open(path, O_RDONLY | O_CLOEXEC));
  if (!fd) return Error::last(std::string("open ") + path);
  std::string text;
  std::array<char, 16384> chunk;
  while (true) {
    const ssize_t got = ::read(fd.get(), chunk.data(), chunk.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return Error::last(std::string("read ") + path);
    if (got == 0) return text;
    text.append(chunk.data(), static_cast<std::size_t>(got));
    if (text.size() > mountinfo_bytes_max) return Error{EMSGSIZE, std::string("read ") + path};
  }
}

/// Undoes mangle_path(): blanks and backslashes of a mount point stand there as \ooo.
std::string unescape_octal(std::string_view escaped) {
  const auto is_octal = [](char digit) { return digit >= '0' && digit <= '7'; };
  std::string plain;
  for (std::size_t i = 0; i < escaped.size(); ++i) {
    if (escaped[i] == '\\' && i + 3 < escaped.size() && is_octal(escaped[i + 1]) &&
        is_octal(escaped[i + 2]) && is_octal(escaped[i + 3])) {
      const int value = (escaped[i + 1] - '0') * 64 + (escaped[i + 2] - '0') * 8 + (escaped[i + 3] - '0');
      plain.push_back(static_cast<char>(value));
      i += 3;
    } else {
      plain.push_back(escaped[i]);
    }
  }
  return plain;
}

/// Cuts the next blank-separated field off `rest`.
std::string_view next_field(std::string_view& rest) {
  const std::string_view field = rest.substr(0, rest.find(' '));
  rest.remove_prefix(std::min(rest.size(), field.size() + 1));
  return field;
}

/// Whether `path` is a directory on the way to `mount_point`: a prefix of it by whole names, not itself.
bool leads_to(std::string_view path, std::string_view mount_point) {
  return mount_point.size() > path.size() && mount_point.starts_with(path) && mount_point[path.size()] == '/';
}

/// One line of mountinfo, proc_pid_mountinfo(5): the fields used here.
struct MountLine {
  std::uint64_t id = 0;
  std::string root;
  std::string mount_point;
  std::string_view type;
};

/// Takes the first line off `mountinfo`.
MountLine take_mount(std::string_view& mountinfo) {
  std::string_view line = mountinfo.substr(0, mountinfo.find('\n'));
  mountinfo.remove_prefix(std::min(mountinfo.size(), line.size() + 1));
  MountLine mount;
  // id, parent, device, root, mount point, options, optional fields, "-", type.
  for (const char digit : next_field(line))
    mount.id = mount.id * 10 + static_cast<std::uint64_t>(digit - '0');
  for (int skipped = 0; skipped < 2; ++skipped) next_field(line);
  mount.root = unescape_octal(next_field(line));
  mount.mount_point = unescape_octal(next_field(line));
  while (!line.empty() && next_field(line) != "-") {
  }
  mount.type = next_field(line);
  return mount;
}

/// What gets no rule, or one for reading only.
struct Withheld {
  std::vector<ProcfsMount> mounts;
  std::vector<std::string> paths;
  std::vector<std::uint64_t> from_writers;  ///< mounts of sysfs: what is set there, is set for the machine
};

Withheld withheld_from(std::string_view mountinfo) {
  constexpr std::string_view sys_root = "/sys";
  Withheld withheld;
  while (!mountinfo.empty()) {
    const MountLine mount = take_mount(mountinfo);
    const auto refused = refused_file_systems();
    const bool is_stray_cgroup =
        mount.type.starts_with("cgroup") && !is_at_or_below(mount.mount_point, sys_cgroup_path);
    if (mount.type == "proc" || is_stray_cgroup ||
        std::find(refused.begin(), refused.end(), mount.type) != refused.end())
      withheld.mounts.push_back({mount.id, mount.mount_point});
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
      const bool is_served = path == sys_devices_path || path == sys_cgroup_path;
      if (is_served) denial_.ungranted_directories.push_back(path);
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
                       [mount_id](const ProcfsMount& mount) { return mount.id == mount_id; });
  }

  [[nodiscard]] bool is_on_the_way(const std::string& path) const {
    const auto& mounts = withheld_.mounts;
    const auto& paths = withheld_.paths;
    return std::any_of(paths.begin(), paths.end(),
                       [&](const auto& below) { return leads_to(path, below); }) ||
           std::any_of(mounts.begin(), mounts.end(),
                       [&](const ProcfsMount& mount) { return leads_to(path, mount.mount_point); });
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

std::vector<ProcfsMount> parse_procfs_mounts(std::string_view mountinfo) {
  std::vector<ProcfsMount> mounts;
  while (!mountinfo.empty()) {
    MountLine mount = take_mount(mountinfo);
    if (mount.type == "proc") mounts.push_back({mount.id, std::move(mount.mount_point)});
  }
  return mounts;
}

Result<int> landlock_abi() {
  const int version = create_ruleset(nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION);
  if (version < 0) return Error::last("landlock_create_ruleset(LANDLOCK_CREATE_RULESET_VERSION)");
  return version;
}

Result<ProcfsDenial> build_procfs_denial() {
  const auto abi = landlock_abi();
  if (!abi) return abi.error();
  const auto mountinfo = read_mountinfo();
  if (!mountinfo) return mountinfo.error();

  // ABI 1 has no REFER: it refuses every rename and link across directories, which nothing can grant.
  const std::uint64_t refer = *abi >= 2 ? LANDLOCK_ACCESS_FS_REFER : 0;
  uapi::LandlockRulesetAttr attributes;
  attributes.handled_access_fs = file_rights | refer;
  attributes.scoped = *abi >= 6 ? LANDLOCK_SCOPE_SIGNAL : 0;

  ProcfsDenial denial;
  denial.scopes_signals = attributes.scoped != 0;
  denial.ruleset.reset(create_ruleset(&attributes, sizeof attributes, 0));
  if (!denial.ruleset) return Error::last("landlock_create_ruleset");
  if (auto granted = Granter(denial, withheld_from(*mountinfo)).grant_root(refer); !granted) {
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
