#pragma once

#include <fcntl.h>
#include <grp.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <optional>
#include <set>
#include <string>

#include "kernel/pidfd.hpp"
#include "kernel/result.hpp"
#include "kernel/unique_fd.hpp"
#include "procfs/gate.hpp"
#include "support/catch.hpp"
#include "tests/kernel/child.hpp"

namespace proctor::tests {

/// A sandbox of the processes that a test names.
class FakeMembers : public procfs::Members {
 public:
  explicit FakeMembers(std::set<pid_t> leaders = {}) : groups(std::move(leaders)) {}

  std::optional<pid_t> group_of(pid_t pid) override {
    ++questions;
    if (groups.contains(pid)) return pid;
    for (const pid_t group : groups) {
      if (kernel::is_thread_of(group, pid)) return group;
    }
    return std::nullopt;
  }
  void discover() override { ++discoveries; }

  std::set<pid_t> groups;
  int questions = 0;
  int discoveries = 0;
};

/// A forked process that has done `prepare`, and waits to be killed.
class Target {
 public:
  explicit Target(const std::function<void()>& prepare = [] {})
      : child_([&] {
          prepare();
          *ready_ = true;
          return wait_for_ever();
        }) {
    is_ready_ = eventually([this] { return ready_->load(); });
  }

  [[nodiscard]] pid_t pid() const { return child_.pid(); }
  [[nodiscard]] bool is_ready() const { return is_ready_; }
  int end() {
    child_.kill(SIGKILL);
    return child_.wait();
  }

 private:
  Shared<std::atomic<bool>> ready_;
  Child child_;
  bool is_ready_ = false;
};

/// Makes the calling process be nobody, capabilities and groups included. As root only.
inline bool become_nobody() {
  constexpr unsigned nobody = 65534;
  return ::setgroups(0, nullptr) == 0 && ::setresgid(nobody, nobody, nobody) == 0 &&
         ::setresuid(nobody, nobody, nobody) == 0;
}

/// A directory of the test's own, removed with all that is in it.
class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string pattern = std::filesystem::temp_directory_path() / "proctor-procfs-XXXXXX";
    path = ::mkdtemp(pattern.data());
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  ~TemporaryDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
  }

  std::string path;
};

inline procfs::OpenRequest request_of(const Target& target, std::string_view path,
                                      std::uint64_t flags = O_RDONLY, int dirfd = AT_FDCWD) {
  procfs::OpenRequest request;
  request.tid = target.pid();
  request.tgid = target.pid();
  request.dirfd = dirfd;
  request.path = path;
  request.flags = flags;
  return request;
}

/// "continue", "inject" or the name of the errno.
inline std::string answer_of(const policy::Verdict& verdict) {
  if (std::holds_alternative<policy::Continue>(verdict.answer)) return "continue";
  if (std::holds_alternative<policy::Inject>(verdict.answer)) return "inject";
  if (const auto* fail = std::get_if<policy::Fail>(&verdict.answer)) return kernel::errno_name(fail->error);
  return "return";
}

inline int injected_fd(const policy::Verdict& verdict) {
  const auto* inject = std::get_if<policy::Inject>(&verdict.answer);
  return inject == nullptr ? -1 : inject->fd->get();
}

inline std::string read_all(int fd) {
  std::string text;
  std::array<char, 4096> buffer{};
  for (ssize_t length = 0; (length = ::read(fd, buffer.data(), buffer.size())) > 0;) {
    text.append(buffer.data(), static_cast<std::size_t>(length));
  }
  return text;
}

/// What is in the injected file; any other answer by its name.
inline std::string content_of(const policy::Verdict& verdict) {
  const int fd = injected_fd(verdict);
  return fd < 0 ? answer_of(verdict) : read_all(fd);
}

/// What the kernel itself answers: a descriptor, or the errno.
struct KernelAnswer {
  kernel::UniqueFd fd;
  int error = 0;
};
inline KernelAnswer kernel_open(int dirfd, const std::string& path, std::uint64_t flags,
                                std::uint64_t resolve = 0) {
  open_how how{};
  how.flags = flags;
  how.mode = (flags & (O_CREAT | (O_TMPFILE & ~O_DIRECTORY))) != 0 ? 0600U : 0U;
  how.resolve = resolve;
  KernelAnswer answer;
  answer.fd.reset(static_cast<int>(::syscall(SYS_openat2, dirfd, path.c_str(), &how, sizeof how)));
  if (!answer.fd) answer.error = errno;
  return answer;
}

inline bool is_same_object(int a, int b) {
  struct stat first {};
  struct stat second {};
  return ::fstat(a, &first) == 0 && ::fstat(b, &second) == 0 && first.st_dev == second.st_dev &&
         first.st_ino == second.st_ino;
}

/// A number that no process ever has: the kernel deals those below pid_max.
inline pid_t dead_pid() {
  pid_t pid = 0;
  std::ifstream("/proc/sys/kernel/pid_max") >> pid;
  return pid;
}

}  // namespace proctor::tests
