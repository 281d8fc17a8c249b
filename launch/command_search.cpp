#include "launch/command_search.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <string_view>

namespace proctor::launch {
namespace {

/// PATH, or what execvp(3) takes where there is none.
std::string search_path() {
  if (const char* path = std::getenv("PATH")) return path;
  std::string path(::confstr(_CS_PATH, nullptr, 0), '\0');
  ::confstr(_CS_PATH, path.data(), path.size());
  if (!path.empty()) path.pop_back();  // confstr counts the NUL
  return path;
}

bool does_not_exist(const std::string& file) {
  struct stat status {};
  return ::stat(file.c_str(), &status) != 0 && (errno == ENOENT || errno == ENOTDIR);
}

/// The errors after which execvp(3) goes on to the next directory.
bool passes_over(int error) {
  return error == EACCES || error == ENOENT || error == ENOTDIR || error == ESTALE || error == ENODEV ||
         error == ETIMEDOUT;
}

std::vector<char*> pointers_to(const std::vector<std::string>& strings) {
  std::vector<char*> pointers;
  pointers.reserve(strings.size() + 1);
  // execve(2) takes char* for historical reasons and does not write.
  for (const auto& string : strings) pointers.push_back(const_cast<char*>(string.c_str()));  // NOLINT
  pointers.push_back(nullptr);
  return pointers;
}

}  // namespace

std::vector<std::string> find_command(const std::string& name) {
  if (name.empty()) return {};
  if (name.find('/') != std::string::npos) return {name};
  std::vector<std::string> found;
  const std::string path = search_path();
  std::string_view rest = path;
  for (;;) {
    const auto colon = rest.find(':');
    const auto directory = rest.substr(0, colon);
    // An empty entry is the working directory.
    std::string file = directory.empty() ? name : std::string(directory) + "/" + name;
    if (!does_not_exist(file)) found.push_back(std::move(file));
    if (colon == std::string_view::npos) return found;
    rest.remove_prefix(colon + 1);
  }
}

int execute_command(const std::vector<std::string>& candidates, const std::vector<std::string>& command) {
  const auto argv = pointers_to(command);
  bool denied = false;
  int error = ENOENT;
  for (const auto& file : candidates) {
    ::execve(file.c_str(), argv.data(), environ);
    error = errno;
    if (error == ENOEXEC) {
      std::vector<std::string> script{"/bin/sh", file};
      script.insert(script.end(), command.begin() + 1, command.end());
      ::execve("/bin/sh", pointers_to(script).data(), environ);
      error = errno;
    }
    if (error == EACCES) denied = true;
    if (!passes_over(error)) return error;
  }
  return denied ? EACCES : error;
}

}  // namespace proctor::launch
