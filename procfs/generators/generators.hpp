#pragma once

#include <string>
#include <string_view>

#include "procfs/view.hpp"

/// One function for each kind of virtual file, as procfs::Generator says. None of them makes a system call
/// itself; the functions of the View that some of them call (is_member, net_file, ...) may make some.
/// The host's text is taken apart by what the kernel is known to write there; a line that is not that is left
/// out wherever it could tell of the machine or of others.
namespace proctor::procfs::generators {

// cpu.cpp: which CPUs there are.

/// The blocks of the sandbox's CPUs; no more siblings and cores than those.
std::string cpuinfo(const View& view, std::string_view host);
/// /proc/interrupts and /proc/softirqs: the columns of the sandbox's CPUs, and no counts.
std::string counters_by_cpu(const View& view, std::string_view host);
/// Version and time, and a line of zeros for each of the sandbox's CPUs. Domains would tell of the others.
std::string schedstat(const View& view, std::string_view host);
/// The files online, possible and present of /sys/devices/system/cpu.
std::string cpu_list(const View& view, std::string_view host);
/// None of the sandbox's CPUs is offline.
std::string offline_cpus(const View& view, std::string_view host);

// load.cpp: how busy they are.

/// The sandbox's own time, shared evenly among its CPUs; all the rest since the machine's start is idle.
std::string stat(const View& view, std::string_view host);
/// The idle time is that of stat.
std::string uptime(const View& view, std::string_view host);
std::string loadavg(const View& view, std::string_view host);
/// /proc/pressure/...: nobody waits. What others do to the machine would show here.
std::string pressure(const View& view, std::string_view host);

// memory.cpp

std::string meminfo(const View& view, std::string_view host);
/// A stated memory comes without swap space.
std::string swaps(const View& view, std::string_view host);
std::string vmstat(const View& view, std::string_view host);
std::string node_vmstat(const View& view, std::string_view host);
std::string buddyinfo(const View& view, std::string_view host);
std::string zoneinfo(const View& view, std::string_view host);

// process.cpp: files that name processes. Another's number becomes 0, as the kernel writes it for a process
// that is not in the reader's namespace.

/// /proc/PID/stat: parent, group, session, and the terminal's foreground group. A group or session that was
/// founded in the sandbox keeps its number when its leader has ended.
std::string process_stat(const View& view, std::string_view host);
/// /proc/PID/status: parent, tracer, group, session, and the NUMA group, which bears its founder's number. Of
/// queued signals those are counted that wait for the process itself.
std::string process_status(const View& view, std::string_view host);
/// /proc/PID/sched: the NUMA group.
std::string process_sched(const View& view, std::string_view host);
/// /proc/PID/limits: no more processes than are stated.
std::string process_limits(const View& view, std::string_view host);
/// /proc/PID/fdinfo/FD: what a pidfd refers to, and who took a lock.
std::string process_fdinfo(const View& view, std::string_view host);
/// /proc/PID/timers: whom a timer signals.
std::string process_timers(const View& view, std::string_view host);
/// The locks that members hold or wait for, numbered anew. A waiter for another's lock is left out with it.
std::string locks(const View& view, std::string_view host);
/// /proc/sysvipc/shm and msg: who made and last used the objects, which the whole machine shares.
std::string ipc_objects(const View& view, std::string_view host);
/// A file that holds one process's number.
std::string own_pid(const View& view, std::string_view host);

// sockets.cpp: tables of /proc/PID/net. The header, and the lines of the sockets that a process of the
// sandbox has open; one that nobody has open any more (TIME_WAIT) has no owner and is left out.

/// tcp, udp, raw and their like; lines are numbered anew.
std::string inet_sockets(const View& view, std::string_view host);
std::string unix_sockets(const View& view, std::string_view host);
/// packet, netlink: the inode is the last column.
std::string other_sockets(const View& view, std::string_view host);
/// Without the lines of packet sockets, which do not say whose they are.
std::string packet_types(const View& view, std::string_view host);

/// sockstat and sockstat6: the sandbox's sockets, as many as the tables list.
std::string socket_counts(const View& view, std::string_view host);
/// protocols: the same, for each protocol of the kernel.
std::string protocols(const View& view, std::string_view host);
/// ip6_flowlabel: labels that a member took for itself.
std::string flow_labels(const View& view, std::string_view host);

// traffic.cpp: what the machine's network has done, which tells of others. Settings are told, counts are 0.

/// snmp and netstat; the connections that stand are those of tcp and tcp6.
std::string traffic(const View& view, std::string_view host);
/// snmp6 and xfrm_stat: a name and a count on each line.
std::string named_counts(const View& view, std::string_view host);
/// softnet_stat: a line for each CPU, in hexadecimal.
std::string softnet_stat(const View& view, std::string_view host);
/// Files of /proc/PID/net/stat: the same, with a header.
std::string cache_counts(const View& view, std::string_view host);

// cgroup.cpp: one cgroup v2 hierarchy, in whose root the sandbox lives, where a limit is stated; else the
// host's.

/// /proc/PID/cgroup: the root of the one hierarchy.
std::string process_cgroup(const View& view, std::string_view host);
/// /proc/PID/cpuset: the same.
std::string process_cpuset(const View& view, std::string_view host);
/// Controllers without a hierarchy of their own, each with the one group that a member is in.
std::string cgroups(const View& view, std::string_view host);
/// /proc/PID/mountinfo, mounts and mountstats: the one hierarchy instead of the machine's.
std::string mountinfo(const View& view, std::string_view host);
std::string mounts(const View& view, std::string_view host);
std::string mountstats(const View& view, std::string_view host);
/// Files of /sys/fs/cgroup.
std::string cgroup_controllers(const View& view, std::string_view host);
std::string cgroup_cpu_max(const View& view, std::string_view host);
std::string cgroup_cpus(const View& view, std::string_view host);
std::string cgroup_memory_max(const View& view, std::string_view host);
std::string cgroup_memory_current(const View& view, std::string_view host);
std::string cgroup_swap_max(const View& view, std::string_view host);
std::string cgroup_pids_max(const View& view, std::string_view host);
std::string cgroup_pids_current(const View& view, std::string_view host);

std::string cgroup_cpu_stat(const View& view, std::string_view host);
std::string cgroup_memory_events(const View& view, std::string_view host);
std::string cgroup_memory_stat(const View& view, std::string_view host);
/// What has its default: no limit, no protection, an equal weight, no controller passed on.
std::string cgroup_unlimited(const View& view, std::string_view host);
std::string cgroup_zero(const View& view, std::string_view host);
std::string cgroup_weight(const View& view, std::string_view host);
std::string cgroup_empty(const View& view, std::string_view host);

// sysfs.cpp: /sys/devices. The host's text, as far as it names the sandbox's CPUs.

/// "0-3,8"
std::string own_cpus_of_list(const View& view, std::string_view host);
/// "0 1 2 3 8"
std::string own_cpus_of_words(const View& view, std::string_view host);
/// "0000010f": as many digits as the host has
std::string own_cpus_of_mask(const View& view, std::string_view host);
/// The nodes that one of the sandbox's CPUs is of.
std::string nodes_with_cpus(const View& view, std::string_view host);
/// A node's part of what meminfo tells: all of it where there is one node.
std::string node_meminfo(const View& view, std::string_view host);

// system.cpp

/// No device: /proc/diskstats.
std::string nothing(const View& view, std::string_view host);
/// The header only.
std::string partitions(const View& view, std::string_view host);
/// /proc/sys/kernel/hostname and /etc/hostname.
std::string hostname(const View& view, std::string_view host);
/// /etc/hosts: the stated name has an address.
std::string hosts(const View& view, std::string_view host);
std::string threads_max(const View& view, std::string_view host);
std::string last_pid(const View& view, std::string_view host);
/// Counts of what the whole machine has, named or not: 0.
std::string no_counts(const View& view, std::string_view host);
/// /proc/sys/fs/file-nr: the most that there can be, and no counts.
std::string open_files(const View& view, std::string_view host);

}  // namespace proctor::procfs::generators
