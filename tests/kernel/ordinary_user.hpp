#pragma once

#include <grp.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <vector>

namespace proctor::tests {

/// An unprivileged user that owns nothing of the machine.
inline constexpr uid_t ordinary_uid = 65534;
inline constexpr gid_t ordinary_gid = 65534;

/// Makes a child that user for good.
inline bool become_ordinary() {
  return ::setgroups(0, nullptr) == 0 && ::setresgid(ordinary_gid, ordinary_gid, ordinary_gid) == 0 &&
         ::setresuid(ordinary_uid, ordinary_uid, ordinary_uid) == 0;
}

inline bool is_root() { return ::geteuid() == 0; }

/// Checks within a child, where Catch's cannot be used: says what does not hold, and remembers it.
class ChildChecks {
 public:
  void operator()(bool holds, const char* what) {
    if (holds) return;
    std::fprintf(stderr, "in the child (uid %u): not so: %s (errno %d)\n", ::geteuid(), what, errno);
    exit_code_ = 1;
  }

  [[nodiscard]] int exit_code() const { return exit_code_; }

 private:
  int exit_code_ = 0;
};

}  // namespace proctor::tests
