#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>

#include "kernel/result.hpp"
#include "kernel/unique_fd.hpp"

namespace proctor::kernel {

/// Opens a file to write at its end, and makes it, with mode 0600, if there is none. Never waits: a FIFO that
/// nobody reads is ENXIO.
[[nodiscard]] Result<UniqueFd> open_at_end(const std::string& path);

/// How far a write came.
struct Written {
  std::size_t bytes = 0;
  int error = 0;  ///< errno of what ended it early; EAGAIN: nobody took the rest in time
};

/// Writes `bytes`, waiting until `deadline` at most for whoever reads a pipe, a socket or a terminal. With a
/// deadline that has passed it writes what can be written without a wait. Whole lines of up to PIPE_BUF bytes
/// are not torn. A regular file, for which nobody waits, is written in one piece.
///
/// A descriptor that blocks can still be filled by somebody else between the look at it and the write.
[[nodiscard]] Written write_within(int fd, std::string_view bytes,
                                   std::chrono::steady_clock::time_point deadline);

/// Writes `line` and its newline to standard error, for a person to read. That it cannot be written is no
/// reason to stop: nothing is thrown, returned or signalled (SIGPIPE), and a reader that does not read is
/// waited for a moment only.
void say(std::string_view line);

}  // namespace proctor::kernel
