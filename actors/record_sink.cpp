#include "actors/record_sink.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <spdlog/common.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <utility>

namespace proctor::actors {

kernel::Result<kernel::UniqueFd> open_record(const std::string& path) {
  // O_NONBLOCK: a FIFO that nobody reads is an error, not a wait.
  kernel::UniqueFd fd{
      ::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0600)};
  if (!fd) return kernel::Error::last("open the record " + path);
  return fd;
}

RecordSink::RecordSink(RecordFile file) : file_(std::move(file)) {}

kernel::Result<void> RecordSink::open() {
  if (file_.path == "-") {
    if (!fd_) fd_.reset(::fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0));
    if (!fd_) return kernel::Error::last("use standard error");
    return {};
  }
  auto fd = open_record(file_.path);
  if (!fd) return fd.error();
  struct stat status {};
  if (::fstat(fd->get(), &status) != 0) return kernel::Error::last("open the record " + file_.path);
  fd_ = *std::move(fd);
  size_ = static_cast<std::uint64_t>(status.st_size);
  is_own_file_ = S_ISREG(status.st_mode);
  return {};
}

std::uint64_t RecordSink::take_lost() { return std::exchange(lost_, 0); }

void RecordSink::sink_it_(const spdlog::details::log_msg& message) {
  collected_.append(message.payload.data(), message.payload.size());
  collected_ += '\n';
}

void RecordSink::flush_() {
  const std::string lines = std::exchange(collected_, {});
  kernel::Result<void> result;
  for (std::size_t at = 0; at < lines.size();) {
    // As many whole lines as fit into the file; one at least.
    const std::uint64_t room =
        is_own_file_ ? file_.rotate_bytes - std::min(size_, file_.rotate_bytes) : lines.size();
    auto end = at;
    for (auto next = lines.find('\n', at); next != std::string::npos && (end == at || next + 1 - at <= room);
         next = lines.find('\n', next + 1))
      end = next + 1;
    if (is_own_file_ && size_ > 0 && end - at > room) {
      // On failure the file grows over its size: better than a lost line.
      if (auto rotated = rotate(); rotated) continue;
    }
    const std::string_view part = std::string_view(lines).substr(at, end - at);
    if (auto written = write(part); !written) {
      lost_ += static_cast<std::uint64_t>(std::count(part.begin(), part.end(), '\n'));
      result = written;
    }
    at = end;
  }
  if (!result) throw spdlog::spdlog_ex(result.error().message());
}

kernel::Result<void> RecordSink::write(std::string_view lines) {
  std::size_t done = 0;
  while (done < lines.size()) {
    const auto count = ::write(fd_.get(), lines.data() + done, lines.size() - done);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) {
      const auto error = kernel::Error::last("write the record");
      // What is there of a line that is not whole must not meet the next one. A terminal or a pipe cannot
      // take anything back; nor can it be full.
      if (is_own_file_ && done > 0 && ::ftruncate(fd_.get(), static_cast<off_t>(size_)) != 0) size_ += done;
      return error;
    }
    done += static_cast<std::size_t>(count);
  }
  size_ += done;
  return {};
}

kernel::Result<void> RecordSink::rotate() {
  for (auto number = file_.rotate_files; number > 0; --number) {
    const auto from = number == 1 ? file_.path : rotated_name(number - 1);
    if (::rename(from.c_str(), rotated_name(number).c_str()) != 0 && errno != ENOENT)
      return kernel::Error::last("rotate the record " + from);
  }
  if (file_.rotate_files == 0 && ::unlink(file_.path.c_str()) != 0 && errno != ENOENT)
    return kernel::Error::last("rotate the record " + file_.path);
  return open();
}

std::string RecordSink::rotated_name(std::uint32_t number) const {
  const std::filesystem::path path{file_.path};
  auto name = path.stem().native() + "." + std::to_string(number) + path.extension().native();
  return (path.parent_path() / name).native();
}

}  // namespace proctor::actors
