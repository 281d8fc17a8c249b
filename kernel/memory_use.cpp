#include "kernel/memory_use.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <initializer_list>
#include <string>
#include <string_view>

#include "kernel/file_text.hpp"
#include "kernel/numbers.hpp"
#include "kernel/status_text.hpp"

namespace proctor::kernel {
namespace {

/// The sum of some lines "NAME:   number kB"; lines that are not there, of a kernel's thread for one, are 0.
std::uint64_t sum_of(std::string_view text, std::initializer_list<std::string_view> names) {
  constexpr std::string_view unit = " kB";
  constexpr std::uint64_t kibibyte = 1024;
  std::uint64_t bytes = 0;
  for (const auto name : names) {
    auto line = StatusText(text).line(name).value_or("");
    line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
    if (line.ends_with(unit)) line.remove_suffix(unit.size());
    if (std::uint64_t kib = 0; parse_number(line, kib)) bytes += kib * kibibyte;
  }
  return bytes;
}

}  // namespace

Result<std::uint64_t> read_resident_memory(pid_t pid) {
  const auto status = read_status(pid);
  if (!status) return status.error();
  return sum_of(*status, {"RssAnon", "RssShmem"});
}

Result<std::uint64_t> read_proportional_memory(pid_t pid) {
  constexpr std::size_t bytes_max = 16384;
  const auto rollup = read_all(fmt::format("/proc/{}/smaps_rollup", pid), bytes_max);
  if (!rollup) return rollup.error();
  return sum_of(*rollup, {"Pss_Anon", "Pss_Shmem"});
}

}  // namespace proctor::kernel
