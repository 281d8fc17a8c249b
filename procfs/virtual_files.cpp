#include "procfs/virtual_files.hpp"

#include <algorithm>
#include <array>

#include "procfs/generators/generators.hpp"

namespace proctor::procfs {
namespace {

using namespace generators;

constexpr std::array files = {
    VirtualFile{"/etc/hostname", hostname, false, "shells' start files, systemd tools", "hostname(5)"},
    VirtualFile{"/etc/hosts", hosts, false, "getaddrinfo of the own name", "hosts(5)"},
    VirtualFile{"/proc/PID/cgroup", process_cgroup, false, "JVM, .NET, Go's automaxprocs, systemd tools",
                "proc_cgroup_show (kernel/cgroup/cgroup.c)"},
    VirtualFile{"/proc/PID/mountinfo", mountinfo, false, "JVM, Go, findmnt, systemd tools",
                "show_mountinfo (fs/proc_namespace.c)"},
    VirtualFile{"/proc/PID/mounts", mounts, false, "mount, df, Node", "show_vfsmnt (fs/proc_namespace.c)"},
    VirtualFile{"/proc/PID/net/icmp", inet_sockets, false, "ss", "ping_v4_format_sock (net/ipv4/ping.c)"},
    VirtualFile{"/proc/PID/net/icmp6", inet_sockets, false, "ss", "ping_v6_seq_show (net/ipv6/ping.c)"},
    VirtualFile{"/proc/PID/net/netlink", other_sockets, false, "lsof, ss",
                "netlink_native_seq_show (net/netlink/af_netlink.c)"},
    VirtualFile{"/proc/PID/net/packet", other_sockets, false, "lsof, ss",
                "packet_seq_show (net/packet/af_packet.c)"},
    VirtualFile{"/proc/PID/net/raw", inet_sockets, false, "netstat, ss",
                "raw_sock_seq_show (net/ipv4/raw.c)"},
    VirtualFile{"/proc/PID/net/raw6", inet_sockets, false, "netstat, ss", "raw6_seq_show (net/ipv6/raw.c)"},
    VirtualFile{"/proc/PID/net/tcp", inet_sockets, false, "netstat, lsof, psutil, ss",
                "get_tcp4_sock (net/ipv4/tcp_ipv4.c)"},
    VirtualFile{"/proc/PID/net/tcp6", inet_sockets, false, "netstat, lsof, psutil, ss",
                "get_tcp6_sock (net/ipv6/tcp_ipv6.c)"},
    VirtualFile{"/proc/PID/net/udp", inet_sockets, false, "netstat, lsof, psutil, ss",
                "udp4_format_sock (net/ipv4/udp.c)"},
    VirtualFile{"/proc/PID/net/udp6", inet_sockets, false, "netstat, lsof, psutil, ss",
                "udp6_seq_show (net/ipv6/udp.c)"},
    VirtualFile{"/proc/PID/net/udplite", inet_sockets, false, "netstat, ss",
                "udp4_format_sock (net/ipv4/udp.c)"},
    VirtualFile{"/proc/PID/net/udplite6", inet_sockets, false, "netstat, ss",
                "udp6_seq_show (net/ipv6/udp.c)"},
    VirtualFile{"/proc/PID/net/unix", unix_sockets, false, "netstat, lsof, psutil, ss",
                "unix_seq_show (net/unix/af_unix.c)"},
    VirtualFile{"/proc/PID/sched", process_sched, false, "people", "sched_show_numa (kernel/sched/debug.c)"},
    VirtualFile{"/proc/PID/stat", process_stat, false, "ps, top, pgrep, psutil, htop",
                "do_task_stat (fs/proc/array.c)"},
    VirtualFile{"/proc/PID/status", process_status, false, "ps, psutil, gdb, JVM",
                "proc_pid_status (fs/proc/array.c)"},
    VirtualFile{"/proc/PID/task/TID/cgroup", process_cgroup, false, "as /proc/PID/cgroup",
                "proc_cgroup_show (kernel/cgroup/cgroup.c)"},
    VirtualFile{"/proc/PID/task/TID/mountinfo", mountinfo, false, "JVM, Go, findmnt, systemd tools",
                "show_mountinfo (fs/proc_namespace.c)"},
    VirtualFile{"/proc/PID/task/TID/mounts", mounts, false, "mount, df, Node",
                "show_vfsmnt (fs/proc_namespace.c)"},
    VirtualFile{"/proc/PID/task/TID/net/icmp", inet_sockets, false, "ss",
                "ping_v4_format_sock (net/ipv4/ping.c)"},
    VirtualFile{"/proc/PID/task/TID/net/icmp6", inet_sockets, false, "ss",
                "ping_v6_seq_show (net/ipv6/ping.c)"},
    VirtualFile{"/proc/PID/task/TID/net/netlink", other_sockets, false, "lsof, ss",
                "netlink_native_seq_show (net/netlink/af_netlink.c)"},
    VirtualFile{"/proc/PID/task/TID/net/packet", other_sockets, false, "lsof, ss",
                "packet_seq_show (net/packet/af_packet.c)"},
    VirtualFile{"/proc/PID/task/TID/net/raw", inet_sockets, false, "netstat, ss",
                "raw_sock_seq_show (net/ipv4/raw.c)"},
    VirtualFile{"/proc/PID/task/TID/net/raw6", inet_sockets, false, "netstat, ss",
                "raw6_seq_show (net/ipv6/raw.c)"},
    VirtualFile{"/proc/PID/task/TID/net/tcp", inet_sockets, false, "netstat, lsof, psutil, ss",
                "get_tcp4_sock (net/ipv4/tcp_ipv4.c)"},
    VirtualFile{"/proc/PID/task/TID/net/tcp6", inet_sockets, false, "netstat, lsof, psutil, ss",
                "get_tcp6_sock (net/ipv6/tcp_ipv6.c)"},
    VirtualFile{"/proc/PID/task/TID/net/udp", inet_sockets, false, "netstat, lsof, psutil, ss",
                "udp4_format_sock (net/ipv4/udp.c)"},
    VirtualFile{"/proc/PID/task/TID/net/udp6", inet_sockets, false, "netstat, lsof, psutil, ss",
                "udp6_seq_show (net/ipv6/udp.c)"},
    VirtualFile{"/proc/PID/task/TID/net/udplite", inet_sockets, false, "netstat, ss",
                "udp4_format_sock (net/ipv4/udp.c)"},
    VirtualFile{"/proc/PID/task/TID/net/udplite6", inet_sockets, false, "netstat, ss",
                "udp6_seq_show (net/ipv6/udp.c)"},
    VirtualFile{"/proc/PID/task/TID/net/unix", unix_sockets, false, "netstat, lsof, psutil, ss",
                "unix_seq_show (net/unix/af_unix.c)"},
    VirtualFile{"/proc/PID/task/TID/sched", process_sched, false, "people",
                "sched_show_numa (kernel/sched/debug.c)"},
    VirtualFile{"/proc/PID/task/TID/stat", process_stat, false, "ps -L, top -H, psutil, htop, JVM",
                "do_task_stat (fs/proc/array.c)"},
    VirtualFile{"/proc/PID/task/TID/status", process_status, false, "htop, gdb",
                "proc_pid_status (fs/proc/array.c)"},
    VirtualFile{"/proc/PID/timers", process_timers, false, "criu", "show_timer (fs/proc/base.c)"},
    VirtualFile{"/proc/buddyinfo", buddyinfo, false, "monitors", "frag_show_print (mm/vmstat.c)"},
    VirtualFile{"/proc/cgroups", cgroups, false, "JVM, .NET, lxc",
                "proc_cgroupstats_show (kernel/cgroup/cgroup-v1.c)"},
    VirtualFile{"/proc/cpuinfo", cpuinfo, false, "lscpu, Node, psutil, htop, builds",
                "show_cpuinfo (arch/x86/kernel/cpu/proc.c)"},
    VirtualFile{"/proc/diskstats", nothing, false, "vmstat -d, iostat, psutil",
                "diskstats_show (block/genhd.c)"},
    VirtualFile{"/proc/interrupts", counters_by_cpu, false, "mpstat, monitors",
                "show_interrupts (kernel/irq/proc.c)"},
    VirtualFile{"/proc/loadavg", loadavg, true, "uptime, top, getloadavg, make -l",
                "loadavg_proc_show (fs/proc/loadavg.c)"},
    VirtualFile{"/proc/locks", locks, false, "lslocks", "lock_get_status (fs/locks.c)"},
    VirtualFile{"/proc/meminfo", meminfo, true, "free, top, psutil, Node, Go, JVM",
                "meminfo_proc_show (fs/proc/meminfo.c)"},
    VirtualFile{"/proc/partitions", partitions, false, "lsblk, psutil", "show_partition (block/genhd.c)"},
    VirtualFile{"/proc/pressure/cpu", pressure, false, "htop, monitors", "psi_show (kernel/sched/psi.c)"},
    VirtualFile{"/proc/pressure/io", pressure, false, "htop, monitors", "psi_show (kernel/sched/psi.c)"},
    VirtualFile{"/proc/pressure/irq", pressure, false, "htop, monitors", "psi_show (kernel/sched/psi.c)"},
    VirtualFile{"/proc/pressure/memory", pressure, false, "htop, monitors", "psi_show (kernel/sched/psi.c)"},
    VirtualFile{"/proc/schedstat", schedstat, false, "monitors", "show_schedstat (kernel/sched/stats.c)"},
    VirtualFile{"/proc/softirqs", counters_by_cpu, false, "mpstat, monitors",
                "show_softirqs (fs/proc/softirqs.c)"},
    VirtualFile{"/proc/stat", stat, true, "top, vmstat, psutil, Node, getconf", "show_stat (fs/proc/stat.c)"},
    VirtualFile{"/proc/swaps", swaps, false, "swapon, free", "swap_show (mm/swapfile.c)"},
    VirtualFile{"/proc/sys/kernel/hostname", hostname, false, "hostname, Go, systemd tools",
                "proc_do_uts_string (kernel/utsname_sysctl.c)"},
    VirtualFile{"/proc/sys/kernel/ns_last_pid", last_pid, true, "criu",
                "pid_ns_ctl_handler (kernel/pid_namespace.c)"},
    VirtualFile{"/proc/sys/kernel/threads-max", threads_max, false, "JVM, monitors",
                "sysctl_max_threads (kernel/fork.c)"},
    VirtualFile{"/proc/uptime", uptime, true, "uptime, ps, procps", "uptime_proc_show (fs/proc/uptime.c)"},
    VirtualFile{"/proc/vmstat", vmstat, true, "vmstat, psutil", "vmstat_show (mm/vmstat.c)"},
    VirtualFile{"/proc/zoneinfo", zoneinfo, false, "psutil, monitors", "zoneinfo_show_print (mm/vmstat.c)"},
    VirtualFile{"/sys/devices/system/cpu/offline", offline_cpus, false, "lscpu",
                "print_cpus_offline (drivers/base/cpu.c)"},
    VirtualFile{"/sys/devices/system/cpu/online", cpu_list, false, "get_nprocs, lscpu, JVM",
                "show_cpus_attr (drivers/base/cpu.c)"},
    VirtualFile{"/sys/devices/system/cpu/possible", cpu_list, false, "get_nprocs_conf, libnuma, perf",
                "show_cpus_attr (drivers/base/cpu.c)"},
    VirtualFile{"/sys/devices/system/cpu/present", cpu_list, false, "lscpu, libnuma",
                "show_cpus_attr (drivers/base/cpu.c)"},
    VirtualFile{"/sys/fs/cgroup/cgroup.controllers", cgroup_controllers, false, "JVM, systemd tools",
                "cgroup_controllers_show (kernel/cgroup/cgroup.c)"},
    VirtualFile{"/sys/fs/cgroup/cpu.max", cgroup_cpu_max, false, "JVM, Go, .NET",
                "cpu_max_show (kernel/sched/core.c)"},
    VirtualFile{"/sys/fs/cgroup/cpuset.cpus", cgroup_cpus, false, "JVM",
                "cpuset_common_seq_show (kernel/cgroup/cpuset.c)"},
    VirtualFile{"/sys/fs/cgroup/cpuset.cpus.effective", cgroup_cpus, false, "JVM",
                "cpuset_common_seq_show (kernel/cgroup/cpuset.c)"},
    VirtualFile{"/sys/fs/cgroup/memory.current", cgroup_memory_current, true, "JVM, Node",
                "memory_current_read (mm/memcontrol.c)"},
    VirtualFile{"/sys/fs/cgroup/memory.max", cgroup_memory_max, false, "JVM, Node, Go, .NET",
                "memory_max_show (mm/memcontrol.c)"},
    VirtualFile{"/sys/fs/cgroup/memory.swap.max", cgroup_swap_max, false, "JVM",
                "swap_max_show (mm/memcontrol.c)"},
    VirtualFile{"/sys/fs/cgroup/pids.current", cgroup_pids_current, true, "JVM",
                "pids_current_read (kernel/cgroup/pids.c)"},
    VirtualFile{"/sys/fs/cgroup/pids.max", cgroup_pids_max, false, "JVM",
                "pids_max_show (kernel/cgroup/pids.c)"},
};

constexpr bool sorted_by_path =
    std::adjacent_find(files.begin(), files.end(), [](const VirtualFile& one, const VirtualFile& next) {
      return one.path >= next.path;
    }) == files.end();
static_assert(sorted_by_path, "find_virtual_file() searches the order, and no path has two rows");

/// Whether a file off procfs says something else than the host's under these limits.
bool is_told(std::string_view path, const policy::StatedLimits& limits) {
  if (path.starts_with("/etc/")) return !limits.hostname.empty();
  if (path.starts_with("/sys/devices/system/cpu/")) return limits.cpus.has_value();
  if (path.starts_with("/sys/fs/cgroup/")) return limits.cpus || limits.memory_bytes || limits.processes;
  return false;
}

}  // namespace

std::span<const VirtualFile> virtual_files() { return files; }

const VirtualFile* find_virtual_file(std::string_view path) {
  const auto* const row =
      std::lower_bound(files.begin(), files.end(), path,
                       [](const VirtualFile& file, std::string_view p) { return file.path < p; });
  return row != files.end() && row->path == path ? row : nullptr;
}

std::vector<std::string> told_outside_procfs(const policy::StatedLimits& limits) {
  std::vector<std::string> paths;
  for (const VirtualFile& file : files)
    if (is_told(file.path, limits)) paths.emplace_back(file.path);
  return paths;
}

}  // namespace proctor::procfs
