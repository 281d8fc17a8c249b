#pragma once

#include <sys/stat.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <system_error>

namespace proctor::tests {

/// A directory of its own that everybody may use, removed with all it holds at the end of the scope (by the
/// process that made it: a forked child must leave by _exit).
class TemporaryDirectory {
 public:
  explicit TemporaryDirectory(const std::string& below = "/tmp") {
    std::string name = below + "/proctor-test-XXXXXX";
    if (::mkdtemp(name.data()) == nullptr)
      throw std::system_error(errno, std::generic_category(), "make " + name);
    path_ = name;
    ::chmod(name.c_str(), 0777);
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  ~TemporaryDirectory() {
    std::error_code ignored;
    if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
  }

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  [[nodiscard]] std::string operator/(const std::string& name) const { return (path_ / name).native(); }

 private:
  std::filesystem::path path_;
};

/// Makes a file that everybody may use.
inline void write_file(const std::string& path, const std::string& text) {
  std::ofstream(path) << text;
  ::chmod(path.c_str(), 0666);
}

}  // namespace proctor::tests
