#include "procfs/passed_files.hpp"

#include <algorithm>
#include <array>
#include <string>

#include "procfs/file_rules.hpp"
#include "procfs/virtual_files.hpp"

namespace proctor::procfs {
namespace {

constexpr std::string_view own = "of the process itself";
constexpr std::string_view own_memory = "of the process's own memory";
constexpr std::string_view hardware = "how the machine is built";
constexpr std::string_view kernel_build = "what the kernel can do";
constexpr std::string_view network =
    "the network's interfaces and routes, which the sandbox uses as all others do";
constexpr std::string_view packet_filter = "what the administrator's packet filter keeps; for root's eyes";
constexpr std::string_view file_systems = "counts of the machine's file systems; name no process";
constexpr std::string_view settings = "settings of the machine, by which its calls answer";
constexpr std::string_view a_link = "a link, judged when it is followed";

constexpr std::array files = {
    PassedFile{"/proc/PID/arch_status", own},
    PassedFile{"/proc/PID/attr/", own},
    PassedFile{"/proc/PID/autogroup", own},
    PassedFile{"/proc/PID/auxv", own_memory},
    PassedFile{"/proc/PID/children", "children of a process of the sandbox belong to it"},
    PassedFile{"/proc/PID/clear_refs", own_memory},
    PassedFile{"/proc/PID/cmdline", own_memory},
    PassedFile{"/proc/PID/comm", own},
    PassedFile{"/proc/PID/coredump_filter", own},
    PassedFile{"/proc/PID/cwd", a_link},
    PassedFile{"/proc/PID/environ", own_memory},
    PassedFile{"/proc/PID/exe", a_link},
    PassedFile{"/proc/PID/fd/", a_link},
    PassedFile{"/proc/PID/gid_map", own},
    PassedFile{"/proc/PID/io", own},
    PassedFile{"/proc/PID/ksm_merging_pages", own_memory},
    PassedFile{"/proc/PID/ksm_stat", own_memory},
    PassedFile{"/proc/PID/latency", own},
    PassedFile{"/proc/PID/loginuid", "the login that the sandbox was started from, as all of its identity"},
    PassedFile{"/proc/PID/map_files/", a_link},
    PassedFile{"/proc/PID/maps", own_memory},
    PassedFile{"/proc/PID/mem", own_memory},
    PassedFile{"/proc/PID/net/anycast6", network},
    PassedFile{"/proc/PID/net/arp", network},
    PassedFile{"/proc/PID/net/arp_tables_matches", kernel_build},
    PassedFile{"/proc/PID/net/arp_tables_names", kernel_build},
    PassedFile{"/proc/PID/net/arp_tables_targets", kernel_build},
    PassedFile{"/proc/PID/net/bonding/", network},
    PassedFile{"/proc/PID/net/connector", kernel_build},
    PassedFile{"/proc/PID/net/dev", network},
    PassedFile{"/proc/PID/net/dev_mcast", network},
    PassedFile{"/proc/PID/net/dev_snmp6/", network},
    PassedFile{"/proc/PID/net/fib_trie", network},
    PassedFile{"/proc/PID/net/fib_triestat", network},
    PassedFile{"/proc/PID/net/if_inet6", network},
    PassedFile{"/proc/PID/net/igmp", network},
    PassedFile{"/proc/PID/net/igmp6", network},
    PassedFile{"/proc/PID/net/ip6_mr_cache", network},
    PassedFile{"/proc/PID/net/ip6_mr_vif", network},
    PassedFile{"/proc/PID/net/ip6_tables_matches", kernel_build},
    PassedFile{"/proc/PID/net/ip6_tables_names", kernel_build},
    PassedFile{"/proc/PID/net/ip6_tables_targets", kernel_build},
    PassedFile{"/proc/PID/net/ip6t_hashlimit/", packet_filter},
    PassedFile{"/proc/PID/net/ip_mr_cache", network},
    PassedFile{"/proc/PID/net/ip_mr_vif", network},
    PassedFile{"/proc/PID/net/ip_tables_matches", kernel_build},
    PassedFile{"/proc/PID/net/ip_tables_names", kernel_build},
    PassedFile{"/proc/PID/net/ip_tables_targets", kernel_build},
    PassedFile{"/proc/PID/net/ipconfig/", network},
    PassedFile{"/proc/PID/net/ipt_hashlimit/", packet_filter},
    PassedFile{"/proc/PID/net/ipv6_route", network},
    PassedFile{"/proc/PID/net/mcfilter", network},
    PassedFile{"/proc/PID/net/mcfilter6", network},
    PassedFile{"/proc/PID/net/netfilter/nf_log", kernel_build},
    PassedFile{"/proc/PID/net/pnp", network},
    PassedFile{"/proc/PID/net/psched", network},
    PassedFile{"/proc/PID/net/route", network},
    PassedFile{"/proc/PID/net/rt6_stats", network},
    PassedFile{"/proc/PID/net/rt_acct", network},
    PassedFile{"/proc/PID/net/rt_cache", network},
    PassedFile{"/proc/PID/net/vlan/", network},
    PassedFile{"/proc/PID/net/wireless", network},
    PassedFile{"/proc/PID/net/xt_recent/", packet_filter},
    PassedFile{"/proc/PID/ns/", a_link},
    PassedFile{"/proc/PID/numa_maps", own_memory},
    PassedFile{"/proc/PID/oom_adj", own},
    PassedFile{"/proc/PID/oom_score", own},
    PassedFile{"/proc/PID/oom_score_adj", own},
    PassedFile{"/proc/PID/pagemap", own_memory},
    PassedFile{"/proc/PID/patch_state", own},
    PassedFile{"/proc/PID/personality", own},
    PassedFile{"/proc/PID/projid_map", own},
    PassedFile{"/proc/PID/root", a_link},
    PassedFile{"/proc/PID/schedstat", own},
    PassedFile{"/proc/PID/seccomp_cache", own},
    PassedFile{"/proc/PID/sessionid", "as loginuid"},
    PassedFile{"/proc/PID/setgroups", own},
    PassedFile{"/proc/PID/smaps", own_memory},
    PassedFile{"/proc/PID/smaps_rollup", own_memory},
    PassedFile{"/proc/PID/stack", own},
    PassedFile{"/proc/PID/statm", own_memory},
    PassedFile{"/proc/PID/syscall", own},
    PassedFile{"/proc/PID/timens_offsets", own},
    PassedFile{"/proc/PID/timerslack_ns", own},
    PassedFile{"/proc/PID/uid_map", own},
    PassedFile{"/proc/PID/wchan", own},
    PassedFile{"/proc/acpi/", hardware},
    PassedFile{"/proc/bootconfig", kernel_build},
    PassedFile{"/proc/bus/", hardware},
    PassedFile{"/proc/cmdline", kernel_build},
    PassedFile{"/proc/config.gz", kernel_build},
    PassedFile{"/proc/consoles", hardware},
    PassedFile{"/proc/crypto", kernel_build},
    PassedFile{"/proc/device-tree", a_link},
    PassedFile{"/proc/devices", kernel_build},
    PassedFile{"/proc/dma", hardware},
    PassedFile{"/proc/driver/", hardware},
    PassedFile{"/proc/dynamic_debug/", kernel_build},
    PassedFile{"/proc/execdomains", kernel_build},
    PassedFile{"/proc/fb", hardware},
    PassedFile{"/proc/filesystems", kernel_build},
    PassedFile{"/proc/iomem", hardware},
    PassedFile{"/proc/ioports", hardware},
    PassedFile{"/proc/irq/", hardware},
    PassedFile{"/proc/misc", kernel_build},
    PassedFile{"/proc/modules", kernel_build},
    PassedFile{"/proc/mounts", a_link},
    PassedFile{"/proc/mtrr", hardware},
    PassedFile{"/proc/net", a_link},
    PassedFile{"/proc/self", a_link},
    PassedFile{"/proc/sys/", settings},
    PassedFile{"/proc/sys/fs/quota/", file_systems},
    PassedFile{"/proc/sys/kernel/pid_max",
               "the numbers are the machine's, and may be higher than what -P states"},
    PassedFile{"/proc/sysvipc/sem", "objects that the whole machine shares; names no process"},
    PassedFile{"/proc/thread-self", a_link},
    PassedFile{"/proc/tty/", hardware},
    PassedFile{"/proc/version", kernel_build},
};

bool is_refused(std::string_view path) {
  constexpr std::string_view root = "/proc/";
  const auto name = path.substr(root.size(), path.find('/', root.size()) - root.size());
  const auto rules = refused_system_files();
  return std::any_of(rules.begin(), rules.end(), [&](const FileRule& rule) { return rule.name == name; });
}

bool covers(const PassedFile& row, std::string_view path) {
  return row.path.ends_with('/') ? path.starts_with(row.path) : path == row.path;
}

}  // namespace

std::span<const PassedFile> passed_files() { return files; }

bool is_decided(std::string_view path) {
  return find_virtual_file(path) != nullptr || is_refused(path) ||
         std::any_of(files.begin(), files.end(), [&](const PassedFile& row) { return covers(row, path); });
}

}  // namespace proctor::procfs
