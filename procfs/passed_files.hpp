#pragma once

#include <span>
#include <string_view>

namespace proctor::procfs {

/// A file of /proc that is the kernel's own, and why a sandbox may read it.
struct PassedFile {
  /// As in VirtualFile; a slash at the end stands for all that is below and has no other row.
  std::string_view path;
  std::string_view reason;
};

/// What was looked at of each file that the kernel has, so that a new one is noticed. Decides nothing: what
/// is neither virtual nor refused is passed on.
[[nodiscard]] std::span<const PassedFile> passed_files();

/// Whether a file, spelt as VirtualFile::path, is virtual, refused, or passed on for a reason.
[[nodiscard]] bool is_decided(std::string_view path);

}  // namespace proctor::procfs
