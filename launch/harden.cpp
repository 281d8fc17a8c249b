#include "launch/harden.hpp"

#include <sys/prctl.h>

namespace proctor::launch {

void harden_supervisor() noexcept { ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0); }  // cannot fail with 0

kernel::Result<void> become_subreaper() {
  if (::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0) return kernel::Error::last("become a subreaper");
  return {};
}

}  // namespace proctor::launch
