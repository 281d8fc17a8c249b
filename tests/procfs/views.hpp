#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "procfs/virtual_files.hpp"
#include "support/catch.hpp"
#include "tests/procfs/samples.hpp"

namespace proctor::tests {

inline constexpr std::uint64_t mebibyte = std::uint64_t{1} << 20U;

/// A sandbox without limits on a machine with these CPUs.
inline procfs::View unlimited(std::vector<unsigned> cpus) {
  procfs::View view;
  view.cpus = std::move(cpus);
  view.uptime_s = 1000;
  view.is_member = [](pid_t) { return false; };
  return view;
}

/// A sandbox that has some of a machine's CPUs.
inline procfs::View with_cpus(std::vector<unsigned> cpus) {
  procfs::View view = unlimited(std::move(cpus));
  view.all_cpus = false;
  return view;
}

/// Everything is limited, and something is used.
inline procfs::View limited() {
  procfs::View view = with_cpus({0, 1});
  view.limits = {512 * mebibyte, 2, 64, "sandbox"};
  view.usage = {700, 300, 128 * mebibyte, 40, 17, 2, 1, 1205};
  view.load = {2048, 1024, 512};
  return view;
}

inline procfs::View with_members(std::set<pid_t> members) {
  procfs::View view = limited();
  view.is_member = [members = std::move(members)](pid_t id) { return members.count(id) != 0; };
  view.is_in_group = view.is_member;
  return view;
}

/// What the machine has in the file of a path; empty: no such file.
inline std::string_view text_of(const Machine& machine, std::string path) {
  const std::string thread = "/task/TID";
  if (const auto at = path.find(thread); at != std::string::npos) path.erase(at, thread.size());
  const auto file = machine.find(path);
  return file == machine.end() ? std::string_view{} : file->second;
}

/// What the sandbox reads in the file of a path.
inline std::string generate(std::string_view path, const procfs::View& view, std::string_view host) {
  const procfs::VirtualFile* const row = procfs::find_virtual_file(path);
  REQUIRE(row != nullptr);
  return row->generate(view, host);
}
inline std::string generate(std::string_view path, const procfs::View& view, const Machine& machine) {
  return generate(path, view, text_of(machine, std::string(path)));
}

inline std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  for (std::size_t start = 0; start < text.size();) {
    const std::size_t end = std::min(text.find('\n', start), text.size());
    lines.emplace_back(text.substr(start, end - start));
    start = end + 1;
  }
  return lines;
}

/// The line that starts with `start`; a test that has none fails.
inline std::string line_of(std::string_view text, std::string_view start) {
  for (const std::string& line : lines_of(text)) {
    if (line.starts_with(start)) return line;
  }
  FAIL("no line starts with " << start);
  return {};
}

}  // namespace proctor::tests
