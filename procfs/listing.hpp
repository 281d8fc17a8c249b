#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string_view>
#include <vector>

#include "kernel/result.hpp"
#include "kernel/unique_fd.hpp"
#include "procfs/members.hpp"

namespace proctor::procfs {

/// The two layouts of directory entries: getdents(2).
enum class DirentLayout : std::uint8_t {
  legacy,    ///< getdents: struct linux_dirent, d_type in the last byte
  dirent64,  ///< getdents64
};

/// At most so much is returned by one call, however much room there is: a shorter answer is always legal.
inline constexpr std::size_t listing_bytes_max = std::size_t{1} << 20U;

/// Answers one getdents call on the root of a procfs: the next entries of `directory` without the
/// processes outside the sandbox, at most `room` bytes, in `layout`.
///
/// `directory` is a duplicate of the target's own open file (pidfd_getfd), so the position in it *is*
/// the listing's state: seek, rewind, dup and fork behave as the kernel's because they are the
/// kernel's. The position moves exactly past the last entry returned. Empty: the end. EINVAL:
/// `room` is too small for the next entry; the position stays. Two threads that list one open file at the
/// same time may see an entry twice: the kernel's lock of the position is not ours to hold.
[[nodiscard]] kernel::Result<std::vector<std::byte>> list_members(const kernel::UniqueFd& directory,
                                                                  std::size_t room, DirentLayout layout,
                                                                  Members& members);

/// The same for any directory: the entries whose names `is_shown` accepts.
[[nodiscard]] kernel::Result<std::vector<std::byte>> list_shown(
    const kernel::UniqueFd& directory, std::size_t room, DirentLayout layout,
    const std::function<bool(std::string_view)>& is_shown);

/// The same for a directory that shows nothing but made-up regular files. The call at the beginning returns
/// all `names`, the next one the end. EINVAL: `room` is too small for all of them.
[[nodiscard]] kernel::Result<std::vector<std::byte>> list_made_up(const kernel::UniqueFd& directory,
                                                                  std::size_t room, DirentLayout layout,
                                                                  std::span<const std::string_view> names);

}  // namespace proctor::procfs
