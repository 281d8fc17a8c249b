#include "launch/harden.hpp"

#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include <cerrno>

namespace proctor::launch {

void harden_supervisor() noexcept { ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0); }  // cannot fail with 0

kernel::Result<void> check_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return kernel::Error::last("getrlimit RLIMIT_NOFILE");
  if (limit.rlim_max >= descriptors_min) return {};
  return kernel::Error{EMFILE,
                       fmt::format("the hard limit of open files (ulimit -Hn) is {}, and a supervisor "
                                   "needs at least {}",
                                   limit.rlim_max, descriptors_min)};
}

void raise_descriptor_limit() noexcept {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  (void)::setrlimit(RLIMIT_NOFILE, &limit);  // cannot fail: not above what is allowed
}

kernel::Result<void> become_subreaper() {
  if (::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0) return kernel::Error::last("become a subreaper");
  return {};
}

}  // namespace proctor::launch
