#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "kernel/result.hpp"

namespace proctor::kernel {

/// One mount: what is used here of a line of mountinfo, proc_pid_mountinfo(5).
struct Mount {
  std::uint64_t id = 0;      ///< as statx(2)'s stx_mnt_id
  std::uint64_t device = 0;  ///< as stat(2)'s st_dev
  std::string root;          ///< the part of the file system that is mounted: "/", unescaped
  std::string mount_point;   ///< absolute, unescaped
  std::string type;          ///< "proc"
};

/// The mounts of a text of mountinfo, in its order. Lines that are none are left out.
[[nodiscard]] std::vector<Mount> parse_mounts(std::string_view mountinfo);

/// Those of a thread's mount namespace, as seen from its root.
[[nodiscard]] Result<std::vector<Mount>> read_mounts(pid_t tid);
/// Those of the calling thread.
[[nodiscard]] Result<std::vector<Mount>> read_own_mounts();

}  // namespace proctor::kernel
