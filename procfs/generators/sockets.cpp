#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "procfs/generators/generators.hpp"
#include "procfs/generators/own_sockets.hpp"
#include "procfs/generators/text.hpp"

namespace proctor::procfs::generators {
namespace {

/// `column`: where the inode stands among a line's words; counted from the end when negative.
bool is_own(const View& view, std::string_view line, int column) {
  const auto all = words(line);
  const int index = column < 0 ? static_cast<int>(all.size()) + column : column;
  if (index < 0 || static_cast<std::size_t>(index) >= all.size()) return false;
  const auto inode = number(all[static_cast<std::size_t>(index)]);
  return inode && *inode != 0 && view.owns_socket && view.owns_socket(*inode);
}

/// The header, and of the other lines those that are the sandbox's; `edit(line, n)` writes the n-th of them.
template <class Edit>
std::string filter(const View& view, std::string_view host, int inode_column, Edit edit) {
  std::string text;
  int kept = -1;  // the header comes first
  for (const auto line : lines(host)) {
    if (kept >= 0 && !is_own(view, line, inode_column)) continue;
    text += kept < 0 ? std::string(line) : edit(line, kept);
    text += '\n';
    ++kept;
  }
  return text;
}

/// A protocol, by what /proc/PID/net/protocols and sockstat call it; its table, and where that has the inode.
struct Protocol {
  std::string_view name;        ///< in protocols; empty: not there
  std::string_view short_name;  ///< in sockstat and sockstat6; empty: not there
  const char* table;
  int inode_column;
};
constexpr int inet_inode_column = 9;
constexpr int unix_inode_column = 6;
constexpr std::array known_protocols = {
    Protocol{"TCP", "TCP:", "tcp", inet_inode_column},
    Protocol{"TCPv6", "TCP6:", "tcp6", inet_inode_column},
    Protocol{"UDP", "UDP:", "udp", inet_inode_column},
    Protocol{"UDPv6", "UDP6:", "udp6", inet_inode_column},
    Protocol{"UDP-Lite", "UDPLITE:", "udplite", inet_inode_column},
    Protocol{"UDPLITEv6", "UDPLITE6:", "udplite6", inet_inode_column},
    Protocol{"RAW", "RAW:", "raw", inet_inode_column},
    Protocol{"RAWv6", "RAW6:", "raw6", inet_inode_column},
    Protocol{"PING", "", "icmp", inet_inode_column},
    Protocol{"PINGv6", "", "icmp6", inet_inode_column},
    Protocol{"UNIX", "", "unix", unix_inode_column},
    Protocol{"UNIX-STREAM", "", "unix", unix_inode_column},
    Protocol{"PACKET", "", "packet", -1},
    Protocol{"NETLINK", "", "netlink", -1},
};

/// Whether a line of a table is of this protocol: two of them share the table of Unix sockets.
bool is_of(const Protocol& protocol, std::string_view line) {
  constexpr std::size_t type_column = 4;
  if (!protocol.name.starts_with("UNIX")) return true;
  const auto fields = words(line);
  const bool stream = fields.size() > type_column && fields[type_column] == "0001";  // SOCK_STREAM
  return stream == (protocol.name == "UNIX-STREAM");
}

std::uint64_t count_own(const View& view, const Protocol& protocol) {
  if (!view.net_file) return 0;
  const std::string table = view.net_file(view.reader, protocol.table);
  const auto all = lines(table);
  return static_cast<std::uint64_t>(std::count_if(all.begin(), all.end(), [&](std::string_view line) {
    return is_own(view, line, protocol.inode_column) && is_of(protocol, line);
  }));
}

std::uint64_t count_own(const View& view, std::string_view Protocol::*name, std::string_view wanted) {
  const auto* const found = std::find_if(known_protocols.begin(), known_protocols.end(),
                                         [&](const Protocol& protocol) { return protocol.*name == wanted; });
  return found == known_protocols.end() || wanted.empty() ? 0 : count_own(view, *found);
}

/// What a line of sockstat calls `count`. Without an owner (orphan, tw) no socket is the sandbox's; memory is
/// not counted by owner.
std::uint64_t socket_count(const View& view, std::string_view protocol, std::string_view count) {
  if (protocol == "sockets:") return view.count_sockets ? view.count_sockets() : 0;
  if (count == "inuse") return count_own(view, &Protocol::short_name, protocol);
  if (protocol == "TCP:" && count == "alloc")
    return count_own(view, &Protocol::short_name, "TCP:") + count_own(view, &Protocol::short_name, "TCP6:");
  return 0;
}

std::string as_it_is(std::string_view line, int) { return std::string(line); }

}  // namespace

std::string inet_sockets(const View& view, std::string_view host) {
  // get_tcp4_sock() (net/ipv4/tcp_ipv4.c): "sl: local remote state queues timer retransmits uid timeout inode
  // ...".
  return filter(view, host, inet_inode_column, [](std::string_view line, int sl) {
    const auto colon = std::min(line.find(':'), line.size());
    return fmt::format("{:>{}}{}", sl, colon, line.substr(colon));
  });
}

std::string unix_sockets(const View& view, std::string_view host) {
  // unix_seq_show() (net/unix/af_unix.c): "Num RefCount Protocol Flags Type St Inode Path".
  return filter(view, host, unix_inode_column, as_it_is);
}

std::string packet_types(const View& /*view*/, std::string_view host) {
  // net/packet/af_packet.c: packet_rcv, packet_rcv_spkt, packet_rcv_fanout, tpacket_rcv.
  std::string text;
  for (const auto line : lines(host)) {
    const auto fields = words(line);
    const bool is_socket = !fields.empty() && (fields.back().starts_with("packet_rcv") ||
                                               fields.back().starts_with("tpacket_rcv"));
    if (!is_socket) text.append(line).append("\n");
  }
  return text;
}

std::string other_sockets(const View& view, std::string_view host) {
  return filter(view, host, -1, as_it_is);
}

std::string socket_counts(const View& view, std::string_view host) {
  std::string text;
  for (const std::string_view line : lines(host)) {
    const auto fields = words(line);
    if (fields.empty()) continue;
    text += fields[0];
    for (std::size_t i = 1; i + 1 < fields.size(); i += 2)
      text += fmt::format(" {} {}", fields[i], socket_count(view, fields[0], fields[i]));
    text += '\n';
  }
  return text;
}

std::string protocols(const View& view, std::string_view host) {
  // proto_seq_printf() (net/core/sock.c): "protocol size sockets memory press ...". -1: not counted.
  constexpr std::size_t sockets_column = 2;
  constexpr std::size_t memory_column = 3;
  std::string text;
  for (const std::string_view line : lines(host)) {
    const auto fields = words(line);
    std::string told(line);
    if (!text.empty() && fields.size() > memory_column) {
      const auto count = count_own(view, &Protocol::name, fields[0]);
      told = with_word_right(told, sockets_column, std::to_string(count));
      if (number(fields[memory_column])) told = with_word_right(told, memory_column, "0");
    }
    text += told + "\n";
  }
  return text;
}

std::string flow_labels(const View& view, std::string_view host) {
  // ip6fl_seq_show() (net/ipv6/ip6_flowlabel.c): "Label S Owner ..."; S is whom the label is for, and
  // IPV6_FL_S_PROCESS the only one that says whose it is.
  std::string text;
  for (const std::string_view line : lines(host)) {
    const auto fields = words(line);
    std::uint64_t owner = 0;
    const bool own = fields.size() > 2 && fields[1] == "2" && (owner = number(fields[2]).value_or(0)) > 0 &&
                     owner <= INT32_MAX && view.is_member && view.is_member(static_cast<pid_t>(owner));
    if (text.empty() || own) text.append(line).append("\n");
  }
  return text;
}

std::uint64_t count_connections(const View& view) {
  // TCP_ESTABLISHED and TCP_CLOSE_WAIT: TCP_MIB_CURRESTAB (net/ipv4/tcp.c, tcp_set_state).
  constexpr std::size_t state_column = 3;
  std::uint64_t count = 0;
  for (const char* name : {"tcp", "tcp6"}) {
    const std::string table = view.net_file ? view.net_file(view.reader, name) : std::string();
    for (const std::string_view line : lines(table)) {
      const auto fields = words(line);
      const bool stands =
          fields.size() > state_column && (fields[state_column] == "01" || fields[state_column] == "08");
      count += stands && is_own(view, line, inet_inode_column) ? 1U : 0U;
    }
  }
  return count;
}

}  // namespace proctor::procfs::generators
