#include "actors/record_sink.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <spdlog/common.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <limits>
#include <utility>

#include "kernel/bounded_write.hpp"

namespace proctor::actors {
namespace {

using std::chrono::steady_clock;

/// How long the reader of a pipe or a terminal may keep a batch waiting; what it has not taken then is lost.
constexpr std::chrono::milliseconds reader_patience{1000};

std::uint64_t lines_in(std::string_view text) {
  return static_cast<std::uint64_t>(std::count(text.begin(), text.end(), '\n'));
}

bool is_same_file(const kernel::UniqueFd& fd, const struct stat& other) {
  struct stat status {};
  return fd && ::fstat(fd.get(), &status) == 0 && status.st_dev == other.st_dev &&
         status.st_ino == other.st_ino;
}

}  // namespace

kernel::Result<kernel::UniqueFd> open_record(const std::string& path) {
  auto fd = kernel::open_at_end(path);
  if (!fd) return kernel::Error{fd.error().number, "open the record " + path};
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
  if (!is_same_file(fd_, status)) unfinished_.clear();
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
  const std::string collected = std::exchange(collected_, {});
  // Who has kept a batch waiting in vain is not waited for again before having taken a whole one.
  const auto deadline = steady_clock::now() + (stalled_ ? std::chrono::milliseconds{0} : reader_patience);
  kernel::Result<void> result;
  for (std::string_view lines = collected; !lines.empty();) {
    std::string_view part = part_that_fits(lines);
    // When it cannot be rotated the file grows over its size: better than a lost line.
    if (is_own_file_ && size_ > 0 && part.size() > room() && rotate()) part = part_that_fits(lines);
    if (auto written = is_own_file_ ? write_whole_lines(part, deadline) : append_to_stream(part, deadline);
        !written)
      result = written;
    lines.remove_prefix(part.size());
  }
  if (!result) throw spdlog::spdlog_ex(result.error().message());
}

std::uint64_t RecordSink::room() const {
  return is_own_file_ ? file_.rotate_bytes - std::min(size_, file_.rotate_bytes)
                      : std::numeric_limits<std::uint64_t>::max();
}

std::string_view RecordSink::part_that_fits(std::string_view lines) const {
  const auto most = room();
  auto end = lines.find('\n') + 1;
  for (auto next = lines.find('\n', end); next != std::string_view::npos && next < most;
       next = lines.find('\n', next + 1))
    end = next + 1;
  return lines.substr(0, end);
}

kernel::Result<void> RecordSink::write_whole_lines(std::string_view lines,
                                                   steady_clock::time_point deadline) {
  const auto done = kernel::write_within(fd_.get(), lines, deadline);
  size_ += done.bytes;
  if (done.error == 0) return {};
  // What is there of a line that is not whole must not meet the next one.
  const auto before = size_ - done.bytes;
  if (done.bytes > 0 && ::ftruncate(fd_.get(), static_cast<off_t>(before)) == 0) size_ = before;
  lost_ += lines_in(lines);
  return kernel::Error{done.error, "write the record"};
}

kernel::Result<void> RecordSink::append_to_stream(std::string_view lines, steady_clock::time_point deadline) {
  bool is_torn = !unfinished_.empty();
  const std::string bytes = std::exchange(unfinished_, {}).append(lines);
  const auto done = kernel::write_within(fd_.get(), bytes, deadline);
  stalled_ = done.error == EAGAIN;
  if (done.error == 0) return {};
  std::string_view rest = std::string_view(bytes).substr(done.bytes);
  if (done.bytes > 0) is_torn = bytes[done.bytes - 1] != '\n';
  if (is_torn) {
    unfinished_ = rest.substr(0, rest.find('\n') + 1);
    rest.remove_prefix(unfinished_.size());
  }
  if (rest.empty()) return {};
  lost_ += lines_in(rest);
  return kernel::Error{done.error, stalled_ ? "wait for who reads the record" : "write the record"};
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
