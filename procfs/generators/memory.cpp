#include <algorithm>
#include <array>
#include <limits>

#include "procfs/generators/generators.hpp"
#include "procfs/generators/text.hpp"

namespace proctor::procfs::generators {
namespace {

/// The sandbox's memory, in KiB; nothing of it is a cache.
struct Memory {
  std::uint64_t total = 0;
  std::uint64_t used = 0;
  std::uint64_t free = 0;
};

Memory memory_of(const View& view, std::uint64_t host_total_kb) {
  constexpr std::uint64_t kibibyte = 1024;
  const std::uint64_t total = std::min(view.limits.memory_bytes.value_or(0) / kibibyte, host_total_kb);
  const std::uint64_t used = std::min(view.usage.anonymous_bytes / kibibyte, total);
  return {total, used, total - used};
}

/// A line that tells of the sandbox's memory; one that has no row here is 0.
struct MemoryRow {
  std::string_view name;
  std::uint64_t Memory::*value;
};
constexpr std::array memory_rows = {
    MemoryRow{"MemTotal", &Memory::total},     MemoryRow{"MemFree", &Memory::free},
    MemoryRow{"MemAvailable", &Memory::free},  MemoryRow{"Active", &Memory::used},
    MemoryRow{"Active(anon)", &Memory::used},  MemoryRow{"AnonPages", &Memory::used},
    MemoryRow{"CommitLimit", &Memory::total},  MemoryRow{"Committed_AS", &Memory::used},
    MemoryRow{"nr_free_pages", &Memory::free}, MemoryRow{"nr_active_anon", &Memory::used},
    MemoryRow{"nr_anon_pages", &Memory::used}, MemoryRow{"MemUsed", &Memory::used},
};

std::uint64_t told_of(const Memory& memory, std::string_view name) {
  const auto row = std::find_if(memory_rows.begin(), memory_rows.end(),
                                [&](const MemoryRow& r) { return r.name == name; });
  return row == memory_rows.end() ? 0 : memory.*(row->value);
}

/// What says how the machine is built, not how it is used.
bool is_constant(std::string_view name) {
  constexpr std::array names = {std::string_view{"Hugepagesize"}, std::string_view{"Hugetlb"},
                                std::string_view{"VmallocTotal"}, std::string_view{"HardwareCorrupted"}};
  return name.starts_with("HugePages_") || name.starts_with("DirectMap") ||
         std::find(names.begin(), names.end(), name) != names.end();
}

/// "Name:  number kB". `name` is empty for any other line.
struct MemoryLine {
  std::string_view name;
  std::uint64_t value = 0;
  bool has_unit = false;
};

MemoryLine parse(std::string_view line) {
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos) return {};
  const auto values = words(line.substr(colon + 1));
  const bool has_unit = values.size() == 2 && values[1] == "kB";
  if (values.size() != (has_unit ? 2U : 1U)) return {};
  const auto value = number(values[0]);
  if (!value) return {};
  return {line.substr(0, colon), *value, has_unit};
}

/// show_val_kb(): the name padded to 16 characters, then the number in 8. A longer name takes from the
/// number.
std::string show(const MemoryLine& line) {
  constexpr std::size_t name_width = 16;
  constexpr std::size_t line_width = 24;
  std::string text = std::string(line.name) + ":";
  text.append(std::max(name_width, text.size() + 1) - text.size(), ' ');
  append_right(text, line.value, line_width - std::min(line_width, text.size()));
  return text + (line.has_unit ? " kB\n" : "\n");
}

bool is_zone_heading(const std::vector<std::string_view>& fields) {
  return fields.size() >= 4 && fields[0] == "Node" && fields[2] == "zone";
}

}  // namespace

std::string meminfo(const View& view, std::string_view host) {
  if (!view.limits.memory_bytes) return std::string(host);
  const auto all = lines(host);
  std::uint64_t host_total_kb = std::numeric_limits<std::uint64_t>::max();
  for (const std::string_view line : all) {
    if (const MemoryLine parsed = parse(line); parsed.name == "MemTotal") host_total_kb = parsed.value;
  }
  const Memory memory = memory_of(view, host_total_kb);
  std::string text;
  for (const std::string_view line : all) {
    MemoryLine parsed = parse(line);
    if (parsed.name.empty()) continue;
    if (is_constant(parsed.name)) {
      text += std::string(line) + "\n";
    } else {
      parsed.value = told_of(memory, parsed.name);
      text += show(parsed);
    }
  }
  return text;
}

std::string swaps(const View& view, std::string_view host) {
  if (!view.limits.memory_bytes) return std::string(host);
  const std::size_t header_end = host.find('\n');
  return std::string(host.substr(0, header_end)) + (host.empty() ? "" : "\n");
}

std::string vmstat(const View& view, std::string_view host) {
  const Memory memory = memory_of(view, std::numeric_limits<std::uint64_t>::max());
  const std::uint64_t page_kb = std::max(view.page_bytes / 1024U, 1U);
  std::string text;
  for (const std::string_view line : lines(host)) {
    const auto fields = words(line);
    if (fields.size() != 2 || !number(fields[1])) continue;
    if (!view.limits.memory_bytes && fields[0] == "nr_free_pages") {
      text += std::string(line) + "\n";
    } else {
      text += std::string(fields[0]) + " " + std::to_string(told_of(memory, fields[0]) / page_kb) + "\n";
    }
  }
  return text;
}

std::string buddyinfo(const View& /*view*/, std::string_view host) {
  std::string text;
  for (const std::string_view line : lines(host)) {
    const auto fields = words(line);
    if (!is_zone_heading(fields)) continue;
    text += "Node " + std::string(fields[1]) + " zone ";
    append_right(text, fields[3], 8);
    text += ' ';
    for (std::size_t order = 4; order < fields.size(); ++order) text += "     0 ";
    text += '\n';
  }
  return text;
}

std::string zoneinfo(const View& view, std::string_view host) {
  std::string text;
  bool of_other_cpu = false;  // within the page set of a CPU that the sandbox does not have
  for (const std::string_view line : lines(host)) {
    const auto fields = words(line);
    const bool starts_page_set = fields.size() == 2 && fields[0] == "cpu:";
    const bool in_page_set = line.starts_with("          ") || line.starts_with("  vm stats threshold:");
    if (starts_page_set) {
      of_other_cpu = !has_cpu(view, fields[1]);
    } else if (!in_page_set) {
      of_other_cpu = false;
    }
    if (of_other_cpu) continue;
    const bool keeps_numbers = starts_page_set || (is_zone_heading(fields) && fields.size() == 4);
    text += (keeps_numbers ? std::string(line) : with_zeros(line)) + "\n";
  }
  return text;
}

}  // namespace proctor::procfs::generators
