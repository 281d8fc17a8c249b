// What calls that look at a path without opening it say of files that only the sandbox has.
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "actors/call_arguments.hpp"
#include "actors/process_state.hpp"
#include "actors/sandbox_context.hpp"
#include "kernel/sealed_file.hpp"
#include "kernel/sys_paths.hpp"
#include "procfs/sys_rules.hpp"

namespace proctor::actors {
namespace {

using policy::Continue;
using policy::Fail;
using policy::Return;
using policy::Verdict;

constexpr const char* made_for_sandbox = "a file that only the sandbox has";

/// Where the sandbox has a file that was made for it.
std::string name_of(const kernel::UniqueFd& file) {
  return std::string(procfs::path_of_sealed_name(kernel::memfd_name(::gettid(), file.get())));
}

/// access(2) and its like: it can be read, and no more.
Verdict may_access(std::uint32_t mode) {
  return (mode & (W_OK | X_OK)) == 0 ? Verdict{Return{0}, made_for_sandbox}
                                     : Verdict{Fail{EACCES}, "a file of the sandbox's can only be read"};
}

}  // namespace

Verdict ProcessState::tell_of_file(const seccomp_notif& notification, const kernel::UniqueFd& file) {
  const auto& args = notification.data.args;
  switch (notification.data.nr) {
    case SYS_stat:
    case SYS_lstat:
    case SYS_newfstatat: {
      struct stat told {};
      if (::fstat(file.get(), &told) != 0) return {Fail{errno}, as_the_kernel};
      told.st_nlink = 1;  // it has a name
      return answer_in_memory(notification, args[notification.data.nr == SYS_newfstatat ? 2 : 1],
                              std::as_bytes(std::span{&told, 1}), 0, made_for_sandbox);
    }
    case SYS_statx: {
      struct statx told {};
      if (::statx(file.get(), "", AT_EMPTY_PATH, word_argument(notification, 3), &told) != 0)
        return {Fail{errno}, as_the_kernel};
      told.stx_nlink = 1;
      return answer_in_memory(notification, args[4], std::as_bytes(std::span{&told, 1}), 0, made_for_sandbox);
    }
    case SYS_access:
      return may_access(word_argument(notification, 1));
    case SYS_faccessat:
    case SYS_faccessat2:
      return may_access(word_argument(notification, 2));
    case SYS_readlink:
    case SYS_readlinkat:
      return {Fail{EINVAL}, "not a link"};
    case SYS_statfs:
      if (kernel::is_at_or_below(name_of(file), kernel::sys_cgroup_path))
        return tell_own_cgroup(notification);
      return tell_own_file_system(notification, file);
    case SYS_listxattr:
    case SYS_llistxattr:
      return {Return{0}, made_for_sandbox};
    case SYS_getxattr:
    case SYS_lgetxattr:
      return {Fail{ENODATA}, made_for_sandbox};
    case SYS_mkdir:
    case SYS_mkdirat:
    case SYS_mknod:
    case SYS_mknodat:
    case SYS_rename:
    case SYS_renameat:
    case SYS_renameat2:
    case SYS_link:
    case SYS_linkat:
    case SYS_symlink:
    case SYS_symlinkat:
    case SYS_unlink:
    case SYS_unlinkat:
    case SYS_rmdir:
      // Continue safety: the file is the sandbox's alone because the machine has none. In /etc the target may
      // make one, or find that there is none, as its rights allow; a path that is rewritten meanwhile makes
      // and removes nothing in /proc or /sys.
      if (name_of(file).starts_with("/etc/")) return {Continue{}};
      [[fallthrough]];
    default:
      return {Fail{EACCES}, "a file of the sandbox's can only be read"};
  }
}

Verdict ProcessState::tell_own_file_system(const seccomp_notif& notification, const kernel::UniqueFd& file) {
  struct statfs told {};
  if (::fstatfs(file.get(), &told) != 0) return {Fail{errno}, as_the_kernel};
  return answer_in_memory(notification, notification.data.args[1], std::as_bytes(std::span{&told, 1}), 0,
                          made_for_sandbox);
}

std::optional<Verdict> ProcessState::tell_file_system(const seccomp_notif& notification,
                                                      std::string_view path) {
  if (notification.data.nr != SYS_statfs) return std::nullopt;
  while (path.size() > 1 && path.ends_with('/')) path.remove_suffix(1);
  if (path != kernel::sys_cgroup_path ||
      !procfs::has_own_cgroup(context_.view.look(procfs::ViewDetail::plain)))
    return std::nullopt;
  return tell_own_cgroup(notification);
}

Verdict ProcessState::tell_own_cgroup(const seccomp_notif& notification) {
  struct statfs told {};
  told.f_type = CGROUP2_SUPER_MAGIC;
  told.f_bsize = told.f_frsize = ::sysconf(_SC_PAGESIZE);
  told.f_namelen = NAME_MAX;
  return answer_in_memory(notification, notification.data.args[1], std::as_bytes(std::span{&told, 1}), 0,
                          "the sandbox's own cgroup");
}

}  // namespace proctor::actors
