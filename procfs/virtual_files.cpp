#include "procfs/virtual_files.hpp"

#include <algorithm>
#include <array>

#include "procfs/generators/generators.hpp"

namespace proctor::procfs {
namespace {

using namespace generators;

constexpr std::array files = {
    VirtualFile{"/etc/hostname", hostname, told::hostname, false, "shells' start files, systemd tools",
                "hostname(5)"},
    VirtualFile{"/etc/hosts", hosts, told::hostname, false, "getaddrinfo of the own name", "hosts(5)"},
    VirtualFile{"/proc/PID/cgroup", process_cgroup, told::cgroup, false,
                "JVM, .NET, Go's automaxprocs, systemd tools", "proc_cgroup_show (kernel/cgroup/cgroup.c)"},
    VirtualFile{"/proc/PID/mountinfo", mountinfo, told::cgroup, false, "JVM, Go, findmnt, systemd tools",
                "show_mountinfo (fs/proc_namespace.c)"},
    VirtualFile{"/proc/PID/mounts", mounts, told::cgroup, false, "mount, df, Node",
                "show_vfsmnt (fs/proc_namespace.c)"},
    VirtualFile{"/proc/PID/net/icmp", inet_sockets, told::always, false, "ss",
                "ping_v4_format_sock (net/ipv4/ping.c)"},
    VirtualFile{"/proc/PID/net/icmp6", inet_sockets, told::always, false, "ss",
                "ping_v6_seq_show (net/ipv6/ping.c)"},
    VirtualFile{"/proc/PID/net/netlink", other_sockets, told::always, false, "lsof, ss",
                "netlink_native_seq_show (net/netlink/af_netlink.c)"},
    VirtualFile{"/proc/PID/net/packet", other_sockets, told::always, false, "lsof, ss",
                "packet_seq_show (net/packet/af_packet.c)"},
    VirtualFile{"/proc/PID/net/raw", inet_sockets, told::always, false, "netstat, ss",
                "raw_sock_seq_show (net/ipv4/raw.c)"},
    VirtualFile{"/proc/PID/net/raw6", inet_sockets, told::always, false, "netstat, ss",
                "raw6_seq_show (net/ipv6/raw.c)"},
    VirtualFile{"/proc/PID/net/tcp", inet_sockets, told::always, false, "netstat, lsof, psutil, ss",
                "get_tcp4_sock (net/ipv4/tcp_ipv4.c)"},
    VirtualFile{"/proc/PID/net/tcp6", inet_sockets, told::always, false, "netstat, lsof, psutil, ss",
                "get_tcp6_sock (net/ipv6/tcp_ipv6.c)"},
    VirtualFile{"/proc/PID/net/udp", inet_sockets, told::always, false, "netstat, lsof, psutil, ss",
                "udp4_format_sock (net/ipv4/udp.c)"},
    VirtualFile{"/proc/PID/net/udp6", inet_sockets, told::always, false, "netstat, lsof, psutil, ss",
                "udp6_seq_show (net/ipv6/udp.c)"},
    VirtualFile{"/proc/PID/net/udplite", inet_sockets, told::always, false, "netstat, ss",
                "udp4_format_sock (net/ipv4/udp.c)"},
    VirtualFile{"/proc/PID/net/udplite6", inet_sockets, told::always, false, "netstat, ss",
                "udp6_seq_show (net/ipv6/udp.c)"},
    VirtualFile{"/proc/PID/net/unix", unix_sockets, told::always, false, "netstat, lsof, psutil, ss",
                "unix_seq_show (net/unix/af_unix.c)"},
    VirtualFile{"/proc/PID/sched", process_sched, told::always, false, "people",
                "sched_show_numa (kernel/sched/debug.c)"},
    VirtualFile{"/proc/PID/stat", process_stat, told::always, false, "ps, top, pgrep, psutil, htop",
                "do_task_stat (fs/proc/array.c)"},
    VirtualFile{"/proc/PID/status", process_status, told::always, false, "ps, psutil, gdb, JVM",
                "proc_pid_status (fs/proc/array.c)"},
    VirtualFile{"/proc/PID/task/TID/cgroup", process_cgroup, told::cgroup, false, "as /proc/PID/cgroup",
                "proc_cgroup_show (kernel/cgroup/cgroup.c)"},
    VirtualFile{"/proc/PID/task/TID/mountinfo", mountinfo, told::cgroup, false,
                "JVM, Go, findmnt, systemd tools", "show_mountinfo (fs/proc_namespace.c)"},
    VirtualFile{"/proc/PID/task/TID/mounts", mounts, told::cgroup, false, "mount, df, Node",
                "show_vfsmnt (fs/proc_namespace.c)"},
    VirtualFile{"/proc/PID/task/TID/net/icmp", inet_sockets, told::always, false, "ss",
                "ping_v4_format_sock (net/ipv4/ping.c)"},
    VirtualFile{"/proc/PID/task/TID/net/icmp6", inet_sockets, told::always, false, "ss",
                "ping_v6_seq_show (net/ipv6/ping.c)"},
    VirtualFile{"/proc/PID/task/TID/net/netlink", other_sockets, told::always, false, "lsof, ss",
                "netlink_native_seq_show (net/netlink/af_netlink.c)"},
    VirtualFile{"/proc/PID/task/TID/net/packet", other_sockets, told::always, false, "lsof, ss",
                "packet_seq_show (net/packet/af_packet.c)"},
    VirtualFile{"/proc/PID/task/TID/net/raw", inet_sockets, told::always, false, "netstat, ss",
                "raw_sock_seq_show (net/ipv4/raw.c)"},
    VirtualFile{"/proc/PID/task/TID/net/raw6", inet_sockets, told::always, false, "netstat, ss",
                "raw6_seq_show (net/ipv6/raw.c)"},
    VirtualFile{"/proc/PID/task/TID/net/tcp", inet_sockets, told::always, false, "netstat, lsof, psutil, ss",
                "get_tcp4_sock (net/ipv4/tcp_ipv4.c)"},
    VirtualFile{"/proc/PID/task/TID/net/tcp6", inet_sockets, told::always, false, "netstat, lsof, psutil, ss",
                "get_tcp6_sock (net/ipv6/tcp_ipv6.c)"},
    VirtualFile{"/proc/PID/task/TID/net/udp", inet_sockets, told::always, false, "netstat, lsof, psutil, ss",
                "udp4_format_sock (net/ipv4/udp.c)"},
    VirtualFile{"/proc/PID/task/TID/net/udp6", inet_sockets, told::always, false, "netstat, lsof, psutil, ss",
                "udp6_seq_show (net/ipv6/udp.c)"},
    VirtualFile{"/proc/PID/task/TID/net/udplite", inet_sockets, told::always, false, "netstat, ss",
                "udp4_format_sock (net/ipv4/udp.c)"},
    VirtualFile{"/proc/PID/task/TID/net/udplite6", inet_sockets, told::always, false, "netstat, ss",
                "udp6_seq_show (net/ipv6/udp.c)"},
    VirtualFile{"/proc/PID/task/TID/net/unix", unix_sockets, told::always, false, "netstat, lsof, psutil, ss",
                "unix_seq_show (net/unix/af_unix.c)"},
    VirtualFile{"/proc/PID/task/TID/sched", process_sched, told::always, false, "people",
                "sched_show_numa (kernel/sched/debug.c)"},
    VirtualFile{"/proc/PID/task/TID/stat", process_stat, told::always, false,
                "ps -L, top -H, psutil, htop, JVM", "do_task_stat (fs/proc/array.c)"},
    VirtualFile{"/proc/PID/task/TID/status", process_status, told::always, false, "htop, gdb",
                "proc_pid_status (fs/proc/array.c)"},
    VirtualFile{"/proc/PID/timers", process_timers, told::always, false, "criu",
                "show_timer (fs/proc/base.c)"},
    VirtualFile{"/proc/buddyinfo", buddyinfo, told::always, false, "monitors",
                "frag_show_print (mm/vmstat.c)"},
    VirtualFile{"/proc/cgroups", cgroups, told::cgroup, false, "JVM, .NET, lxc",
                "proc_cgroupstats_show (kernel/cgroup/cgroup-v1.c)"},
    VirtualFile{"/proc/cpuinfo", cpuinfo, told::cpus, false, "lscpu, Node, psutil, htop, builds",
                "show_cpuinfo (arch/x86/kernel/cpu/proc.c)"},
    VirtualFile{"/proc/diskstats", nothing, told::always, false, "vmstat -d, iostat, psutil",
                "diskstats_show (block/genhd.c)"},
    VirtualFile{"/proc/interrupts", counters_by_cpu, told::always, false, "mpstat, monitors",
                "show_interrupts (kernel/irq/proc.c)"},
    VirtualFile{"/proc/loadavg", loadavg, told::always, true, "uptime, top, getloadavg, make -l",
                "loadavg_proc_show (fs/proc/loadavg.c)"},
    VirtualFile{"/proc/locks", locks, told::always, false, "lslocks", "lock_get_status (fs/locks.c)"},
    VirtualFile{"/proc/meminfo", meminfo, told::memory, true, "free, top, psutil, Node, Go, JVM",
                "meminfo_proc_show (fs/proc/meminfo.c)"},
    VirtualFile{"/proc/partitions", partitions, told::always, false, "lsblk, psutil",
                "show_partition (block/genhd.c)"},
    VirtualFile{"/proc/pressure/cpu", pressure, told::always, false, "htop, monitors",
                "psi_show (kernel/sched/psi.c)"},
    VirtualFile{"/proc/pressure/io", pressure, told::always, false, "htop, monitors",
                "psi_show (kernel/sched/psi.c)"},
    VirtualFile{"/proc/pressure/irq", pressure, told::always, false, "htop, monitors",
                "psi_show (kernel/sched/psi.c)"},
    VirtualFile{"/proc/pressure/memory", pressure, told::always, false, "htop, monitors",
                "psi_show (kernel/sched/psi.c)"},
    VirtualFile{"/proc/schedstat", schedstat, told::always, false, "monitors",
                "show_schedstat (kernel/sched/stats.c)"},
    VirtualFile{"/proc/softirqs", counters_by_cpu, told::always, false, "mpstat, monitors",
                "show_softirqs (fs/proc/softirqs.c)"},
    VirtualFile{"/proc/stat", stat, told::always, true, "top, vmstat, psutil, Node, getconf",
                "show_stat (fs/proc/stat.c)"},
    VirtualFile{"/proc/swaps", swaps, told::memory, false, "swapon, free", "swap_show (mm/swapfile.c)"},
    VirtualFile{"/proc/sys/kernel/hostname", hostname, told::hostname, false, "hostname, Go, systemd tools",
                "proc_do_uts_string (kernel/utsname_sysctl.c)"},
    VirtualFile{"/proc/sys/kernel/ns_last_pid", last_pid, told::always, true, "criu",
                "pid_ns_ctl_handler (kernel/pid_namespace.c)"},
    VirtualFile{"/proc/sys/kernel/threads-max", threads_max, told::processes, false, "JVM, monitors",
                "sysctl_max_threads (kernel/fork.c)"},
    VirtualFile{"/proc/uptime", uptime, told::always, true, "uptime, ps, procps",
                "uptime_proc_show (fs/proc/uptime.c)"},
    VirtualFile{"/proc/vmstat", vmstat, told::always, true, "vmstat, psutil", "vmstat_show (mm/vmstat.c)"},
    VirtualFile{"/proc/zoneinfo", zoneinfo, told::always, false, "psutil, monitors",
                "zoneinfo_show_print (mm/vmstat.c)"},
    VirtualFile{"/sys/devices/.../local_cpulist", own_cpus_of_list, told::cpus, false, "hwloc, irqbalance", "local_cpulist_show (drivers/pci/pci-sysfs.c)"},
    VirtualFile{"/sys/devices/.../local_cpus", own_cpus_of_mask, told::cpus, false, "hwloc, irqbalance", "local_cpus_show (drivers/pci/pci-sysfs.c)"},
    VirtualFile{"/sys/devices/system/cpu/cpuN/cache/indexN/shared_cpu_list", own_cpus_of_list, told::cpus, false, "hwloc, people", "shared_cpu_list_show (drivers/base/cacheinfo.c)"},
    VirtualFile{"/sys/devices/system/cpu/cpuN/cache/indexN/shared_cpu_map", own_cpus_of_mask, told::cpus, false, "lscpu, hwloc", "shared_cpu_map_show (drivers/base/cacheinfo.c)"},
    VirtualFile{"/sys/devices/system/cpu/cpuN/topology/cluster_cpus", own_cpus_of_mask, told::cpus, false, "lscpu, hwloc", "define_siblings_read_func (drivers/base/topology.c)"},
    VirtualFile{"/sys/devices/system/cpu/cpuN/topology/cluster_cpus_list", own_cpus_of_list, told::cpus, false, "lscpu, hwloc", "define_siblings_read_func (drivers/base/topology.c)"},
    VirtualFile{"/sys/devices/system/cpu/cpuN/topology/core_cpus", own_cpus_of_mask, told::cpus, false, "lscpu, hwloc", "define_siblings_read_func (drivers/base/topology.c)"},
    VirtualFile{"/sys/devices/system/cpu/cpuN/topology/core_cpus_list", own_cpus_of_list, told::cpus, false, "lscpu, hwloc", "define_siblings_read_func (drivers/base/topology.c)"},
    VirtualFile{"/sys/devices/system/cpu/cpuN/topology/core_siblings", own_cpus_of_mask, told::cpus, false, "lscpu, hwloc", "define_siblings_read_func (drivers/base/topology.c)"},
    VirtualFile{"/sys/devices/system/cpu/cpuN/topology/core_siblings_list", own_cpus_of_list, told::cpus, false, "lscpu, hwloc", "define_siblings_read_func (drivers/base/topology.c)"},
    VirtualFile{"/sys/devices/system/cpu/cpuN/topology/die_cpus", own_cpus_of_mask, told::cpus, false, "lscpu, hwloc", "define_siblings_read_func (drivers/base/topology.c)"},
    VirtualFile{"/sys/devices/system/cpu/cpuN/topology/die_cpus_list", own_cpus_of_list, told::cpus, false, "lscpu, hwloc", "define_siblings_read_func (drivers/base/topology.c)"},
    VirtualFile{"/sys/devices/system/cpu/cpuN/topology/package_cpus", own_cpus_of_mask, told::cpus, false, "lscpu, hwloc", "define_siblings_read_func (drivers/base/topology.c)"},
    VirtualFile{"/sys/devices/system/cpu/cpuN/topology/package_cpus_list", own_cpus_of_list, told::cpus, false, "lscpu, hwloc", "define_siblings_read_func (drivers/base/topology.c)"},
    VirtualFile{"/sys/devices/system/cpu/cpuN/topology/thread_siblings", own_cpus_of_mask, told::cpus, false, "lscpu, hwloc", "define_siblings_read_func (drivers/base/topology.c)"},
    VirtualFile{"/sys/devices/system/cpu/cpuN/topology/thread_siblings_list", own_cpus_of_list, told::cpus, false, "lscpu, hwloc, JVM", "define_siblings_read_func (drivers/base/topology.c)"},
    VirtualFile{"/sys/devices/system/cpu/cpufreq/policyN/affected_cpus", own_cpus_of_words, told::cpus, false, "cpupower", "show_affected_cpus (drivers/cpufreq/cpufreq.c)"},
    VirtualFile{"/sys/devices/system/cpu/cpufreq/policyN/related_cpus", own_cpus_of_words, told::cpus, false, "cpupower", "show_related_cpus (drivers/cpufreq/cpufreq.c)"},
    VirtualFile{"/sys/devices/system/cpu/enabled", own_cpus_of_list, told::cpus, false, "monitors", "print_cpus_enabled (drivers/base/cpu.c)"},
    VirtualFile{"/sys/devices/system/cpu/isolated", own_cpus_of_list, told::cpus, false, "DPDK, monitors", "print_cpus_isolated (drivers/base/cpu.c)"},
    VirtualFile{"/sys/devices/system/cpu/nohz_full", own_cpus_of_list, told::cpus, false, "monitors", "print_cpus_nohz_full (drivers/base/cpu.c)"},
    VirtualFile{"/sys/devices/system/cpu/offline", offline_cpus, told::cpus, false, "lscpu",
                "print_cpus_offline (drivers/base/cpu.c)"},
    VirtualFile{"/sys/devices/system/cpu/online", cpu_list, told::cpus, false, "get_nprocs, lscpu, JVM",
                "show_cpus_attr (drivers/base/cpu.c)"},
    VirtualFile{"/sys/devices/system/cpu/possible", cpu_list, told::cpus, false,
                "get_nprocs_conf, libnuma, perf", "show_cpus_attr (drivers/base/cpu.c)"},
    VirtualFile{"/sys/devices/system/cpu/present", cpu_list, told::cpus, false, "lscpu, libnuma",
                "show_cpus_attr (drivers/base/cpu.c)"},
    VirtualFile{"/sys/devices/system/node/has_cpu", nodes_with_cpus, told::cpus, false, "numactl, monitors", "show_node_state (drivers/base/node.c)"},
    VirtualFile{"/sys/devices/system/node/nodeN/cpulist", own_cpus_of_list, told::cpus, false, "hwloc, JVM", "cpulist_read (drivers/base/node.c)"},
    VirtualFile{"/sys/devices/system/node/nodeN/cpumap", own_cpus_of_mask, told::cpus, false, "lscpu, libnuma, hwloc", "cpumap_read (drivers/base/node.c)"},
    VirtualFile{"/sys/devices/system/node/nodeN/meminfo", node_meminfo, told::memory, true, "numactl, hwloc", "node_read_meminfo (drivers/base/node.c)"},
    VirtualFile{"/sys/devices/system/node/nodeN/numastat", no_counts, told::always, false, "numastat", "node_read_numastat (drivers/base/node.c)"},
    VirtualFile{"/sys/devices/system/node/nodeN/vmstat", no_counts, told::always, false, "monitors", "node_read_vmstat (drivers/base/node.c)"},
    VirtualFile{"/sys/fs/cgroup/cgroup.controllers", cgroup_controllers, told::cgroup, false,
                "JVM, systemd tools", "cgroup_controllers_show (kernel/cgroup/cgroup.c)"},
    VirtualFile{"/sys/fs/cgroup/cgroup.subtree_control", cgroup_empty, told::cgroup, false, "systemd tools", "cgroup_subtree_control_show (kernel/cgroup/cgroup.c)"},
    VirtualFile{"/sys/fs/cgroup/cpu.max", cgroup_cpu_max, told::cgroup, false, "JVM, Go, .NET",
                "cpu_max_show (kernel/sched/core.c)"},
    VirtualFile{"/sys/fs/cgroup/cpu.stat", cgroup_cpu_stat, told::cgroup, true, "JVM, .NET, monitors", "cpu_stat_show (kernel/cgroup/cgroup.c)"},
    VirtualFile{"/sys/fs/cgroup/cpu.weight", cgroup_weight, told::cgroup, false, "JVM", "cpu_weight_read_u64 (kernel/sched/core.c)"},
    VirtualFile{"/sys/fs/cgroup/cpuset.cpus", cgroup_cpus, told::cgroup, false, "JVM",
                "cpuset_common_seq_show (kernel/cgroup/cpuset.c)"},
    VirtualFile{"/sys/fs/cgroup/cpuset.cpus.effective", cgroup_cpus, told::cgroup, false, "JVM",
                "cpuset_common_seq_show (kernel/cgroup/cpuset.c)"},
    VirtualFile{"/sys/fs/cgroup/memory.current", cgroup_memory_current, told::cgroup, true, "JVM, Node",
                "memory_current_read (mm/memcontrol.c)"},
    VirtualFile{"/sys/fs/cgroup/memory.events", cgroup_memory_events, told::cgroup, false, "monitors", "memory_events_show (mm/memcontrol.c)"},
    VirtualFile{"/sys/fs/cgroup/memory.high", cgroup_unlimited, told::cgroup, false, "JVM, Node", "memory_high_show (mm/memcontrol.c)"},
    VirtualFile{"/sys/fs/cgroup/memory.low", cgroup_zero, told::cgroup, false, "JVM", "memory_low_show (mm/memcontrol.c)"},
    VirtualFile{"/sys/fs/cgroup/memory.max", cgroup_memory_max, told::cgroup, false, "JVM, Node, Go, .NET",
                "memory_max_show (mm/memcontrol.c)"},
    VirtualFile{"/sys/fs/cgroup/memory.min", cgroup_zero, told::cgroup, false, "monitors", "memory_min_show (mm/memcontrol.c)"},
    VirtualFile{"/sys/fs/cgroup/memory.stat", cgroup_memory_stat, told::cgroup, true, "JVM, .NET, monitors", "memory_stat_show (mm/memcontrol.c)"},
    VirtualFile{"/sys/fs/cgroup/memory.swap.current", cgroup_zero, told::cgroup, false, "JVM", "swap_current_read (mm/memcontrol.c)"},
    VirtualFile{"/sys/fs/cgroup/memory.swap.max", cgroup_swap_max, told::cgroup, false, "JVM",
                "swap_max_show (mm/memcontrol.c)"},
    VirtualFile{"/sys/fs/cgroup/pids.current", cgroup_pids_current, told::cgroup, true, "JVM",
                "pids_current_read (kernel/cgroup/pids.c)"},
    VirtualFile{"/sys/fs/cgroup/pids.max", cgroup_pids_max, told::cgroup, false, "JVM",
                "pids_max_show (kernel/cgroup/pids.c)"},
};

constexpr bool sorted_by_path =
    std::adjacent_find(files.begin(), files.end(), [](const VirtualFile& one, const VirtualFile& next) {
      return one.path >= next.path;
    }) == files.end();
static_assert(sorted_by_path, "find_virtual_file() searches the order, and no path has two rows");

}  // namespace

std::span<const VirtualFile> virtual_files() { return files; }

const VirtualFile* find_virtual_file(std::string_view path) {
  const auto* const row =
      std::lower_bound(files.begin(), files.end(), path,
                       [](const VirtualFile& file, std::string_view p) { return file.path < p; });
  return row != files.end() && row->path == path ? row : nullptr;
}

bool is_told(const VirtualFile& file, const policy::StatedLimits& limits) {
  unsigned stated = told::always;
  if (limits.memory_bytes) stated |= told::memory;
  if (limits.cpus) stated |= told::cpus;
  if (limits.processes) stated |= told::processes;
  if (!limits.hostname.empty()) stated |= told::hostname;
  return (file.when & stated) != 0;
}

std::vector<std::string> told_outside_procfs(const policy::StatedLimits& limits) {
  std::vector<std::string> paths;
  for (const VirtualFile& file : files)
    if (!file.path.starts_with("/proc/") && !file.path.starts_with("/sys/devices/") && is_told(file, limits))
      paths.emplace_back(file.path);
  return paths;
}

}  // namespace proctor::procfs
