#pragma once

#include <sys/types.h>

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace proctor::procfs {

/// What is refused of a file of procfs that belongs to nobody, or of writing to a member's own.
struct FileRule {
  std::string_view name;
  int error = 0;  ///< 0: allowed
  const char* reason = "";
};

/// Files of procfs' root that no sandboxed process may open, whatever it is allowed on disk.
[[nodiscard]] std::span<const FileRule> refused_system_files();

/// What may be written in a member's own directory; a name that is not listed is EACCES.
[[nodiscard]] std::span<const FileRule> own_file_writes();

/// Judges the use of a located file: `names` from the root of procfs, `group` the member it belongs to or 0.
[[nodiscard]] FileRule judge_use(const std::vector<std::string>& names, pid_t group, bool writing);

/// Whether what this file of the system shows depends on a namespace of its *opener* that the target does not
/// share with the calling thread: it must then not be opened on the target's behalf.
[[nodiscard]] bool shows_another_namespace(const std::vector<std::string>& names, pid_t tid);

}  // namespace proctor::procfs
