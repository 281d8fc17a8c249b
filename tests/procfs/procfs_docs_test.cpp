#include <fmt/format.h>

#include <array>
#include <string>
#include <utility>

#include "kernel/sys_paths.hpp"
#include "procfs/file_rules.hpp"
#include "procfs/passed_files.hpp"
#include "procfs/sys_rules.hpp"
#include "procfs/virtual_files.hpp"
#include "support/catch.hpp"
#include "support/generated_page.hpp"

namespace proctor::procfs {
namespace {

std::string when_of(const VirtualFile& file) {
  constexpr std::array<std::pair<unsigned, const char*>, 5> options{{{told::always, "always"},
                                                                     {told::memory, "-m"},
                                                                     {told::cpus, "-c"},
                                                                     {told::processes, "-P"},
                                                                     {told::hostname, "--hostname"}}};
  std::string text;
  for (const auto& [bit, option] : options)
    if ((file.when & bit) != 0) text += (text.empty() ? "" : ", ") + std::string(option);
  return text;
}

std::string name_of(HiddenWhen when) {
  switch (when) {
    case HiddenWhen::always:
      return "always";
    case HiddenWhen::other_cpu:
      return "-c, those of other CPUs";
    case HiddenWhen::memory:
      return "-m";
  }
  return {};
}

/// What there is of /sys.
std::string page_of_sys() {
  std::string text = R"(
## /sys
The virtual files in /sys are in the table above: N stands for any number, `...` for any device, and only what the
sandbox has is found by such a name.

- **Devices** (all of /sys/devices, where most of /sys leads) have no Landlock rule: the kernel refuses their files
  (EACCES) by whatever spelling, and the supervisor opens on behalf what the sandbox has. Symbolic links of your own
  into it are therefore refused, as those to /proc are.
- **CPUs, nodes and memory** are the sandbox's where they are stated: files of other CPUs do not exist, by any of
  their names, and listings leave them out.
- **There are no disks**, as /proc/diskstats says: /sys/block is empty, and what its links would lead to does not
  exist. Device nodes in /dev, the names in `mountinfo`, and the controllers and buses of disks are the machine's.
- **Cgroups**: where a limit is stated, /sys/fs/cgroup holds the virtual files and nothing else; without one it is the
  machine's, without the lists of a group's processes (cgroup.procs, cgroup.threads, tasks), which are refused. With
  `--proc=strict`, `stat`, `access` and listings know the files that the machine does not have;
  without it only `open` does. Go, the JVM, Node and Python open them; a program that asks `access` first needs
  `--proc=strict`. statfs says cgroup2 in both.
- **Network devices** (/sys/class/net) are the machine's, as in /proc/net/dev: the network is not separated.
- All other files are the kernel's. As with /proc, `stat` can tell that a hidden file exists, unless `--proc=strict`
  is given; and a program that changes a path while it is judged can still list or read the links of a hidden
  directory, not its files.

| entries | do not exist |
|---|---|
)";
  for (const HiddenEntries& rule : hidden_sys_entries())
    text += fmt::format("| {}/{}{} | {} |\n", rule.directory, rule.prefix, rule.prefix.empty() ? "*" : "N",
                        name_of(rule.when));
  text += R"(
Refused by the kernel for every sandbox, and on record with the reason (listings stay): these, and every mount of)";
  for (const std::string_view type : kernel::refused_file_systems()) text += fmt::format(" {}", type);
  text += R"(.

| directory or file | because |
|---|---|
)";
  for (const auto& row : kernel::refused_sys_paths())
    text += fmt::format("| {} | {} |\n", row.path, row.reason);
  return text;
}

std::string page() {
  std::string text = R"(# What a sandbox sees of /proc and /sys

Written from the tables in `procfs/virtual_files.cpp`, `procfs/file_rules.cpp`, `procfs/sys_rules.cpp` and
`kernel/sys_paths.cpp` by their test; to write it anew, run that test with `PROCTOR_UPDATE_DOCS=1`. How the files are made: [ADR 0007](adr/0007-virtual-files-are-sealed.md).

- **Processes**: `/proc/PID` exists for the sandbox's own processes and their threads, and what is below shows what
  the kernel shows. Any other number answers like one that no process has.
- **Virtual files** are made by proctor when they are opened: the first table. PID stands for any process of the
  sandbox and for any of its threads (`/proc/PID/task/TID/...` has the same files), FD for any descriptor.
- **Refused files**: the second table, EACCES.
- **Written** can only be what a process sets for itself: the third table. Everything else of /proc can be read, and
  not written.
- **All other files** of /proc are the kernel's own, opened with the sandbox's credentials: the last table says why.

A process group or session that was founded in the sandbox has its number in every file, also when its leader has
ended. The group and the session in which the sandbox was started are 0 in the files, unless they are its own; to
`getpgrp`, `getpgid` and the terminal's calls the group keeps its number, because job control goes back to it.

With `--proc=private`, the default, calls that open, list, enter, execute, watch or read links are judged; `stat`,
`access` and `utimes` are left to the kernel, and can tell that a process with some number exists. With
`--proc=strict` they are judged too, for a round trip each: see [syscalls.md](syscalls.md).

The calls `sysinfo`, `uname` and `getrlimit` (of RLIMIT_NPROC) say what the files say; `sched_getaffinity` and `getcpu` do by themselves, because
the sandbox is kept to its CPUs.

## Virtual files
Where a file is made only when something is stated, the kernel's own is passed on otherwise.

| file | when | read by | as the kernel's |
|---|---|---|---|
)";
  for (const VirtualFile& file : virtual_files())
    text += fmt::format("| {} | {} | {} | {} |\n", file.path, when_of(file), file.readers, file.mirrors);
  text += R"(
## Refused files
| file | because |
|---|---|
)";
  for (const FileRule& rule : refused_system_files())
    text += fmt::format("| /proc/{} | {} |\n", rule.name, rule.reason);
  text += R"(
## What a process may write of its own
| file | |
|---|---|
)";
  for (const FileRule& rule : own_file_writes())
    text += fmt::format("| /proc/PID/{} | {} |\n", rule.name,
                        rule.error == 0 ? "yes" : std::string("no: ") + rule.reason);
  text += R"(
## Files that are passed on
Those that Linux 6.18 has, and some of older kernels and of drivers. A slash at the end: all that is below.

| file | because |
|---|---|
)";
  for (const PassedFile& file : passed_files()) text += fmt::format("| {} | {} |\n", file.path, file.reason);
  return text + page_of_sys();
}

}  // namespace

TEST_CASE("docs: procfs.md is what the tables say (PROCTOR_UPDATE_DOCS=1 writes it anew)") {
  tests::check_generated("docs/procfs.md", page());
}

}  // namespace proctor::procfs
