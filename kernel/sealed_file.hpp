#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "kernel/result.hpp"
#include "kernel/unique_fd.hpp"

namespace proctor::kernel {

/// A file that holds `text` and that nobody, its holder included, can change: a sealed memfd, opened for
/// reading, at its beginning, mode 0444. `name` (249 bytes at most) is what readlink shows of a descriptor of
/// it. EMFILE, ENOMEM: as memfd_create(2) says.
[[nodiscard]] Result<UniqueFd> make_sealed_file(const std::string& name, std::string_view text);

/// The name of a sealed file (or any other memfd) that thread `tid` has as descriptor `fd`; empty: it is no
/// memfd.
[[nodiscard]] std::string memfd_name(int tid, int fd);

/// A memfd that a process holds.
struct HeldFile {
  std::uint64_t inode = 0;
  std::uint64_t bytes = 0;
};

/// The memfds that process `tgid` holds, as descriptors or as maps, and whose names begin with `prefix`. One
/// that it holds in several ways is listed several times. What cannot be looked at is left out.
[[nodiscard]] std::vector<HeldFile> sealed_files_of(int tgid, std::string_view prefix);

/// What a sealed file with a text of that length takes of the kernel's memory, about: whole pages, and an
/// inode with its entry and its open file.
[[nodiscard]] std::uint64_t sealed_file_cost(std::uint64_t bytes);

/// Whether descriptor `fd` of thread `tid` closes at exec; true when that cannot be told.
[[nodiscard]] bool is_close_on_exec(int tid, int fd);

}  // namespace proctor::kernel
