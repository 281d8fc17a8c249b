#include "kernel/cpus.hpp"

#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>
#include <system_error>

namespace proctor::kernel {
namespace {

// The raw calls: the kernel takes and gives as many bits as there are CPUs, which cpu_set_t has no room for.
// On x86-64 the longs of a mask are its bytes in order.
using Mask = std::array<std::byte, cpu_mask_bytes_max>;
constexpr unsigned cpus_max = 8 * cpu_mask_bytes_max;

/// One "a" or "a-b" of a list of CPUs.
void append_range(std::string_view range, std::vector<unsigned>& cpus) {
  const char* const end = range.data() + range.size();
  std::uint64_t first = 0;
  const auto [stop, error] = std::from_chars(range.data(), end, first);
  if (error != std::errc{}) return;
  std::uint64_t last = first;
  if (stop != end && *stop == '-') std::from_chars(stop + 1, end, last);
  for (auto cpu = first; cpu <= last && cpu < cpus_max; ++cpu) cpus.push_back(static_cast<unsigned>(cpu));
}

/// The numbers of the entries "nodeN" of a directory.
std::set<unsigned> nodes_in(const std::string& directory) {
  constexpr std::string_view prefix = "node";
  std::set<unsigned> nodes;
  std::error_code error;
  std::filesystem::directory_iterator entry(directory, error);
  for (; !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    if (!name.starts_with(prefix)) continue;
    const char* const end = name.data() + name.size();
    unsigned node = 0;
    const auto [stop, failed] = std::from_chars(name.data() + prefix.size(), end, node);
    if (failed == std::errc{} && stop == end) nodes.insert(node);
  }
  return nodes;
}

}  // namespace

Result<std::vector<unsigned>> allowed_cpus(pid_t tid) {
  Mask mask{};
  const long bytes = ::syscall(SYS_sched_getaffinity, tid, sizeof mask, mask.data());
  if (bytes < 0) return Error::last("sched_getaffinity");
  return cpus_in_mask(std::span{mask}.first(static_cast<std::size_t>(bytes)));
}

Result<void> set_allowed_cpus(pid_t tid, std::span<const unsigned> cpus) {
  Mask mask{};
  for (const unsigned cpu : cpus)
    if (cpu < cpus_max) mask[cpu / 8] |= std::byte{1} << (cpu % 8);
  if (::syscall(SYS_sched_setaffinity, tid, sizeof mask, mask.data()) != 0)
    return Error::last("sched_setaffinity");
  return {};
}

std::vector<unsigned> cpus_in_mask(std::span<const std::byte> mask) {
  std::vector<unsigned> cpus;
  for (unsigned cpu = 0; cpu < 8 * mask.size(); ++cpu)
    if ((mask[cpu / 8] >> (cpu % 8) & std::byte{1}) != std::byte{0}) cpus.push_back(cpu);
  return cpus;
}

std::vector<unsigned> online_cpus() {
  std::ifstream file("/sys/devices/system/cpu/online");
  std::string list;
  std::getline(file, list);
  auto cpus = parse_cpu_list(list);
  if (cpus.empty())  // no /sys here
    for (long cpu = 0; cpu < ::sysconf(_SC_NPROCESSORS_ONLN); ++cpu)
      cpus.push_back(static_cast<unsigned>(cpu));
  return cpus;
}

std::vector<unsigned> parse_cpu_list(std::string_view list) {
  std::vector<unsigned> cpus;
  while (!list.empty()) {
    const std::string_view range = list.substr(0, list.find(','));
    list.remove_prefix(std::min(range.size() + 1, list.size()));
    append_range(range, cpus);
  }
  return cpus;
}

std::vector<unsigned> nodes_of(std::span<const unsigned> cpus) {
  std::set<unsigned> nodes;
  // A link to the node lies in the directory of each of its CPUs.
  for (const unsigned cpu : cpus) nodes.merge(nodes_in("/sys/devices/system/cpu/cpu" + std::to_string(cpu)));
  return {nodes.begin(), nodes.end()};
}

std::map<unsigned, std::uint64_t> memory_of_nodes() {
  const std::string directory = "/sys/devices/system/node";
  std::map<unsigned, std::uint64_t> memory;
  for (const unsigned node : nodes_in(directory)) {
    std::ifstream meminfo(directory + "/node" + std::to_string(node) + "/meminfo");
    std::uint64_t total_kb = 0;
    for (std::string word; meminfo >> word;)
      if (word == "MemTotal:" && meminfo >> total_kb) memory[node] = total_kb;
  }
  return memory;
}

}  // namespace proctor::kernel
