#include <algorithm>

#include "procfs/generators/generators.hpp"
#include "procfs/generators/text.hpp"

namespace proctor::procfs::generators {
namespace {

/// "name  : value", as most lines of /proc/cpuinfo.
struct Field {
  std::string_view name;
  std::string_view value;
};

Field field_of(std::string_view line) {
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos) return {};
  const std::size_t name_end = line.find_last_not_of(" \t", colon == 0 ? 0 : colon - 1) + 1;
  const std::size_t value = line.find_first_not_of(" \t", colon + 1);
  return {line.substr(0, std::min(name_end, colon)),
          value == std::string_view::npos ? std::string_view{} : line.substr(value)};
}

/// The line, with a number of CPUs that is not above the sandbox's.
std::string at_most(std::string_view line, const Field& field, std::uint64_t cpus) {
  const std::size_t start = line.size() - field.value.size();
  const std::uint64_t told = number(field.value).value_or(cpus);
  return std::string(line.substr(0, start)) + std::to_string(std::min(told, cpus));
}

/// For each column of a table's header ("CPU0 CPU1 ..."), whether it is one of the sandbox's. Empty: no
/// header.
std::vector<bool> columns_of(const View& view, std::string_view header) {
  std::vector<bool> kept;
  for (const std::string_view word : words(header)) {
    if (!word.starts_with("CPU")) return {};
    kept.push_back(has_cpu(view, word.substr(3)));
  }
  return kept;
}

/// "CPU%-8d" for each column that is kept.
std::string header_of(std::string_view header, const std::vector<bool>& kept) {
  std::string text(header.substr(0, header.find("CPU")));
  std::size_t column = 0;
  for (const std::string_view word : words(header)) {
    if (!kept[column++]) continue;
    text += word;
    text.append(11 - std::min<std::size_t>(word.size(), 11), ' ');
  }
  return text + "\n";
}

/// How many characters the count at the start of `text` takes, with the blanks before it; 0: there is none.
std::size_t count_width(std::string_view text) {
  const std::size_t start = text.find_first_not_of(' ');
  if (start == std::string_view::npos) return 0;
  const std::size_t end = std::min(text.find_first_not_of("0123456789", start), text.size());
  const bool is_word = end == text.size() || text[end] == ' ';
  return end > start && is_word ? end : 0;
}

/// A row: "LABEL:", a count for each column, and what the kernel says about it. Empty for any other line.
std::string row_of_zeros(std::string_view line, const std::vector<bool>& kept) {
  const std::size_t label = line.find(':') + 1;
  if (label == 0) return {};
  std::string_view rest = line.substr(label);
  const std::size_t first_width = count_width(rest);
  std::string zeros;
  std::size_t column = 0;
  for (; column < kept.size(); ++column) {
    const std::size_t width = count_width(rest);
    if (width == 0) break;
    // The first column's width says where the counts begin, whichever CPU's comes first.
    if (kept[column]) append_right(zeros, "0", zeros.empty() ? first_width : width);
    rest.remove_prefix(width);
  }
  if (column == 1 && kept.size() > 1 && words(rest).empty()) {  // one count for the machine: ERR, MIS
    zeros.clear();
    append_right(zeros, "0", first_width);
  } else if (column < kept.size() || count_width(rest) != 0) {
    return {};
  }
  return std::string(line.substr(0, label)) + zeros + std::string(rest) + "\n";
}

}  // namespace

std::string cpuinfo(const View& view, std::string_view host) {
  if (view.all_cpus) return std::string(host);
  std::string text;
  std::string block;
  bool kept = true;  // also a block that is no CPU's, as at the end on arm
  for (const std::string_view line : lines(host)) {
    const Field field = field_of(line);
    if (field.name == "processor") kept = has_cpu(view, field.value);
    if (field.name == "siblings" || field.name == "cpu cores") {
      block += at_most(line, field, view.cpus.size());
    } else {
      block += line;
    }
    block += '\n';
    if (!line.empty()) continue;
    if (kept) text += block;
    block.clear();
    kept = true;
  }
  return kept ? text + block : text;
}

std::string counters_by_cpu(const View& view, std::string_view host) {
  std::string text;
  std::vector<bool> kept;
  for (const std::string_view line : lines(host)) {
    if (!kept.empty()) {
      text += row_of_zeros(line, kept);
      continue;
    }
    kept = columns_of(view, line);
    if (!kept.empty()) text += header_of(line, kept);
  }
  return text;
}

std::string schedstat(const View& view, std::string_view host) {
  std::string text;
  for (const std::string_view line : lines(host)) {
    const auto fields = words(line);
    if (fields.empty()) continue;
    if (fields[0] == "version" || fields[0] == "timestamp") {
      text += std::string(line) + "\n";
    } else if (fields[0].starts_with("cpu") && has_cpu(view, fields[0].substr(3))) {
      text += fields[0];
      for (std::size_t i = 1; i < fields.size(); ++i) text += " 0";
      text += '\n';
    }
  }
  return text;
}

std::string cpu_list(const View& view, std::string_view host) {
  return view.all_cpus ? std::string(host) : ranges_of(view.cpus) + "\n";
}

std::string offline_cpus(const View& view, std::string_view host) {
  return view.all_cpus ? std::string(host) : "\n";
}

}  // namespace proctor::procfs::generators
