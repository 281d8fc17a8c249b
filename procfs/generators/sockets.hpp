#pragma once

#include <string>
#include <string_view>

#include "procfs/view.hpp"

namespace proctor::procfs {

// Tables of /proc/PID/net: the header and the lines of the sandbox's own sockets, which are those that a
// process of it has open. A socket that nobody has open any more (TIME_WAIT) has no owner and is left out.

/// tcp, tcp6, udp, udp6, udplite, udplite6, raw, raw6, icmp, icmp6; lines are numbered anew.
[[nodiscard]] std::string generate_inet_sockets(const View& view, std::string_view host);
[[nodiscard]] std::string generate_unix_sockets(const View& view, std::string_view host);
/// packet, netlink: the inode is the last column.
[[nodiscard]] std::string generate_raw_sockets(const View& view, std::string_view host);

}  // namespace proctor::procfs
