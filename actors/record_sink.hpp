#pragma once

#include <spdlog/details/null_mutex.h>
#include <spdlog/sinks/base_sink.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "kernel/result.hpp"
#include "kernel/unique_fd.hpp"
#include "policy/settings.hpp"

namespace proctor::actors {

/// Where the record goes.
struct RecordFile {
  std::string path;  ///< "-": standard error
  std::uint64_t rotate_bytes = policy::rotate_bytes_default;
  std::uint32_t rotate_files = policy::rotate_files_default;  ///< older ones are deleted
};

/// Opens a record to write at its end, and makes it if there is none. Never waits.
[[nodiscard]] kernel::Result<kernel::UniqueFd> open_record(const std::string& path);

/// A spdlog sink that writes whole lines or nothing. Collects until flush.
///
/// Why not spdlog's rotating_file_sink? It writes through stdio, which on a full disk keeps half a line in
/// its buffer: the next one is then glued to it, and the record is no JSON any more. Here what was written
/// in part is taken back, and the lines that were lost are counted.
class RecordSink final : public spdlog::sinks::base_sink<spdlog::details::null_mutex> {
 public:
  explicit RecordSink(RecordFile file);

  /// Opens the file by its name, again if it was open. On failure it stays what it was.
  [[nodiscard]] kernel::Result<void> open();

  /// Lines that could not be written since the last time this was asked.
  [[nodiscard]] std::uint64_t take_lost();

 protected:
  void sink_it_(const spdlog::details::log_msg& message) override;
  /// Throws spdlog_ex with the reason when lines were lost.
  void flush_() override;

 private:
  using Deadline = std::chrono::steady_clock::time_point;

  /// How many bytes more the file may have before it is rotated.
  [[nodiscard]] std::uint64_t room() const;
  /// As many whole lines, of which the last has its newline too, as there is room for; one at least.
  [[nodiscard]] std::string_view part_that_fits(std::string_view lines) const;
  /// To a file of its own: all of these lines, or none.
  [[nodiscard]] kernel::Result<void> write_whole_lines(std::string_view lines, Deadline deadline);
  /// To what takes nothing back: a line that is there in part is finished before the next.
  [[nodiscard]] kernel::Result<void> append_to_stream(std::string_view lines, Deadline deadline);
  [[nodiscard]] kernel::Result<void> rotate();
  [[nodiscard]] std::string rotated_name(std::uint32_t number) const;

  RecordFile file_;
  kernel::UniqueFd fd_;
  std::uint64_t size_ = 0;
  /// A regular file, opened by its name: only such a one is rotated and takes back what was written in part.
  bool is_own_file_ = false;
  std::string collected_;
  std::string unfinished_;  ///< the rest of a line that is written in part
  bool stalled_ = false;    ///< who reads does not
  std::uint64_t lost_ = 0;
};

}  // namespace proctor::actors
