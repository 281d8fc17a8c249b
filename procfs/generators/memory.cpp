#include <algorithm>
#include <array>
#include <limits>
#include <optional>

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

std::uint64_t kib_per_page(const View& view) { return std::max(view.page_bytes / 1024U, 1U); }

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

/// Whether a row of vmstat says how much there is of something, as meminfo does. All others count what the
/// machine has done.
bool is_gauge(std::string_view name) {
  constexpr std::array<std::string_view, 7> counters = {"nr_dirtied",
                                                        "nr_foll_pin_acquired",
                                                        "nr_foll_pin_released",
                                                        "nr_throttled_written",
                                                        "nr_vmscan_write",
                                                        "nr_vmscan_immediate_reclaim",
                                                        "nr_written"};
  return name.starts_with("nr_") && !name.starts_with("nr_tlb_") &&
         std::ranges::find(counters, name) == counters.end();
}

bool is_zone_heading(const std::vector<std::string_view>& fields) {
  return fields.size() >= 4 && fields[0] == "Node" && fields[2] == "zone";
}

/// A zone, as its heading names it. All of the memory that is stated lies in one.
struct Zone {
  std::string_view node;  ///< "0,"
  std::string_view name;  ///< "Normal"
  std::uint64_t pages = 0;
};

/// The zone of zoneinfo that has most pages.
Zone largest_zone(std::string_view zoneinfo) {
  Zone here;
  Zone largest;
  for (const std::string_view line : lines(zoneinfo)) {
    const auto fields = words(line);
    if (is_zone_heading(fields)) here = {fields[1], fields[3]};
    if (fields.size() == 2 && fields[0] == "managed") here.pages = number(fields[1]).value_or(0);
    if (here.pages > largest.pages) largest = here;
  }
  return largest;
}

/// How many pages a line of buddyinfo has free: its counts are of blocks of 1, 2, 4, ... pages.
std::uint64_t free_pages_of(const std::vector<std::string_view>& fields) {
  std::uint64_t pages = 0;
  for (std::size_t i = 4; i < fields.size(); ++i) pages += number(fields[i]).value_or(0) << (i - 4);
  return pages;
}

/// What a line of zoneinfo's tells of a zone that has all of `memory`; nothing: 0.
std::optional<std::uint64_t> told_of_zone(const Memory& memory, const std::vector<std::string_view>& fields) {
  if (fields[0] == "pages" && fields.size() == 3) return memory.free;
  if (fields.size() != 2) return std::nullopt;
  if (fields[0] == "nr_free_pages") return memory.free;
  if (fields[0] == "spanned" || fields[0] == "present" || fields[0] == "managed") return memory.total;
  return std::nullopt;
}

/// Whether a line of zoneinfo says how much memory there is.
bool is_zone_gauge(const std::vector<std::string_view>& fields) {
  constexpr std::array<std::string_view, 8> names = {"boost",   "min",     "low",     "high",
                                                     "spanned", "present", "managed", "cma"};
  if (fields[0] == "pages") return fields.size() == 3;
  return fields.size() == 2 && (is_gauge(fields[0]) || std::ranges::find(names, fields[0]) != names.end());
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
  const std::uint64_t page_kb = kib_per_page(view);
  std::string text;
  for (const std::string_view line : lines(host)) {
    const auto fields = words(line);
    if (fields.size() != 2 || !number(fields[1])) continue;
    if (!view.limits.memory_bytes && is_gauge(fields[0])) {
      text += std::string(line) + "\n";
    } else {
      text += std::string(fields[0]) + " " + std::to_string(told_of(memory, fields[0]) / page_kb) + "\n";
    }
  }
  return text;
}

std::string node_vmstat(const View& view, std::string_view host) {
  // Which node it is, the text does not say: where there are several, none tells its share.
  return view.node_memory.size() > 1 ? no_counts(view, host) : vmstat(view, host);
}

std::string buddyinfo(const View& view, std::string_view host) {
  if (!view.limits.memory_bytes) return std::string(host);
  const auto all = lines(host);
  std::size_t largest = all.size();
  for (std::size_t i = 0, most = 0; i < all.size(); ++i) {
    const auto fields = words(all[i]);
    if (!is_zone_heading(fields)) continue;
    const auto pages = free_pages_of(fields);
    if (largest < i && pages <= most) continue;
    largest = i;
    most = pages;
  }
  const Memory memory = memory_of(view, std::numeric_limits<std::uint64_t>::max());
  std::string text;
  for (std::size_t i = 0; i < all.size(); ++i) {
    const auto fields = words(all[i]);
    if (!is_zone_heading(fields)) continue;
    text += "Node " + std::string(fields[1]) + " zone ";
    append_right(text, fields[3], 8);
    text += ' ';
    // As few blocks as there can be: of the largest size as many as fit, of each other one or none.
    const std::size_t orders = fields.size() - 4;
    const std::uint64_t pages = i == largest ? memory.free / kib_per_page(view) : 0;
    for (std::size_t order = 0; order < orders; ++order) {
      append_right(text, order + 1 < orders ? (pages >> order) & 1U : pages >> order, 6);
      text += ' ';
    }
    text += '\n';
  }
  return text;
}

std::string zoneinfo(const View& view, std::string_view host) {
  const Zone own = largest_zone(host);
  const Memory memory = memory_of(view, std::numeric_limits<std::uint64_t>::max());
  std::string text;
  Zone here;
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
    const bool is_heading = is_zone_heading(fields) && fields.size() == 4;
    if (is_heading) here = {fields[1], fields[3]};
    std::string told = starts_page_set || is_heading ? std::string(line) : with_zeros(line);
    if (!view.limits.memory_bytes && !in_page_set && !fields.empty() && is_zone_gauge(fields)) told = line;
    if (view.limits.memory_bytes && here.node == own.node && !fields.empty()) {
      auto kib = here.name == own.name ? told_of_zone(memory, fields) : std::nullopt;
      // What a node tells stands below its first zone.
      if (!kib && fields.size() == 2 && fields[0] != "nr_free_pages") kib = told_of(memory, fields[0]);
      if (kib && *kib != 0)
        told = with_word(line, fields.size() - 1, std::to_string(*kib / kib_per_page(view)));
    }
    text += told + "\n";
  }
  return text;
}

}  // namespace proctor::procfs::generators
