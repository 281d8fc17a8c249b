#include <algorithm>

#include "procfs/generators/generators.hpp"
#include "procfs/generators/text.hpp"

namespace proctor::procfs::generators {
namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

/// Host names are compared without regard to case, RFC 1035.
bool same_name(std::string_view one, std::string_view other) {
  return std::equal(one.begin(), one.end(), other.begin(), other.end(),
                    [](char a, char b) { return lower(a) == lower(b); });
}

/// Whether a line of /etc/hosts gives `name` an address, hosts(5).
bool names_host(std::string_view line, std::string_view name) {
  const auto fields = words(line.substr(0, line.find('#')));
  return !fields.empty() && std::any_of(fields.begin() + 1, fields.end(),
                                        [&](std::string_view field) { return same_name(field, name); });
}

}  // namespace

std::string nothing(const View& /*view*/, std::string_view /*host*/) { return {}; }

std::string partitions(const View& /*view*/, std::string_view /*host*/) {
  return "major minor  #blocks  name\n\n";
}

std::string hostname(const View& view, std::string_view host) {
  return view.limits.hostname.empty() ? std::string(host) : view.limits.hostname + "\n";
}

std::string hosts(const View& view, std::string_view host) {
  const std::string& name = view.limits.hostname;
  const auto all = lines(host);
  const bool named =
      std::any_of(all.begin(), all.end(), [&](std::string_view line) { return names_host(line, name); });
  if (name.empty() || named) return std::string(host);
  return "127.0.1.1\t" + name + "\n" + std::string(host);
}

std::string threads_max(const View& view, std::string_view host) {
  return view.limits.processes ? std::to_string(*view.limits.processes) + "\n" : std::string(host);
}

std::string no_counts(const View& /*view*/, std::string_view host) {
  std::string text;
  for (const std::string_view line : lines(host)) text += with_zeros(line) + "\n";
  return text;
}

std::string open_files(const View& /*view*/, std::string_view host) {
  const auto fields = words(host.substr(0, host.find('\n')));
  return fields.size() == 3 ? "0\t0\t" + std::string(fields[2]) + "\n" : std::string();
}

std::string last_pid(const View& view, std::string_view /*host*/) {
  return std::to_string(view.usage.last_pid) + "\n";
}

}  // namespace proctor::procfs::generators
