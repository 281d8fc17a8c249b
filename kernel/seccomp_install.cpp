#include "kernel/seccomp_install.hpp"

#include <linux/seccomp.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kernel/uapi.hpp"

namespace proctor::kernel {

Result<InstalledFilter> install_notifying_filter(std::span<const sock_filter> program) {
  // The kernel's length is 16 bits wide: a longer program would be cut short, not refused.
  if (program.empty() || program.size() > BPF_MAXINSNS) {
    return Error{EINVAL, "seccomp: a filter of no or too many instructions"};
  }
  const sock_fprog filter{.len = static_cast<unsigned short>(program.size()),
                          .filter = const_cast<sock_filter*>(program.data())};  // the kernel only reads

  const auto install = [&filter](unsigned long flags) {
    return static_cast<int>(::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &filter));
  };
  constexpr unsigned long listener_only = SECCOMP_FILTER_FLAG_NEW_LISTENER;
  int fd = install(listener_only | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV);
  const bool wait_killable = fd >= 0;
  // EINVAL is also the answer to a bad program; the second attempt then fails in the same way.
  if (fd < 0 && errno == EINVAL) fd = install(listener_only);
  if (fd < 0) return Error::last("seccomp(SECCOMP_SET_MODE_FILTER)");
  return InstalledFilter{UniqueFd(fd), wait_killable};
}

}  // namespace proctor::kernel
