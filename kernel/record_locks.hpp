#pragma once

#include <sys/types.h>

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "kernel/result.hpp"

namespace proctor::kernel {

/// A stretch of bytes, both ends included.
struct ByteRange {
  std::uint64_t first = 0;
  std::uint64_t last = to_the_end;

  static constexpr std::uint64_t to_the_end = std::numeric_limits<std::int64_t>::max();  ///< OFFSET_MAX

  bool operator==(const ByteRange&) const = default;
  [[nodiscard]] bool overlaps(const ByteRange& other) const noexcept {
    return first <= other.last && other.first <= last;
  }
};

/// One lock of fcntl(2) that is held, as /proc/locks shows it.
struct RecordLock {
  std::string file;  ///< device and inode, as the kernel prints them; of a file below an overlay that one's
  std::uint64_t inode = 0;
  bool exclusive = false;  ///< F_WRLCK
  pid_t holder = 0;        ///< -1: an open file's, not a process's
  ByteRange range;
};

/// The lines of a /proc/locks, without what waits for a lock, and without other kinds.
[[nodiscard]] std::vector<RecordLock> parse_record_locks(std::string_view text);

/// Those that are held now, of all files, in the kernel's order.
[[nodiscard]] Result<std::vector<RecordLock>> read_record_locks();

}  // namespace proctor::kernel
