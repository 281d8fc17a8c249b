#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "procfs/view.hpp"

namespace proctor::procfs {

/// Makes the text of one virtual file. `host` is what the kernel shows in that file at this moment, empty
/// when it has no such file.
using Generator = std::string (*)(const View& view, std::string_view host);

/// When a file says something else than the host's: bits, any of which suffices.
namespace told {
inline constexpr unsigned always = 1;
inline constexpr unsigned memory = 2;     ///< where memory is limited
inline constexpr unsigned cpus = 4;       ///< where CPUs are
inline constexpr unsigned processes = 8;  ///< where processes are
inline constexpr unsigned hostname = 16;  ///< where a host name is stated
inline constexpr unsigned cgroup = memory | cpus | processes;
}  // namespace told

/// One file that the sandbox reads from its supervisor, not from the kernel.
struct VirtualFile {
  /// Absolute. "/proc/PID/..." stands for every process of the sandbox and for each of its threads,
  /// "/proc/PID/task/TID/..."; FD for every descriptor. sys_row_path() says what stands for several files of
  /// /sys.
  std::string_view path;
  Generator generate = nullptr;
  /// Otherwise the kernel's own file is passed on, which can be polled and read again by any means.
  unsigned when = told::always;
  /// What of the view the text depends on.
  ViewDetail detail = ViewDetail::plain;
  std::string_view readers;  ///< who reads it, for docs/procfs.md
  std::string_view mirrors;  ///< the kernel function whose format it follows
};

/// Every virtual file, in the order of docs/procfs.md.
[[nodiscard]] std::span<const VirtualFile> virtual_files();

/// The row of an absolute path: in "/proc/PID/..." the process is spelt "PID", a thread "TID", a descriptor
/// "FD". Null: none.
[[nodiscard]] const VirtualFile* find_virtual_file(std::string_view path);

/// Whether a file is made, and not passed on, under these limits.
[[nodiscard]] bool is_told(const VirtualFile& file, const policy::StatedLimits& limits);

/// The virtual files off procfs and /sys/devices (where every path is looked at) that differ from the host's
/// under these limits: paths that must be looked at.
[[nodiscard]] std::vector<std::string> told_outside_procfs(const policy::StatedLimits& limits);

}  // namespace proctor::procfs
