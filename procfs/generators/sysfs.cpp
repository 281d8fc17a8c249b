#include <algorithm>
#include <charconv>
#include <iterator>
#include <string>
#include <vector>

#include "kernel/cpus.hpp"
#include "procfs/generators/generators.hpp"
#include "procfs/generators/text.hpp"

namespace proctor::procfs::generators {
namespace {

std::string_view first_line(std::string_view text) { return text.substr(0, text.find('\n')); }

std::vector<unsigned> common(const std::vector<unsigned>& one, const std::vector<unsigned>& other) {
  std::vector<unsigned> both;
  std::ranges::set_intersection(one, other, std::back_inserter(both));
  return both;
}

/// "Node N " at the start of a line; empty for any other line.
std::string_view node_of(std::string_view line) {
  constexpr std::string_view word = "Node ";
  if (!line.starts_with(word)) return {};
  const std::size_t end = line.find(' ', word.size());
  return end == std::string_view::npos ? std::string_view{} : line.substr(0, end + 1);
}

/// What a node ("Node N ") has of a figure that is the sandbox's: as much as it has of the machine's memory.
std::uint64_t share_of(const View& view, std::string_view node, std::uint64_t value) {
  const auto fields = words(node);
  const auto own = view.node_memory.find(static_cast<unsigned>(number(fields.back()).value_or(0)));
  long double whole = 0;
  for (const auto& [_, memory] : view.node_memory) whole += static_cast<long double>(memory);
  if (own == view.node_memory.end() || whole == 0) return value;
  const long double share = static_cast<long double>(own->second) / whole;
  return static_cast<std::uint64_t>(static_cast<long double>(value) * share);
}

}  // namespace

std::string own_cpus_of_list(const View& view, std::string_view host) {
  if (view.all_cpus) return std::string(host);
  return ranges_of(common(kernel::parse_cpu_list(first_line(host)), view.cpus)) + "\n";
}

std::string own_cpus_of_words(const View& view, std::string_view host) {
  if (view.all_cpus) return std::string(host);
  std::string text;
  for (const std::string_view cpu : words(first_line(host)))
    if (has_cpu(view, cpu)) text.append(text.empty() ? "" : " ").append(cpu);
  return text + "\n";
}

std::string own_cpus_of_mask(const View& view, std::string_view host) {
  if (view.all_cpus) return std::string(host);
  constexpr unsigned bits = 4;  // of a digit
  std::string text(first_line(host));
  unsigned first_cpu = 0;  // of the digit
  for (auto digit = text.rbegin(); digit != text.rend(); ++digit) {
    if (*digit == ',') continue;
    unsigned value = 0;
    if (std::from_chars(&*digit, &*digit + 1, value, 16).ec != std::errc{}) return "\n";
    for (unsigned bit = 0; bit < bits; ++bit)
      if (!std::binary_search(view.cpus.begin(), view.cpus.end(), first_cpu + bit)) value &= ~(1U << bit);
    *digit = "0123456789abcdef"[value];
    first_cpu += bits;
  }
  return text + "\n";
}

std::string nodes_with_cpus(const View& view, std::string_view host) {
  if (view.all_cpus) return std::string(host);
  return ranges_of(common(kernel::parse_cpu_list(first_line(host)), view.cpu_nodes)) + "\n";
}

std::string node_meminfo(const View& view, std::string_view host) {
  if (!view.limits.memory_bytes) return std::string(host);
  std::string plain;
  std::string_view node;
  for (const std::string_view line : lines(host)) {
    const std::string_view prefix = node_of(line);
    if (prefix.empty()) continue;
    node = prefix;
    plain.append(line.substr(prefix.size())).append("\n");
  }
  if (node.empty()) return {};
  View here = view;
  here.limits.memory_bytes = share_of(view, node, *view.limits.memory_bytes);
  here.usage.anonymous_bytes = share_of(view, node, view.usage.anonymous_bytes);
  const std::string told = meminfo(here, plain);
  std::string text;
  for (const std::string_view line : lines(told)) text.append(node).append(line).append("\n");
  return text;
}

}  // namespace proctor::procfs::generators
