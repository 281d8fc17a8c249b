#include <fmt/format.h>

#include <array>
#include <string>
#include <utility>

#include "procfs/file_rules.hpp"
#include "procfs/passed_files.hpp"
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

std::string page() {
  std::string text = R"(# What a sandbox sees of /proc

Written from the tables in `procfs/virtual_files.cpp` and `procfs/file_rules.cpp` by their test; to write it anew,
run that test with `PROCTOR_UPDATE_DOCS=1`. How the files are made: [ADR 0007](adr/0007-virtual-files-are-sealed.md).

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
`getpgrp`, `getsid` and the terminal's calls they keep their numbers, because job control goes back to them.

With `--proc=private`, the default, calls that open, list, enter, execute, watch or read links are judged; `stat`,
`access` and `utimes` are left to the kernel, and can tell that a process with some number exists. With
`--proc=strict` they are judged too, for a round trip each: see [syscalls.md](syscalls.md).

The calls `sysinfo`, `uname` and `getrlimit` (of RLIMIT_NPROC) say what the files say; `sched_getaffinity` and `getcpu` do by themselves, because
the sandbox is kept to its CPUs.

## Virtual files
Where a file is made only when something is stated, the kernel's own is passed on otherwise. `stat` and listings do
not know the files outside /proc that the machine does not have.

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
  return text;
}

}  // namespace

TEST_CASE("docs: procfs.md is what the tables say (PROCTOR_UPDATE_DOCS=1 writes it anew)") {
  tests::check_generated("docs/procfs.md", page());
}

}  // namespace proctor::procfs
