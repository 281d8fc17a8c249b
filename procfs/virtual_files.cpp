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
    VirtualFile{"/proc/PID/sched", process_sched, false, "people", "sched_show_numa (kernel/sched/debug.c)"},
    VirtualFile{"/proc/PID/stat", process_stat, false, "ps, top, pgrep, psutil, htop",
                "do_task_stat (fs/proc/array.c)"},
    VirtualFile{"/proc/PID/status", process_status, false, "ps, psutil, gdb, JVM",
                "proc_pid_status (fs/proc/array.c)"},
    VirtualFile{"/proc/PID/task/TID/cgroup", process_cgroup, false, "as /proc/PID/cgroup",
                "proc_cgroup_show (kernel/cgroup/cgroup.c)"},
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

}  // namespace proctor::procfs
