#include "kernel/file_text.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>

namespace proctor::kernel {

Result<std::string> read_all(const UniqueFd& fd, std::size_t bytes_max) {
  std::string text;
  std::array<char, 16384> piece;  // most files fit, and the text is then no longer than they are
  while (true) {
    const ssize_t got = ::read(fd.get(), piece.data(), piece.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return Error::last("read a file");
    if (got == 0) return text;
    text.append(piece.data(), static_cast<std::size_t>(got));
    if (text.size() > bytes_max) return Error{EFBIG, "read a file"};
  }
}

Result<std::string> read_all(const std::string& path, std::size_t bytes_max) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return Error::last("open " + path);
  auto text = read_all(fd, bytes_max);
  if (!text) return Error{text.error().number, "read " + path};
  return text;
}

}  // namespace proctor::kernel
