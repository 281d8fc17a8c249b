#include "procfs/listing.hpp"

#include <dirent.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

#include "procfs/instance.hpp"

namespace proctor::procfs {
namespace {

using kernel::Error;

constexpr std::size_t raw_bytes = std::size_t{32} << 10U;  // what libc's readdir asks for

// struct linux_dirent64: d_ino, d_off, d_reclen, d_type, d_name; struct linux_dirent has d_name where d_type
// is, and d_type in the record's last byte. Both round up to the same length.
constexpr std::size_t offset_at = 8;
constexpr std::size_t length_at = 16;
constexpr std::size_t type_at = 18;
constexpr std::size_t name64_at = 19;
constexpr std::size_t legacy_name_at = 18;

/// The length of an entry: a multiple of eight.
constexpr std::size_t rounded(std::size_t length) { return (length + 7) / 8 * 8; }

struct RawEntry {
  const std::byte* bytes;
  std::size_t length;
  off_t next;  ///< d_off: the position after it
  std::string_view name;
};

RawEntry entry_at(const std::byte* bytes) {
  RawEntry entry{bytes, 0, 0, {}};
  std::uint16_t length = 0;
  std::int64_t next = 0;
  std::memcpy(&length, bytes + length_at, sizeof length);
  std::memcpy(&next, bytes + offset_at, sizeof next);
  entry.length = length;
  entry.next = next;
  entry.name = reinterpret_cast<const char*>(bytes + name64_at);
  return entry;
}

void append(std::vector<std::byte>& result, const RawEntry& entry, DirentLayout layout) {
  const std::size_t begin = result.size();
  result.insert(result.end(), entry.bytes, entry.bytes + entry.length);
  if (layout == DirentLayout::dirent64) return;
  std::byte* record = result.data() + begin;
  const std::byte type = record[type_at];
  std::memset(record + legacy_name_at, 0, entry.length - legacy_name_at);
  std::memcpy(record + legacy_name_at, entry.name.data(), entry.name.size());
  record[entry.length - 1] = type;
}

/// Whether an entry of the root is shown. Only leaders are listed there, as by the kernel.
class Visibility {
 public:
  explicit Visibility(Members& members) : members_(members) {}

  bool operator()(std::string_view name) {
    const auto pid = pid_of_name(std::string(name));
    if (!pid) return true;
    // Not before the first process: the call that only finds the end need not pay for it.
    if (!roll_) roll_ = members_.call_roll();
    if (std::ranges::binary_search(roll_->leaders, *pid)) return true;
    return !roll_->complete && members_.group_of(*pid) == *pid;
  }

 private:
  Members& members_;
  std::optional<Roll> roll_;
};

}  // namespace

kernel::Result<std::vector<std::byte>> list_members(const kernel::UniqueFd& directory, std::size_t room,
                                                    DirentLayout layout, Members& members) {
  return list_shown(directory, room, layout, Visibility(members));
}

kernel::Result<std::vector<std::byte>> list_shown(const kernel::UniqueFd& directory, std::size_t room,
                                                  DirentLayout layout,
                                                  const std::function<bool(std::string_view)>& is_shown) {
  const off_t start = ::lseek(directory.get(), 0, SEEK_CUR);
  if (start < 0) return Error::last("lseek a directory");
  room = std::min(room, listing_bytes_max);
  std::vector<std::byte> result;
  std::vector<std::byte> raw(raw_bytes);
  off_t position = start;  // where the last entry taken ends
  bool full = false;
  while (!full) {
    const long length = ::syscall(SYS_getdents64, directory.get(), raw.data(), raw.size());
    if (length < 0) {
      const Error error = Error::last("getdents64");
      (void)::lseek(directory.get(), position, SEEK_SET);
      if (result.empty()) return error;
      return result;
    }
    if (length == 0) break;  // the end; entries after the last one taken are all hidden
    for (std::size_t at = 0; at < static_cast<std::size_t>(length);) {
      const RawEntry entry = entry_at(raw.data() + at);
      at += entry.length;
      if (!is_shown(entry.name)) continue;
      if (entry.length > room - result.size()) {
        full = true;
        break;
      }
      append(result, entry, layout);
      position = entry.next;
    }
  }
  // At the end with nothing taken the kernel's own position, past everything, is the right one.
  if ((full || !result.empty()) && ::lseek(directory.get(), position, SEEK_SET) < 0) {
    return Error::last("lseek a directory");
  }
  if (full && result.empty()) return Error{EINVAL, "room for one directory entry"};
  return result;
}

kernel::Result<std::vector<std::byte>> list_made_up(const kernel::UniqueFd& directory, std::size_t room,
                                                    DirentLayout layout,
                                                    std::span<const std::string_view> names) {
  const bool at_start = ::lseek(directory.get(), 0, SEEK_CUR) == 0;
  std::vector<std::byte> result;
  std::uint64_t inode = 1;
  const auto add = [&](std::string_view name, unsigned char type) {
    std::vector<std::byte> bytes(rounded(name64_at + name.size() + 1));
    const auto length = static_cast<std::uint16_t>(bytes.size());
    const std::int64_t next = std::numeric_limits<std::int32_t>::max();  // there are no entries behind it
    std::memcpy(bytes.data(), &inode, sizeof inode);
    std::memcpy(bytes.data() + offset_at, &next, sizeof next);
    std::memcpy(bytes.data() + length_at, &length, sizeof length);
    bytes[type_at] = std::byte{type};
    std::memcpy(bytes.data() + name64_at, name.data(), name.size());
    append(result, entry_at(bytes.data()), layout);
    ++inode;
  };
  if (at_start) {
    for (const std::string_view name : {".", ".."}) add(name, DT_DIR);
    for (const std::string_view name : names) add(name, DT_REG);
    if (result.size() > std::min(room, listing_bytes_max)) return Error{EINVAL, "room for the entries"};
  }
  // The position says that the beginning has been read: that of the kernel's own end.
  std::vector<std::byte> raw(raw_bytes);
  while (::syscall(SYS_getdents64, directory.get(), raw.data(), raw.size()) > 0) {
  }
  return result;
}

}  // namespace proctor::procfs
