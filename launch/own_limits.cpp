#include "launch/own_limits.hpp"

#include <fmt/format.h>
#include <sys/resource.h>

#include <cerrno>

namespace proctor::launch {
namespace {

kernel::Result<void> check_descriptors() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return kernel::Error::last("getrlimit RLIMIT_NOFILE");
  if (limit.rlim_max >= descriptors_min) return {};
  return kernel::Error{EMFILE,
                       fmt::format("the hard limit of open files (ulimit -Hn) is {}, and a supervisor "
                                   "needs at least {}",
                                   limit.rlim_max, descriptors_min)};
}

void raise_to_hard_limit(int resource) noexcept {
  rlimit limit{};
  if (::getrlimit(resource, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  (void)::setrlimit(resource, &limit);  // cannot fail: not above what is allowed
}

/// Without a limit where that is allowed (CAP_SYS_RESOURCE), else up to the hard one.
void lift_file_size() noexcept {
  const rlimit unlimited{RLIM_INFINITY, RLIM_INFINITY};
  if (::setrlimit(RLIMIT_FSIZE, &unlimited) != 0) raise_to_hard_limit(RLIMIT_FSIZE);
}

kernel::Result<void> check_file_size() {
  rlimit inherited{};
  if (::getrlimit(RLIMIT_FSIZE, &inherited) != 0) return kernel::Error::last("getrlimit RLIMIT_FSIZE");
  if (inherited.rlim_max >= file_bytes_min) return {};
  lift_file_size();
  rlimit lifted{};
  const bool is_enough = ::getrlimit(RLIMIT_FSIZE, &lifted) == 0 && lifted.rlim_max >= file_bytes_min;
  (void)::setrlimit(RLIMIT_FSIZE, &inherited);  // cannot fail: not above what it is
  if (is_enough) return {};
  return kernel::Error{EFBIG,
                       fmt::format("the hard limit of the length of files (ulimit -Hf) is {} bytes, and a "
                                   "supervisor, which makes files of /proc, needs at least {}",
                                   inherited.rlim_max, file_bytes_min)};
}

}  // namespace

kernel::Result<void> check_own_limits() {
  if (auto enough = check_descriptors(); !enough) return enough;
  return check_file_size();
}

void raise_own_limits() noexcept {
  lift_file_size();
  raise_to_hard_limit(RLIMIT_NOFILE);
}

}  // namespace proctor::launch
