#pragma once

#include <string>
#include <string_view>

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

/// Whether descriptor `fd` of thread `tid` closes at exec; true when that cannot be told.
[[nodiscard]] bool is_close_on_exec(int tid, int fd);

}  // namespace proctor::kernel
