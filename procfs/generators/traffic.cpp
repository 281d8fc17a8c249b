#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include "procfs/generators/generators.hpp"
#include "procfs/generators/own_sockets.hpp"
#include "procfs/generators/text.hpp"

namespace proctor::procfs::generators {
namespace {

/// What of snmp is a setting and no count.
bool is_setting(std::string_view name) {
  constexpr std::array names = {std::string_view{"Forwarding"},   std::string_view{"DefaultTTL"},
                                std::string_view{"RtoAlgorithm"}, std::string_view{"RtoMin"},
                                std::string_view{"RtoMax"},       std::string_view{"MaxConn"}};
  return std::find(names.begin(), names.end(), name) != names.end();
}

/// The line of numbers that belongs to a line of names.
std::string told_counts(const View& view, const std::vector<std::string_view>& names,
                        const std::vector<std::string_view>& values) {
  std::string text(values[0]);
  for (std::size_t i = 1; i < values.size() && i < names.size(); ++i) {
    text += ' ';
    if (is_setting(names[i])) {
      text += values[i];
    } else {
      text += names[i] == "CurrEstab" ? std::to_string(count_connections(view)) : "0";
    }
  }
  return text;
}

/// Every word of a line of hexadecimal numbers as zeros, but the one at `kept`.
std::string hexadecimal_zeros(std::string_view line, std::optional<std::size_t> kept = std::nullopt) {
  std::string text(line);
  const auto fields = words(line);
  for (std::size_t i = 0; i < fields.size(); ++i) {
    if (i == kept) continue;
    text.replace(static_cast<std::size_t>(fields[i].data() - line.data()), fields[i].size(), fields[i].size(),
                 '0');
  }
  return text;
}

bool has_cpu_hexadecimal(const View& view, std::string_view text) {
  unsigned cpu = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), cpu, 16);
  return error == std::errc{} && stop == text.data() + text.size() &&
         std::binary_search(view.cpus.begin(), view.cpus.end(), cpu);
}

}  // namespace

std::string traffic(const View& view, std::string_view host) {
  std::string text;
  std::vector<std::string_view> names;
  for (const std::string_view line : lines(host)) {
    const auto fields = words(line);
    if (fields.empty()) continue;
    if (!names.empty() && names[0] == fields[0]) {
      text += told_counts(view, names, fields) + "\n";
      names.clear();
    } else {
      text.append(line).append("\n");
      names = fields;
    }
  }
  return text;
}

std::string named_counts(const View& /*view*/, std::string_view host) {
  std::string text;
  for (const std::string_view line : lines(host)) {
    const std::size_t tab = line.rfind('\t');
    if (tab != std::string_view::npos) text.append(line.substr(0, tab)).append("\t0\n");
  }
  return text;
}

std::string softnet_stat(const View& view, std::string_view host) {
  // softnet_seq_show() (net/core/net-procfs.c); since 5.10 with the CPU's number.
  constexpr std::size_t cpu_column = 12;
  std::string text;
  std::size_t unnumbered = 0;
  for (const std::string_view line : lines(host)) {
    const auto fields = words(line);
    const bool numbered = fields.size() > cpu_column;
    if (numbered ? !has_cpu_hexadecimal(view, fields[cpu_column]) : unnumbered++ >= view.cpus.size())
      continue;
    text += hexadecimal_zeros(line, numbered ? std::optional(cpu_column) : std::nullopt) + "\n";
  }
  return text;
}

std::string cache_counts(const View& view, std::string_view host) {
  std::string text;
  std::size_t shown = 0;  // the header, and one line for each CPU, without its number
  for (const std::string_view line : lines(host)) {
    if (shown > view.cpus.size()) break;
    text += (shown == 0 ? std::string(line) : hexadecimal_zeros(line)) + "\n";
    ++shown;
  }
  return text;
}

}  // namespace proctor::procfs::generators
