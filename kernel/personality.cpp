#include "kernel/personality.hpp"

#include <fmt/format.h>
#include <sys/personality.h>

#include <fstream>

namespace proctor::kernel {
namespace {

/// Of a personality what the answer depends on (kernel/sys.c, override_release and override_architecture).
constexpr unsigned long named_by = static_cast<unsigned long>(PER_MASK) + static_cast<unsigned long>(UNAME26);
constexpr unsigned long ask_only = 0xffffffff;

unsigned long read_personality(pid_t tid) {
  unsigned long personality = PER_LINUX;
  std::ifstream file(fmt::format("/proc/{}/personality", tid));
  if (!(file >> std::hex >> personality)) return PER_LINUX;
  return personality & named_by;
}

}  // namespace

Result<utsname> uname_for(pid_t tid) {
  const auto theirs = read_personality(tid);
  // A personality is its thread's alone, so the kernel itself can be asked under theirs.
  const int own = theirs == PER_LINUX ? -1 : ::personality(ask_only);
  if (own >= 0) ::personality((static_cast<unsigned long>(own) & ~named_by) | theirs);
  utsname told{};
  const int done = ::uname(&told);
  const Error error = Error::last("uname");
  if (own >= 0) ::personality(static_cast<unsigned long>(own));
  if (done != 0) return error;
  return told;
}

}  // namespace proctor::kernel
