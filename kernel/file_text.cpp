#include "kernel/file_text.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

namespace proctor::kernel {

Result<std::string> read_all(const UniqueFd& fd, std::size_t bytes_max) {
  constexpr std::size_t piece = 16384;
  std::string text;
  for (std::size_t size = 0;;) {
    text.resize(size + piece);
    const ssize_t got = ::read(fd.get(), text.data() + size, piece);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return Error::last("read a file");
    size += static_cast<std::size_t>(got);
    text.resize(size);
    if (got == 0) return text;
    if (size > bytes_max) return Error{EFBIG, "read a file"};
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
