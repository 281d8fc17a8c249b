#include "kernel/namespaces.hpp"

#include <fmt/format.h>
#include <sys/stat.h>

namespace proctor::kernel {

std::optional<bool> shares_namespace(pid_t tid, const std::string& kind) {
  struct stat ours {};
  struct stat theirs {};
  if (::stat(("/proc/thread-self/ns/" + kind).c_str(), &ours) != 0) return std::nullopt;
  if (::stat(fmt::format("/proc/{}/ns/{}", tid, kind).c_str(), &theirs) != 0) return std::nullopt;
  return ours.st_dev == theirs.st_dev && ours.st_ino == theirs.st_ino;
}

}  // namespace proctor::kernel
