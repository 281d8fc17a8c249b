#include "tests/procfs/views.hpp"

namespace proctor::tests {
namespace {

procfs::View with_sockets(std::set<std::uint64_t> inodes) {
  procfs::View view = limited();
  view.owns_socket = [inodes = std::move(inodes)](std::uint64_t inode) { return inodes.contains(inode); };
  return view;
}

const std::string tcp_header =
    "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n";
const std::string tcp_rest =
    ": 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 ";
const std::string tail = " 1 0000000000000000 100 0 0 10 0\n";

std::string tcp_line(int number, int inode) {
  return "   " + std::to_string(number) + tcp_rest + std::to_string(inode) + tail;
}

}  // namespace

TEST_CASE("/proc/PID/net/tcp and its like: own sockets, numbered anew") {
  const std::string host = tcp_header + tcp_line(0, 11) + tcp_line(1, 12) + tcp_line(2, 0) + tcp_line(3, 13);
  for (const char* name : {"tcp", "tcp6", "udp", "udp6", "udplite", "raw", "icmp"}) {
    const auto path = std::string("/proc/PID/net/") + name;
    CHECK(generate(path, with_sockets({12, 13}), host) == tcp_header + tcp_line(0, 12) + tcp_line(1, 13));
    CHECK(generate(path, with_sockets({}), host) == tcp_header);
    // TIME_WAIT: nobody's, even if somebody claims the inode 0.
    CHECK(generate(path, with_sockets({0}), host) == tcp_header);
    CHECK(generate(path, limited(), host) == tcp_header);
  }
  CHECK(generate("/proc/PID/task/TID/net/tcp", with_sockets({11}), host) == tcp_header + tcp_line(0, 11));
}

TEST_CASE("/proc/PID/net/tcp: a number of five digits keeps its place") {
  const std::string line = "12345" + tcp_rest + "11" + tail;
  CHECK(generate("/proc/PID/net/tcp", with_sockets({11}), tcp_header + line) ==
        tcp_header + " " + tcp_line(0, 11));
}

TEST_CASE("/proc/PID/net/unix: own sockets, whatever they are called") {
  const std::string header = "Num       RefCount Protocol Flags    Type St Inode Path\n";
  const std::string own = "0000000000000000: 00000002 00000000 00010000 0001 01 77 /run/a b 78\n";
  const std::string foreign = "0000000000000000: 00000002 00000000 00010000 0001 01 78 /run/x 77\n";
  const std::string unnamed = "0000000000000000: 00000003 00000000 00000000 0001 03 77\n";
  CHECK(generate("/proc/PID/net/unix", with_sockets({77}), header + own + foreign + unnamed) ==
        header + own + unnamed);
}

TEST_CASE("/proc/PID/net/packet and netlink: the inode comes last") {
  const std::string packet = "sk               RefCnt Type Proto  Iface R Rmem   User   Inode\n";
  const std::string line = "0000000000000000 3      3    0003   2     1 0      0      ";
  CHECK(generate("/proc/PID/net/packet", with_sockets({5}), packet + line + "5\n" + line + "6\n") ==
        packet + line + "5\n");
  const std::string netlink =
      "sk               Eth Pid        Groups   Rmem     Wmem     Dump  Locks    Drops    Inode\n";
  const std::string socket =
      "0000000000000000 0   1234       00000001 0        0        0     2        0        ";
  CHECK(generate("/proc/PID/net/netlink", with_sockets({9}), netlink + socket + "8 \n" + socket + "9 \n") ==
        netlink + socket + "9 \n");
}

TEST_CASE("tables of sockets: whatever the host's text is") {
  for (const char* text : {"", "\n", "\n\n", "x", "head\n:\n", "head\n 9: 9 9 9 9 9 9 9 9 9"}) {
    for (const char* name : {"tcp", "unix", "packet"})
      CHECK_FALSE(
          generate(std::string("/proc/PID/net/") + name, with_sockets({9}), text).starts_with("\n\n\n"));
  }
}

TEST_CASE("/proc/PID/net/ptype: no packet sockets, whose they are nobody tells") {
  const std::string header = "Type Device      Function\n";
  CHECK(generate("/proc/PID/net/ptype", limited(),
                 header + "ALL           packet_rcv\n1234          packet_rcv\n0800          ip_rcv\n"
                          "ALL  eth0     tpacket_rcv+0x0/0x5f0\n88cc eth0     packet_rcv_spkt\n86dd          "
                          "ipv6_rcv\n") == header + "0800          ip_rcv\n86dd          ipv6_rcv\n");
}

}  // namespace proctor::tests
