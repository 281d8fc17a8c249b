#pragma once

#include <sys/types.h>
#include <sys/utsname.h>

#include "kernel/result.hpp"

namespace proctor::kernel {

/// What uname(2) tells a thread: to who asked for it (setarch(8), personality(2)) the kernel names a 32-bit
/// machine, or a Linux 2.6. Of a thread that may not be looked into: what it tells everybody.
[[nodiscard]] Result<utsname> uname_for(pid_t tid);

}  // namespace proctor::kernel
