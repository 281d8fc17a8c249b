#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "kernel/result.hpp"
#include "kernel/unique_fd.hpp"

namespace proctor::launch {

/// Puts something at each of the descriptors 0, 1, 2 that the caller left closed, so that none of ours takes
/// such a number. Close-on-exec: CMD finds them closed as it should.
[[nodiscard]] kernel::Result<void> guard_standard_descriptors();

/// The same for a program that has no CMD: what was closed is /dev/null, and may be read and written as ever.
/// To be called before anything else is opened.
[[nodiscard]] kernel::Result<void> open_closed_standard_streams();

/// What a process beside the target does with standard error.
enum class StandardError {
  keep,            ///< until it has said what it may have to say
  drop_if_shared,  ///< a pipe or socket becomes /dev/null: its reader waits for the last holder to close it
};

/// Lets go of all that was inherited from the caller: standard input and output become /dev/null, every
/// other descriptor but those of `keep` is closed, the working directory becomes /. What CMD's caller
/// gave to CMD is then held by CMD alone: its pipes see their end, its locks and file systems their release.
[[nodiscard]] kernel::Result<void> let_go_of_inheritance(StandardError standard_error, std::vector<int> keep);

/// Where a process that let go of its inheritance says the one line it may have to say.
///
/// A standard error that is a terminal or a file is simply kept. A pipe is held by an O_PATH descriptor,
/// which does not count as a writer, and can be opened again to write while somebody still reads.
class UserMessages {
 public:
  /// Writes "proctor: LINE\n" to where standard error is, or was. Never blocks for ever, never a signal.
  void say(std::string_view line) const;

  /// Lets go of a standard error that is a pipe or a socket.
  void let_go();

  /// Takes a pipe that was let go of back, so that say() reaches its reader. To be called before the last
  /// other writer is ended: a reader that has seen the end of file is usually gone.
  void take_back();

  /// The descriptor that let_go_of_inheritance must keep open for this; -1: none.
  [[nodiscard]] int fd() const noexcept { return pipe_.get(); }

  /// Looks at what standard error is. To be called before let_go_of_inheritance.
  [[nodiscard]] static UserMessages at_standard_error();

 private:
  kernel::UniqueFd pipe_;  ///< O_PATH on standard error's pipe
  bool shared_ = false;    ///< a pipe or a socket
  bool let_go_ = false;
};

}  // namespace proctor::launch
