#include "kernel/sys_paths.hpp"

#include <linux/magic.h>
#include <sys/vfs.h>

#include <algorithm>
#include <array>

namespace proctor::kernel {
namespace {

constexpr const char* kernel_internals = "the kernel's internals are not the sandbox's";
constexpr const char* kernel_addresses = "tells where the kernel lies in memory";
constexpr const char* machine_counters = "counts what the whole machine does";
constexpr const char* disks = "the machine's disks are not the sandbox's";

// Left open: btf, notes and the counters of warnings say what uname does; mm and cgroup/features are what
// runtimes read.
constexpr std::array refused_paths = {
    RefusedSysPath{"/sys/firmware", "the machine's firmware is not the sandbox's"},
    RefusedSysPath{"/sys/fs/bcache", disks},
    RefusedSysPath{"/sys/fs/bpf", "programs of the kernel, loaded by others"},
    RefusedSysPath{"/sys/fs/btrfs", disks},
    RefusedSysPath{"/sys/fs/erofs", disks},
    RefusedSysPath{"/sys/fs/ext4", disks},  // names the kernel's thread of each journal
    RefusedSysPath{"/sys/fs/f2fs", disks},
    RefusedSysPath{"/sys/fs/gfs2", disks},
    RefusedSysPath{"/sys/fs/jfs", disks},
    RefusedSysPath{"/sys/fs/nfs", disks},
    RefusedSysPath{"/sys/fs/nilfs2", disks},
    RefusedSysPath{"/sys/fs/ocfs2", disks},
    RefusedSysPath{"/sys/fs/pstore", "what the kernel said when it crashed"},
    RefusedSysPath{"/sys/fs/resctrl", "lists processes outside the sandbox"},
    RefusedSysPath{"/sys/fs/ubifs", disks},
    RefusedSysPath{"/sys/fs/xfs", disks},
    RefusedSysPath{"/sys/fs/zonefs", disks},
    RefusedSysPath{"/sys/kernel/boot_params", kernel_addresses},
    RefusedSysPath{"/sys/kernel/config", "sets up devices of the whole machine"},
    RefusedSysPath{"/sys/kernel/debug", kernel_internals},
    RefusedSysPath{"/sys/kernel/dmabuf", "buffers of processes outside the sandbox"},
    RefusedSysPath{"/sys/kernel/irq", machine_counters},
    RefusedSysPath{"/sys/kernel/livepatch", kernel_internals},
    RefusedSysPath{"/sys/kernel/mm/damon", "watches the memory of processes outside the sandbox"},
    RefusedSysPath{"/sys/kernel/security", "the machine's security policy is not the sandbox's"},
    RefusedSysPath{"/sys/kernel/slab", machine_counters},
    RefusedSysPath{"/sys/kernel/tracing", kernel_internals},
    RefusedSysPath{"/sys/kernel/vmcoreinfo", kernel_addresses},
};

constexpr std::array<std::string_view, 7> refused_types = {"configfs", "debugfs",    "efivarfs", "pstore",
                                                           "resctrl",  "securityfs", "tracefs"};
constexpr std::array<unsigned long, 7> refused_magics = {0x62656570 /* configfs, not in magic.h */,
                                                         DEBUGFS_MAGIC,
                                                         EFIVARFS_MAGIC,
                                                         PSTOREFS_MAGIC,
                                                         RDTGROUP_SUPER_MAGIC,
                                                         SECURITYFS_MAGIC,
                                                         TRACEFS_MAGIC};

}  // namespace

std::span<const RefusedSysPath> refused_sys_paths() { return refused_paths; }
std::span<const std::string_view> refused_file_systems() { return refused_types; }

bool is_at_or_below(std::string_view path, std::string_view directory) {
  return path.starts_with(directory) && (path.size() == directory.size() || path[directory.size()] == '/');
}

const RefusedSysPath* find_refused_sys_path(std::string_view path) {
  const auto* const row =
      std::find_if(refused_paths.begin(), refused_paths.end(),
                   [path](const RefusedSysPath& refused) { return is_at_or_below(path, refused.path); });
  return row == refused_paths.end() ? nullptr : row;
}

bool is_on_refused_file_system(int fd) {
  struct statfs info {};
  if (::fstatfs(fd, &info) != 0) return true;  // nothing is known of it
  const auto magic = static_cast<unsigned long>(info.f_type);
  return std::find(refused_magics.begin(), refused_magics.end(), magic) != refused_magics.end();
}

}  // namespace proctor::kernel
