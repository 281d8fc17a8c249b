#include "procfs/file_rules.hpp"

#include <algorithm>
#include <array>
#include <cerrno>

#include "kernel/namespaces.hpp"

namespace proctor::procfs {
namespace {

constexpr const char* names_foreign_processes = "the file names processes outside the sandbox";
constexpr const char* machine_memory = "the machine's memory is not the sandbox's";
constexpr const char* names_disks = "the machine's disks, of which a sandbox is told nothing";
constexpr const char* changes_identity = "a sandboxed process does not change its own identity maps";

constexpr std::array refused_files = {
    FileRule{"kcore", EACCES, machine_memory},
    FileRule{"kpagecount", EACCES, machine_memory},
    FileRule{"kpageflags", EACCES, machine_memory},
    FileRule{"kpagecgroup", EACCES, machine_memory},
    FileRule{"vmcore", EACCES, machine_memory},
    FileRule{"pagetypeinfo", EACCES, machine_memory},
    FileRule{"slabinfo", EACCES, machine_memory},
    FileRule{"vmallocinfo", EACCES, machine_memory},
    FileRule{"kallsyms", EACCES, "addresses of the kernel"},
    FileRule{"kmsg", EACCES, "the kernel's log is the machine's, and opening it takes it from others"},
    FileRule{"keys", EACCES, "keyrings reach beyond the sandbox"},
    FileRule{"key-users", EACCES, "keyrings reach beyond the sandbox"},
    FileRule{"sysrq-trigger", EACCES, "acts on the whole machine"},
    FileRule{"timer_list", EACCES, names_foreign_processes},
    FileRule{"sched_debug", EACCES, names_foreign_processes},
    FileRule{"timer_stats", EACCES, names_foreign_processes},
    FileRule{"latency_stats", EACCES, "tells what all processes of the machine wait for"},
    FileRule{"allocinfo", EACCES, machine_memory},
    FileRule{"asound", EACCES, names_foreign_processes},
    FileRule{"fs", EACCES, names_disks},
    FileRule{"mdstat", EACCES, names_disks},
    FileRule{"scsi", EACCES, names_disks},
};

constexpr std::array own_writes = {
    FileRule{"clear_refs", 0, ""},
    FileRule{"comm", 0, ""},
    FileRule{"coredump_filter", 0, ""},
    FileRule{"mem", 0, ""},  // the kernel asks for the right to ptrace
    FileRule{"oom_adj", 0, ""},
    FileRule{"oom_score_adj", 0, ""},
    FileRule{"timerslack_ns", 0, ""},
    FileRule{"uid_map", EPERM, changes_identity},
    FileRule{"gid_map", EPERM, changes_identity},
    FileRule{"projid_map", EPERM, changes_identity},
    FileRule{"setgroups", EPERM, changes_identity},
    FileRule{"timens_offsets", EPERM, "a sandboxed process does not change its clocks"},
};

/// Files whose content is chosen by a namespace of the task that opens them: net_ctl_root,
/// ipc_sysctls, mq_sysctls, user_namespace's ucounts, sysvipc_proc_open.
struct NamespaceRow {
  std::string_view prefix;  ///< of the names, joined by slashes
  const char* kind;         ///< as in /proc/TID/ns
};
constexpr std::array namespace_rows = {
    NamespaceRow{"sys/net", "net"},
    NamespaceRow{"sys/user", "user"},
    NamespaceRow{"sys/fs/mqueue", "ipc"},
    NamespaceRow{"sys/kernel/msg", "ipc"},
    NamespaceRow{"sys/kernel/sem", "ipc"},
    NamespaceRow{"sys/kernel/shm", "ipc"},
    NamespaceRow{"sys/kernel/auto_msgmni", "ipc"},
    NamespaceRow{"sysvipc", "ipc"},
};

const FileRule* find(std::span<const FileRule> rules, std::string_view name) {
  const auto row =
      std::find_if(rules.begin(), rules.end(), [&](const FileRule& r) { return r.name == name; });
  return row == rules.end() ? nullptr : &*row;
}

}  // namespace

std::span<const FileRule> refused_system_files() { return refused_files; }
std::span<const FileRule> own_file_writes() { return own_writes; }

FileRule judge_use(const std::vector<std::string>& names, pid_t group, bool writing) {
  if (names.empty()) return {};
  if (group == 0) {
    if (const FileRule* row = find(refused_files, names.front())) return *row;
    if (writing) return {names.front(), EACCES, "the machine's settings are not the sandbox's"};
    return {};
  }
  if (!writing) return {};
  // PID/name and PID/task/TID/name; what lies deeper (net, attr, ...) has no row.
  const bool of_process = names.size() == 2;
  const bool of_thread = names.size() == 4 && names[1] == "task";
  if (of_process || of_thread) {
    if (const FileRule* row = find(own_writes, names.back())) return *row;
  }
  return {names.back(), EACCES, "not a file that a sandboxed process may write"};
}

bool shows_another_namespace(const std::vector<std::string>& names, pid_t tid) {
  std::string path;
  for (const std::string& name : names) path += path.empty() ? name : "/" + name;
  const auto row = std::find_if(namespace_rows.begin(), namespace_rows.end(),
                                [&](const NamespaceRow& r) { return path.starts_with(r.prefix); });
  if (row == namespace_rows.end()) return false;
  return !kernel::shares_namespace(tid, row->kind).value_or(false);
}

}  // namespace proctor::procfs
