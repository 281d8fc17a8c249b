#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "config/load_helpers.hpp"

namespace proctor::config {

namespace {

/// A directory of the test's own.
class Directory {
 public:
  Directory() {
    std::string name = (std::filesystem::temp_directory_path() / "proctor-config-XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  ~Directory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  Directory(const Directory&) = delete;
  Directory& operator=(const Directory&) = delete;

  [[nodiscard]] std::string file(const std::string& name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

/// XDG_RUNTIME_DIR for one scope.
class RuntimeDirectory {
 public:
  explicit RuntimeDirectory(const char* value) {
    if (const char* old = std::getenv("XDG_RUNTIME_DIR")) old_ = old;
    set(value);
  }
  ~RuntimeDirectory() { set(old_ ? old_->c_str() : nullptr); }
  RuntimeDirectory(const RuntimeDirectory&) = delete;
  RuntimeDirectory& operator=(const RuntimeDirectory&) = delete;

 private:
  static void set(const char* value) {
    if (value != nullptr) {
      ::setenv("XDG_RUNTIME_DIR", value, 1);
    } else {
      ::unsetenv("XDG_RUNTIME_DIR");
    }
  }
  std::optional<std::string> old_;
};

std::string message_about(const std::string& path) {
  const Loaded loaded = load(path);
  const auto* const issues = std::get_if<1>(&loaded);
  REQUIRE(issues != nullptr);
  REQUIRE(issues->size() == 1);
  CHECK(issues->front().file == path);
  return issues->front().message();
}

}  // namespace

TEST_CASE("load: a file is read, with its path in the issues") {
  const Directory directory;
  const std::string path = directory.file("proctord.conf");
  std::ofstream(path) << "[proctord]\nsocket = \"/run/a\"\nsandboxes-max = 9\n";
  const Loaded good = load(path);
  REQUIRE(std::holds_alternative<DaemonConfig>(good));
  CHECK(std::get<0>(good).proctord.sandboxes_max == 9);
  std::ofstream(path) << "[proctord]\n\nsandboxes-max = -9\n";
  CHECK(message_about(path) == path +
                                   ":3: proctord.sandboxes-max: `-9` is negative; expected a whole number of "
                                   "sandboxes from 1 to 32768");
}

TEST_CASE("load: a file that is missing, empty, a directory or no file is refused") {
  const Directory directory;
  const std::string missing = directory.file("missing");
  CHECK(message_about(missing) ==
        missing + ": cannot be read: No such file or directory; expected a readable configuration file");
  CHECK(message_about("") ==
        ": cannot be read: No such file or directory; expected a readable configuration file");
  const std::string empty = directory.file("empty");
  std::ofstream(empty).close();
  CHECK(message_about(empty).find("is empty") != std::string::npos);
  CHECK(message_about(directory.file(".")).find("is a directory") != std::string::npos);
  CHECK(message_about("/dev/null").find("is not a regular file") != std::string::npos);
}

TEST_CASE("load: a fifo is refused, not waited for") {
  const Directory directory;
  const std::string fifo = directory.file("fifo");
  REQUIRE(::mkfifo(fifo.c_str(), 0600) == 0);
  CHECK(message_about(fifo).find("is not a regular file") != std::string::npos);
}

TEST_CASE("load: a file of more than 1 MiB is refused") {
  const Directory directory;
  const std::string path = directory.file("huge");
  std::ofstream(path) << "; x\n";
  std::filesystem::resize_file(path, 1ULL << 40U);  // sparse: it must not be read as a whole
  CHECK(message_about(path).find("larger than 1 MiB") != std::string::npos);
}

TEST_CASE("load: a file without permission is refused") {
  if (::geteuid() == 0) {
    proctor::tests::skip("root may read every file");
    return;
  }
  const Directory directory;
  const std::string path = directory.file("secret");
  std::ofstream(path) << "; x\n";
  REQUIRE(::chmod(path.c_str(), 0) == 0);
  CHECK(message_about(path).find("Permission denied") != std::string::npos);
}

TEST_CASE("load: without a file it is the defaults and the command line") {
  const RuntimeDirectory runtime("/run/user/4711");
  const std::vector<Override> given{{"sandbox.pending-max", "12"}};
  const Loaded loaded = load(std::nullopt, given);
  REQUIRE(std::holds_alternative<DaemonConfig>(loaded));
  DaemonConfig expected;
  expected.sandbox.pending_max = 12;
  expected.proctord.socket =
      ::geteuid() == 0 ? "/run/proctor/proctord.sock" : "/run/user/4711/proctor/proctord.sock";
  CHECK(std::get<0>(loaded) == expected);
}

TEST_CASE("load: without a socket and a place for the default one it is refused") {
  const RuntimeDirectory runtime(nullptr);
  if (::geteuid() == 0) {
    proctor::tests::skip("root's socket does not depend on XDG_RUNTIME_DIR");
    return;
  }
  const Loaded loaded = load(std::nullopt);
  REQUIRE(std::holds_alternative<std::vector<ConfigIssue>>(loaded));
  CHECK(std::get<1>(loaded).front().message().find("XDG_RUNTIME_DIR") != std::string::npos);
}

}  // namespace proctor::config
