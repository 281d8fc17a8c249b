#include "tests/procfs/views.hpp"

namespace proctor::tests {
namespace {

/// The sockets with an odd inode are the sandbox's: 3 of tcp, 1 of tcp6, 1 of udp, 3 of unix.
procfs::View with_odd_sockets() {
  procfs::View view = with_cpus({0, 1});
  view.owns_socket = [](std::uint64_t inode) { return inode % 2 == 1; };
  view.count_sockets = [] { return std::uint64_t{9}; };
  view.net_file = [](pid_t, const std::string& name) {
    return std::string(text_of(own_files(), "/proc/PID/net/" + name));
  };
  return view;
}

std::string told(const std::string& path, const procfs::View& view) {
  return generate(path, view, own_files());
}

}  // namespace

TEST_CASE("/proc/PID/net/sockstat: as many sockets as the tables list") {
  const auto view = with_odd_sockets();
  CHECK(told("/proc/PID/net/sockstat", view) ==
        "sockets: used 9\nTCP: inuse 3 orphan 0 tw 0 alloc 4 mem 0\nUDP: inuse 1 mem 0\nUDPLITE: inuse 0\n"
        "RAW: inuse 0\nFRAG: inuse 0 memory 0\n");
  CHECK(told("/proc/PID/net/sockstat6", view) ==
        "TCP6: inuse 1\nUDP6: inuse 0\nUDPLITE6: inuse 0\nRAW6: inuse 0\nFRAG6: inuse 0 memory 0\n");
  CHECK(told("/proc/PID/net/sockstat", limited()).starts_with("sockets: used 0\nTCP: inuse 0 "));
}

TEST_CASE("/proc/PID/net/protocols: the same numbers, in the kernel's columns") {
  const std::string text = told("/proc/PID/net/protocols", with_odd_sockets());
  const auto host = lines_of(text_of(own_files(), "/proc/PID/net/protocols"));
  CHECK(lines_of(text).size() == host.size());
  CHECK(lines_of(text).front() == host.front());
  CHECK(line_of(text, "TCPv6 ").starts_with("TCPv6     2432      1       0   no     192"));
  CHECK(line_of(text, "MPTCPv6 ").starts_with("MPTCPv6   2064      0       0   no"));
  CHECK(line_of(text, "PACKET ").starts_with("PACKET    1600      0      -1   NI"));
  CHECK(line_of(text, "UNIX-STREAM ").starts_with("UNIX-STREAM 1152      1      -1   NI"));
  CHECK(line_of(text, "UNIX ").starts_with("UNIX      1152      2      -1   NI"));
}

TEST_CASE("/proc/PID/net/snmp and netstat: settings, own connections, and no counts") {
  const std::string text = told("/proc/PID/net/snmp", with_odd_sockets());
  const auto lines = lines_of(text);
  const auto host = lines_of(text_of(own_files(), "/proc/PID/net/snmp"));
  REQUIRE(lines.size() == host.size());
  for (std::size_t i = 0; i < lines.size(); i += 2) CHECK(lines[i] == host[i]);
  CHECK(lines[1] == "Ip: 2 64 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0");
  CHECK(lines[5] == "IcmpMsg: 0");
  CHECK(lines[7] == "Tcp: 1 200 120000 -1 0 0 0 0 3 0 0 0 0 0 0");
  const auto netstat = lines_of(told("/proc/PID/net/netstat", with_odd_sockets()));
  REQUIRE(netstat.size() == 2);
  CHECK(netstat[1] == "TcpExt: 0 0 0 0 0 0 0 0");
}

TEST_CASE("/proc/PID/net/snmp6 and xfrm_stat: names and no counts") {
  CHECK(told("/proc/PID/net/snmp6", limited()).starts_with("Ip6InReceives                   \t0\nIp6In"));
  CHECK(lines_of(told("/proc/PID/net/xfrm_stat", limited())).size() == 4);
}

TEST_CASE("/proc/PID/net/softnet_stat and stat: a line of zeros for each of the sandbox's CPUs") {
  const std::string zeros =
      "00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 "
      "00000000 00000000 00000000 ";
  const std::string one = zeros + "00000001 00000000 00000000\n";
  CHECK(told("/proc/PID/net/softnet_stat", with_cpus({0, 1})) ==
        zeros + "00000000 00000000 00000000\n" + one);
  CHECK(told("/proc/PID/net/softnet_stat", with_cpus({1})) == one);
  CHECK(generate("/proc/PID/net/softnet_stat", with_cpus({10}), "00000012 0000000a\n00000012 0000000b\n") ==
        "00000000 00000000\n");  // before 5.10
  for (const char* name : {"arp_cache", "rt_cache"}) {
    const auto path = std::string("/proc/PID/net/stat/") + name;
    const auto host = lines_of(text_of(own_files(), path));
    const auto lines = lines_of(told(path, with_cpus({1})));
    REQUIRE(lines.size() == 2);
    CHECK(lines[0] == host[0]);
    CHECK(lines[1].size() == host[1].size());
    CHECK(lines[1].find_first_not_of("0 ") == std::string::npos);
    CHECK(lines_of(told(path, with_cpus({0, 1}))).size() == 3);
  }
}

TEST_CASE("/proc/PID/net/ip6_flowlabel: what members took for themselves") {
  const auto host = lines_of(text_of(own_files(), "/proc/PID/net/ip6_flowlabel"));
  CHECK(lines_of(told("/proc/PID/net/ip6_flowlabel", with_members({2617}))) ==
        std::vector<std::string>{host[0], host[1]});
}

TEST_CASE("connections of others, by whatever table, are not there") {
  for (const char* name : {"nf_conntrack", "nf_conntrack_expect", "netfilter/nfnetlink_queue"})
    CHECK(generate(std::string("/proc/PID/net/") + name, limited(), "ipv4 2 tcp 6 1 ESTABLISHED\n") == "");
}

}  // namespace proctor::tests
