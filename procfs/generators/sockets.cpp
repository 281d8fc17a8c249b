#include "procfs/generators/sockets.hpp"

#include <charconv>
#include <cstdio>
#include <optional>
#include <vector>

namespace proctor::procfs {
namespace {

std::vector<std::string_view> words_of(std::string_view line) {
  std::vector<std::string_view> words;
  for (std::size_t begin = line.find_first_not_of(' '); begin < line.size();) {
    const auto end = std::min(line.find(' ', begin), line.size());
    words.push_back(line.substr(begin, end - begin));
    begin = line.find_first_not_of(' ', end);
  }
  return words;
}

std::optional<std::uint64_t> number_of(std::string_view word) {
  std::uint64_t number = 0;
  const auto [stop, error] = std::from_chars(word.data(), word.data() + word.size(), number);
  if (error != std::errc{} || stop != word.data() + word.size()) return std::nullopt;
  return number;
}

/// Where the inode stands among a line's words; counted from the end when negative.
bool is_own(const View& view, std::string_view line, int column) {
  const auto words = words_of(line);
  const auto index = column < 0 ? static_cast<int>(words.size()) + column : column;
  if (index < 0 || static_cast<std::size_t>(index) >= words.size()) return false;
  const auto inode = number_of(words[static_cast<std::size_t>(index)]);
  return inode && *inode != 0 && view.owns_socket && view.owns_socket(*inode);
}

/// The header, and of the other lines those that are the sandbox's; `edit(line, n)` makes the n-th of them.
template <class Edit>
std::string filter(const View& view, std::string_view host, int inode_column, Edit edit) {
  std::string text;
  int kept = -1;  // the header comes first
  while (!host.empty()) {
    const auto end = std::min(host.find('\n'), host.size());
    const auto line = host.substr(0, end);
    host.remove_prefix(std::min(end + 1, host.size()));
    if (kept >= 0 && !is_own(view, line, inode_column)) continue;
    text += kept < 0 ? std::string(line) : edit(line, kept);
    text += '\n';
    ++kept;
  }
  return text;
}

std::string as_it_is(std::string_view line, int) { return std::string(line); }

}  // namespace

std::string generate_inet_sockets(const View& view, std::string_view host) {
  // get_tcp4_sock() (net/ipv4/tcp_ipv4.c): "sl: local remote state queues timer retransmits uid timeout inode
  // ...".
  constexpr int inode_column = 9;
  return filter(view, host, inode_column, [](std::string_view line, int number) {
    const auto colon = line.find(':');
    char head[16];
    std::snprintf(head, sizeof head, "%*d", static_cast<int>(colon), number);
    return head + std::string(line.substr(colon));
  });
}

std::string generate_unix_sockets(const View& view, std::string_view host) {
  // unix_seq_show() (net/unix/af_unix.c): "Num RefCount Protocol Flags Type St Inode Path".
  constexpr int inode_column = 6;
  return filter(view, host, inode_column, as_it_is);
}

std::string generate_raw_sockets(const View& view, std::string_view host) {
  return filter(view, host, -1, as_it_is);
}

}  // namespace proctor::procfs
