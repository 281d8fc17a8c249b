#include <fmt/format.h>

#include "procfs/generators/generators.hpp"
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

std::string as_it_is(std::string_view line, int) { return std::string(line); }

}  // namespace

std::string inet_sockets(const View& view, std::string_view host) {
  // get_tcp4_sock() (net/ipv4/tcp_ipv4.c): "sl: local remote state queues timer retransmits uid timeout inode
  // ...".
  constexpr int inode_column = 9;
  return filter(view, host, inode_column, [](std::string_view line, int sl) {
    const auto colon = std::min(line.find(':'), line.size());
    return fmt::format("{:>{}}{}", sl, colon, line.substr(colon));
  });
}

std::string unix_sockets(const View& view, std::string_view host) {
  // unix_seq_show() (net/unix/af_unix.c): "Num RefCount Protocol Flags Type St Inode Path".
  constexpr int inode_column = 6;
  return filter(view, host, inode_column, as_it_is);
}

std::string other_sockets(const View& view, std::string_view host) {
  return filter(view, host, -1, as_it_is);
}

}  // namespace proctor::procfs::generators
