#include "procfs/passed_files.hpp"

#include <filesystem>
#include <string>

#include "procfs/virtual_files.hpp"
#include "support/catch.hpp"

namespace proctor::procfs {
namespace {

namespace fs = std::filesystem;

bool is_number(const std::string& name) { return name.find_first_not_of("0123456789") == std::string::npos; }

/// Calls check(path) for every file below a directory of procfs, spelt with `prefix` for the directory.
template <class Check>
void for_each_file(const fs::path& directory, const std::string& prefix, Check check) {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(directory, error)) {
    const std::string name = entry.path().filename();
    const auto status = entry.symlink_status(error);
    if (fs::is_directory(status)) {
      for_each_file(entry.path(), prefix + name + "/", check);
    } else {
      check(prefix + name);
    }
  }
}

}  // namespace

TEST_CASE("passed files: sorted, each once, none that is ever made") {
  std::string_view before;
  for (const PassedFile& file : passed_files()) {
    CAPTURE(file.path);
    CHECK(before < file.path);
    CHECK(file.path.starts_with("/proc/"));
    CHECK(file.reason.size() > 10);
    CHECK(find_virtual_file(file.path) == nullptr);
    before = file.path;
  }
}

TEST_CASE("passed files: every file that this kernel has was decided about: virtual, refused or passed on") {
  const auto check = [](const std::string& path) {
    INFO(path << " needs a row: in procfs/virtual_files.cpp, file_rules.cpp or passed_files.cpp");
    CHECK(is_decided(path));
  };
  for (const auto& entry : fs::directory_iterator("/proc")) {
    const std::string name = entry.path().filename();
    if (is_number(name)) continue;
    if (entry.is_directory() && !entry.is_symlink()) {
      for_each_file(entry.path(), "/proc/" + name + "/", check);
    } else {
      check("/proc/" + name);
    }
  }
  for (const auto& entry : fs::directory_iterator("/proc/self")) {
    const std::string name = entry.path().filename();
    if (name == "task") continue;
    if (name == "fdinfo") {
      check("/proc/PID/fdinfo/FD");
    } else if (entry.is_directory() && !entry.is_symlink()) {
      for_each_file(entry.path(), "/proc/PID/" + name + "/", check);
    } else {
      check("/proc/PID/" + name);
    }
  }
}

TEST_CASE("passed files: what no table knows is not decided") {
  for (const char* path : {"/proc/new", "/proc/PID/new", "/proc/PID/net/new", "/proc/kcor", "/proc/sy"}) {
    CAPTURE(path);
    CHECK_FALSE(is_decided(path));
  }
  CHECK(is_decided("/proc/kcore"));
  CHECK(is_decided("/proc/sys/kernel/ostype"));
}

}  // namespace proctor::procfs
