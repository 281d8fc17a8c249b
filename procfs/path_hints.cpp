#include "procfs/path_hints.hpp"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <climits>
#include <cstring>
#include <filesystem>
#include <utility>

#include "kernel/sys_paths.hpp"
#include "procfs/instance.hpp"

namespace proctor::procfs {
namespace {

/// Links that lead to procfs on every distribution.
constexpr std::array<std::string_view, 4> links_to_procfs = {"/dev/fd", "/dev/std", "/dev/core", "/etc/mtab"};

bool leads_to_procfs(std::string_view path) {
  if (path.size() < 2 || (path[1] != 'd' && path[1] != 'e')) return false;  // most paths
  return std::any_of(links_to_procfs.begin(), links_to_procfs.end(),
                     [&](std::string_view link) { return path.starts_with(link); });
}

/// Whether a component is what such a link is called, for paths that start in its directory or above.
bool is_link_to_procfs(std::string_view name) {
  return name == "fd" || name == "mtab" || name == "stdin" || name == "stdout" || name == "stderr";
}

struct Shape {
  bool names_proc = false;  ///< a component is "proc"
  bool names_link = false;  ///< a component is_link_to_procfs()
  bool canonical = true;    ///< no "..", ".", "//" or trailing slash
};

Shape shape_of(std::string_view path) {
  Shape shape;
  std::size_t begin = 0;
  while (begin <= path.size()) {
    const void* slash = std::memchr(path.data() + begin, '/', path.size() - begin);
    const auto end = slash == nullptr
                         ? path.size()
                         : static_cast<std::size_t>(static_cast<const char*>(slash) - path.data());
    const std::string_view name = path.substr(begin, end - begin);
    if (name == "proc") {
      shape.names_proc = true;
      return shape;
    }
    if (is_link_to_procfs(name)) shape.names_link = true;
    if ((name.empty() && begin != 0) || name == ".." || name == ".") shape.canonical = false;
    begin = end + 1;
  }
  return shape;
}

/// Without "..", "." and empty components, by the text alone: good enough for a hint.
std::string normalized(std::string_view path) {
  std::string result;
  std::size_t begin = 0;
  while (begin < path.size()) {
    const std::size_t end = std::min(path.find('/', begin), path.size());
    const std::string_view name = path.substr(begin, end - begin);
    if (name == "..") {
      result.resize(result.rfind('/') == std::string::npos ? 0 : result.rfind('/'));
    } else if (!name.empty() && name != ".") {
      result += '/';
      result += name;
    }
    begin = end + 1;
  }
  return result;
}

bool is_in(const std::vector<std::string>& sorted, std::string_view name) {
  return std::binary_search(sorted.begin(), sorted.end(), name, std::less<>());
}

/// Of /sys nearly everything is a link to somewhere else there, so its names tell little. What most programs
/// read when they start is no link, and the kernel's for everybody.
bool may_be_of_sys(std::string_view path) {
  return kernel::is_at_or_below(path, "/sys") && !path.starts_with("/sys/kernel/mm/");
}

/// Whether what a directory held before has no rule either.
bool is_served_whole(std::string_view path) {
  return path == kernel::sys_devices_path || path == kernel::sys_cgroup_path;
}

bool is_procfs_directory(const std::string& path) {
  struct statfs info {};
  return ::statfs(path.c_str(), &info) == 0 && info.f_type == PROC_SUPER_MAGIC;
}

}  // namespace

PathHints::PathHints(const std::vector<std::string>& ungranted, std::vector<std::string> told)
    : told_(std::move(told)) {
  std::sort(told_.begin(), told_.end());
  for (const std::string& path : ungranted) ungranted_.push_back(normalized(path));
  std::sort(ungranted_.begin(), ungranted_.end());
  for (const std::string& path : ungranted_) {
    const std::string directory = path.empty() ? "/" : path;
    if (is_procfs_directory(directory) || is_served_whole(path)) continue;
    std::error_code error;
    for (std::filesystem::directory_iterator entry(directory, error), end; !error && entry != end;
         entry.increment(error)) {
      std::string name = path + "/" + entry->path().filename().string();
      if (!is_in(ungranted_, name)) granted_.push_back(std::move(name));
    }
  }
  // Those too are the kernel's to answer, also where they appear later.
  for (const auto& refused : kernel::refused_sys_paths()) granted_.emplace_back(refused.path);
  std::sort(granted_.begin(), granted_.end());
}

bool PathHints::without_rule(std::string_view canonical) const {
  if (canonical == "/") canonical = {};
  // Nearly every path is below a top-level directory that has a rule.
  const std::size_t top = std::min(canonical.find('/', 1), canonical.size());
  if (is_in(granted_, canonical.substr(0, top))) return false;
  // Down from the root while the directories have no rule; the first entry that is none of them decides.
  std::size_t end = 0;
  while (is_in(ungranted_, canonical.substr(0, end))) {
    if (end >= canonical.size()) return true;
    end = std::min(canonical.find('/', end + 1), canonical.size());
    if (is_in(granted_, canonical.substr(0, end))) return false;
    if (end == canonical.size()) return true;
    if (!is_in(ungranted_, canonical.substr(0, end))) return true;
  }
  return false;
}

bool PathHints::is_told(std::string_view canonical) const { return is_in(told_, canonical); }

bool PathHints::may_be_told(std::string_view relative) const {
  const auto last_name = [](std::string_view path) { return path.substr(path.rfind('/') + 1); };
  return std::any_of(told_.begin(), told_.end(),
                     [&](const std::string& path) { return last_name(path) == last_name(relative); });
}

bool PathHints::canonical_may_need_service(std::string_view path) const {
  return leads_to_procfs(path) || may_be_of_sys(path) || is_told(path) || without_rule(path);
}

bool PathHints::may_need_service(std::string_view path) const {
  if (path.empty()) return false;
  const Shape shape = shape_of(path);
  if (shape.names_proc) return true;
  if (path.front() != '/') return shape.names_link;
  if (shape.canonical) return canonical_may_need_service(path);
  // The raw beginning counts too: /dev/fd/../../1 leaves /dev by way of procfs.
  if (leads_to_procfs(path)) return true;
  const std::string text = normalized(path);
  return canonical_may_need_service(text.empty() ? std::string_view("/") : std::string_view(text));
}

bool PathHints::may_need_service(pid_t tid, int dirfd, std::string_view path) const {
  if (path.empty()) return false;
  if (path.front() == '/' || may_need_service(path)) return may_need_service(path);
  std::array<char, PATH_MAX> buffer{};
  const ssize_t length = ::readlink(task_directory_path(tid, dirfd).c_str(), buffer.data(), buffer.size());
  if (length <= 0) return true;
  const std::string_view start(buffer.data(), static_cast<std::size_t>(length));
  if (start.front() != '/') return true;
  if (shape_of(start).names_proc) return true;
  if (may_be_told(path)) return may_need_service(std::string(start).append("/").append(path));
  // The common case without an allocation: a start that has a rule, and a path that does not climb.
  if (start != "/" && path.find("..") == std::string_view::npos) return canonical_may_need_service(start);
  return may_need_service(std::string(start) + "/" + std::string(path));
}

}  // namespace proctor::procfs
