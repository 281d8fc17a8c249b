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
    VirtualFile{"/proc/PID/cpuset", process_cpuset, told::cgroup, false, "people",
                "proc_cpuset_show (kernel/cgroup/cpuset.c)"},
    VirtualFile{"/proc/PID/fdinfo/FD", process_fdinfo, told::always, false, "lsof, criu, systemd tools",
                "seq_show (fs/proc/fd.c)"},
    VirtualFile{"/proc/PID/limits", process_limits, told::processes, false, "prlimit, psutil, people",
                "proc_pid_limits (fs/proc/base.c)"},
    VirtualFile{"/proc/PID/mountinfo", mountinfo, told::cgroup, false, "JVM, Go, findmnt, systemd tools",
                "show_mountinfo (fs/proc_namespace.c)"},
    VirtualFile{"/proc/PID/mounts", mounts, told::cgroup, false, "mount, df, Node",
                "show_vfsmnt (fs/proc_namespace.c)"},
    VirtualFile{"/proc/PID/mountstats", mountstats, told::cgroup, false, "mountstats",
                "show_vfsstat (fs/proc_namespace.c)"},
    VirtualFile{"/proc/PID/net/icmp", inet_sockets, told::always, false, "ss",
                "ping_v4_format_sock (net/ipv4/ping.c)"},
    VirtualFile{"/proc/PID/net/icmp6", inet_sockets, told::always, false, "ss",
                "ping_v6_seq_show (net/ipv6/ping.c)"},
    VirtualFile{"/proc/PID/net/ip6_flowlabel", flow_labels, told::always, false, "people",
                "ip6fl_seq_show (net/ipv6/ip6_flowlabel.c)"},
    VirtualFile{"/proc/PID/net/netfilter/nfnetlink_log", nothing, told::always, false, "monitors",
                "seq_show (net/netfilter/nfnetlink_log.c)"},
    VirtualFile{"/proc/PID/net/netfilter/nfnetlink_queue", nothing, told::always, false, "monitors",
                "seq_show (net/netfilter/nfnetlink_queue.c)"},
    VirtualFile{"/proc/PID/net/netlink", other_sockets, told::always, false, "lsof, ss",
                "netlink_native_seq_show (net/netlink/af_netlink.c)"},
    VirtualFile{"/proc/PID/net/netstat", traffic, told::always, false, "netstat -s, nstat",
                "netstat_seq_show (net/ipv4/proc.c)"},
    VirtualFile{"/proc/PID/net/nf_conntrack", nothing, told::always, false, "conntrack, monitors",
                "ct_seq_show (net/netfilter/nf_conntrack_standalone.c)"},
    VirtualFile{"/proc/PID/net/nf_conntrack_expect", nothing, told::always, false, "conntrack",
                "exp_seq_show (net/netfilter/nf_conntrack_expect.c)"},
    VirtualFile{"/proc/PID/net/packet", other_sockets, told::always, false, "lsof, ss",
                "packet_seq_show (net/packet/af_packet.c)"},
    VirtualFile{"/proc/PID/net/protocols", protocols, told::always, false, "people",
                "proto_seq_printf (net/core/sock.c)"},
    VirtualFile{"/proc/PID/net/raw", inet_sockets, told::always, false, "netstat, ss",
                "raw_sock_seq_show (net/ipv4/raw.c)"},
    VirtualFile{"/proc/PID/net/raw6", inet_sockets, told::always, false, "netstat, ss",
                "raw6_seq_show (net/ipv6/raw.c)"},
    VirtualFile{"/proc/PID/net/snmp", traffic, told::always, false, "netstat -s, nstat, monitors",
                "snmp_seq_show (net/ipv4/proc.c)"},
    VirtualFile{"/proc/PID/net/snmp6", named_counts, told::always, false, "netstat -s, nstat",
                "snmp6_seq_show (net/ipv6/proc.c)"},
    VirtualFile{"/proc/PID/net/sockstat", socket_counts, told::always, false, "ss -s, sar",
                "sockstat_seq_show (net/ipv4/proc.c)"},
    VirtualFile{"/proc/PID/net/sockstat6", socket_counts, told::always, false, "ss -s, sar",
                "sockstat6_seq_show (net/ipv6/proc.c)"},
    VirtualFile{"/proc/PID/net/softnet_stat", softnet_stat, told::always, false, "monitors",
                "softnet_seq_show (net/core/net-procfs.c)"},
    VirtualFile{"/proc/PID/net/stat/arp_cache", cache_counts, told::always, false, "lnstat",
                "neigh_stat_seq_show (net/core/neighbour.c)"},
    VirtualFile{"/proc/PID/net/stat/ndisc_cache", cache_counts, told::always, false, "lnstat",
                "neigh_stat_seq_show (net/core/neighbour.c)"},
    VirtualFile{"/proc/PID/net/stat/nf_conntrack", cache_counts, told::always, false, "lnstat",
                "ct_cpu_seq_show (net/netfilter/nf_conntrack_standalone.c)"},
    VirtualFile{"/proc/PID/net/stat/rt_cache", cache_counts, told::always, false, "lnstat",
                "rt_cpu_seq_show (net/ipv4/route.c)"},
    VirtualFile{"/proc/PID/net/stat/synproxy", cache_counts, told::always, false, "lnstat",
                "synproxy_cpu_seq_show (net/netfilter/nf_synproxy_core.c)"},
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
    VirtualFile{"/proc/PID/net/xfrm_stat", named_counts, told::always, false, "nstat",
                "xfrm_statistics_seq_show (net/xfrm/xfrm_proc.c)"},
    VirtualFile{"/proc/PID/sched", process_sched, told::always, false, "people",
                "sched_show_numa (kernel/sched/debug.c)"},
    VirtualFile{"/proc/PID/stat", process_stat, told::always, false, "ps, top, pgrep, psutil, htop, JVM",
                "do_task_stat (fs/proc/array.c)"},
    VirtualFile{"/proc/PID/status", process_status, told::always, false, "ps, psutil, htop, gdb, JVM",
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
    VirtualFile{"/proc/sys/fs/aio-nr", no_counts, told::always, false, "sar, monitors",
                "proc_doulongvec_minmax (fs/aio.c)"},
    VirtualFile{"/proc/sys/fs/dentry-state", no_counts, told::always, false, "sar, monitors",
                "proc_nr_dentry (fs/dcache.c)"},
    VirtualFile{"/proc/sys/fs/file-nr", open_files, told::always, false, "sar, monitors",
                "proc_nr_files (fs/file_table.c)"},
    VirtualFile{"/proc/sys/fs/inode-nr", no_counts, told::always, false, "sar, monitors",
                "proc_nr_inodes (fs/inode.c)"},
    VirtualFile{"/proc/sys/fs/inode-state", no_counts, told::always, false, "sar, monitors",
                "proc_nr_inodes (fs/inode.c)"},
    VirtualFile{"/proc/sys/kernel/cad_pid", own_pid, told::always, false, "people",
                "proc_do_cad_pid (kernel/reboot.c)"},
    VirtualFile{"/proc/sys/kernel/hostname", hostname, told::hostname, false, "hostname, Go, systemd tools",
                "proc_do_uts_string (kernel/utsname_sysctl.c)"},
    VirtualFile{"/proc/sys/kernel/hung_task_detect_count", no_counts, told::always, false, "monitors",
                "proc_dohung_task_detect_count (kernel/hung_task.c)"},
    VirtualFile{"/proc/sys/kernel/ns_last_pid", last_pid, told::always, true, "criu",
                "pid_ns_ctl_handler (kernel/pid_namespace.c)"},
    VirtualFile{"/proc/sys/kernel/pty/nr", no_counts, told::always, false, "sar, monitors",
                "proc_dointvec (drivers/tty/pty.c)"},
    VirtualFile{"/proc/sys/kernel/threads-max", threads_max, told::processes, false, "JVM, monitors",
                "sysctl_max_threads (kernel/fork.c)"},
    VirtualFile{"/proc/sys/net/netfilter/nf_conntrack_count", no_counts, told::always, false, "monitors",
                "nf_conntrack_count (net/netfilter/nf_conntrack_standalone.c)"},
    VirtualFile{"/proc/sysvipc/msg", ipc_objects, told::always, false, "ipcs",
                "sysvipc_msg_proc_show (ipc/msg.c)"},
    VirtualFile{"/proc/sysvipc/shm", ipc_objects, told::always, false, "ipcs",
                "sysvipc_shm_proc_show (ipc/shm.c)"},
    VirtualFile{"/proc/uptime", uptime, told::always, true, "uptime, ps, procps",
                "uptime_proc_show (fs/proc/uptime.c)"},
    VirtualFile{"/proc/vmstat", vmstat, told::always, true, "vmstat, psutil", "vmstat_show (mm/vmstat.c)"},
    VirtualFile{"/proc/zoneinfo", zoneinfo, told::always, false, "psutil, monitors",
                "zoneinfo_show_print (mm/vmstat.c)"},
    VirtualFile{"/sys/devices/system/cpu/offline", offline_cpus, told::cpus, false, "lscpu",
                "print_cpus_offline (drivers/base/cpu.c)"},
    VirtualFile{"/sys/devices/system/cpu/online", cpu_list, told::cpus, false, "get_nprocs, lscpu, JVM",
                "show_cpus_attr (drivers/base/cpu.c)"},
    VirtualFile{"/sys/devices/system/cpu/possible", cpu_list, told::cpus, false,
                "get_nprocs_conf, libnuma, perf", "show_cpus_attr (drivers/base/cpu.c)"},
    VirtualFile{"/sys/devices/system/cpu/present", cpu_list, told::cpus, false, "lscpu, libnuma",
                "show_cpus_attr (drivers/base/cpu.c)"},
    VirtualFile{"/sys/fs/cgroup/cgroup.controllers", cgroup_controllers, told::cgroup, false,
                "JVM, systemd tools", "cgroup_controllers_show (kernel/cgroup/cgroup.c)"},
    VirtualFile{"/sys/fs/cgroup/cpu.max", cgroup_cpu_max, told::cgroup, false, "JVM, Go, .NET",
                "cpu_max_show (kernel/sched/core.c)"},
    VirtualFile{"/sys/fs/cgroup/cpuset.cpus", cgroup_cpus, told::cgroup, false, "JVM",
                "cpuset_common_seq_show (kernel/cgroup/cpuset.c)"},
    VirtualFile{"/sys/fs/cgroup/cpuset.cpus.effective", cgroup_cpus, told::cgroup, false, "JVM",
                "cpuset_common_seq_show (kernel/cgroup/cpuset.c)"},
    VirtualFile{"/sys/fs/cgroup/memory.current", cgroup_memory_current, told::cgroup, true, "JVM, Node",
                "memory_current_read (mm/memcontrol.c)"},
    VirtualFile{"/sys/fs/cgroup/memory.max", cgroup_memory_max, told::cgroup, false, "JVM, Node, Go, .NET",
                "memory_max_show (mm/memcontrol.c)"},
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
  constexpr std::string_view process = "/proc/PID/";
  constexpr std::string_view thread = "/proc/PID/task/TID/";
  std::string of_process;
  if (path.starts_with(thread)) path = of_process = std::string(process).append(path.substr(thread.size()));
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
    if (!file.path.starts_with("/proc/") && is_told(file, limits)) paths.emplace_back(file.path);
  return paths;
}

}  // namespace proctor::procfs
