#include "procfs/listing.hpp"

#include <dirent.h>

#include <cstring>
#include <sstream>

#include "support/catch.hpp"
#include "tests/procfs/fixture.hpp"

namespace proctor::tests {
namespace {

using procfs::DirentLayout;
using procfs::list_members;
using Bytes = std::vector<std::byte>;

/// Everybody who lives, so that the answer must be the kernel's own.
class Everybody : public procfs::Members {
 public:
  std::optional<pid_t> group_of(pid_t pid) override { return pid; }
  void discover() override {}
};

kernel::UniqueFd open_proc() { return kernel::UniqueFd(::open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC)); }

struct KernelList {
  Bytes bytes;
  int error = 0;
};
KernelList kernel_list(int fd, std::size_t room, DirentLayout layout) {
  KernelList list{Bytes(room), 0};
  const long call = layout == DirentLayout::legacy ? SYS_getdents : SYS_getdents64;
  const long length = ::syscall(call, fd, list.bytes.data(), room);
  if (length < 0) list.error = errno;
  list.bytes.resize(length < 0 ? 0 : static_cast<std::size_t>(length));
  return list;
}

struct Entry {
  std::string name;
  std::int64_t next;
  unsigned char type;
};
std::vector<Entry> entries_of(const Bytes& bytes, DirentLayout layout) {
  std::vector<Entry> entries;
  for (std::size_t at = 0; at < bytes.size();) {
    std::uint16_t length = 0;
    Entry entry{};
    std::memcpy(&entry.next, &bytes.at(at + 8), 8);
    std::memcpy(&length, &bytes.at(at + 16), 2);
    const bool legacy = layout == DirentLayout::legacy;
    entry.name = reinterpret_cast<const char*>(&bytes.at(at + (legacy ? 18U : 19U)));
    entry.type = std::to_integer<unsigned char>(bytes.at(at + (legacy ? length - 1U : 18U)));
    entries.push_back(entry);
    at += length;
  }
  return entries;
}

/// The whole listing, in pieces of `room`.
std::vector<std::string> names(const kernel::UniqueFd& fd, std::size_t room, procfs::Members& members,
                               DirentLayout layout = DirentLayout::dirent64) {
  std::vector<std::string> result;
  for (;;) {
    const auto bytes = list_members(fd, room, layout, members);
    REQUIRE(bytes);
    if (bytes->empty()) return result;
    for (const Entry& entry : entries_of(*bytes, layout)) result.push_back(entry.name);
  }
}

bool is_number(const std::string& name) { return name.find_first_not_of("0123456789") == std::string::npos; }

}  // namespace

TEST_CASE("listing: with everybody a member it is the kernel's own, byte by byte, for every size of buffer") {
  Everybody everybody;
  for (const DirentLayout layout : {DirentLayout::legacy, DirentLayout::dirent64}) {
    for (const std::size_t room : {24U, 32U, 33U, 40U, 64U, 100U, 256U, 1000U, 4096U, 32768U, 65536U}) {
      // Processes come and go meanwhile: an unlucky comparison is repeated, an error repeats itself.
      const bool equal = eventually([&] {
        const auto ours = open_proc();
        const auto theirs = open_proc();
        for (;;) {
          const auto mine = list_members(ours, room, layout, everybody);
          const auto kernels = kernel_list(theirs.get(), room, layout);
          if (!mine.has_value()) return kernels.error == mine.error().number && kernels.error == EINVAL;
          if (kernels.error != 0 || *mine != kernels.bytes) return false;
          if (::lseek(ours.get(), 0, SEEK_CUR) != ::lseek(theirs.get(), 0, SEEK_CUR)) return false;
          if (mine->empty()) return true;
        }
      });
      CAPTURE(room, static_cast<int>(layout));
      CHECK(equal);
    }
  }
}

TEST_CASE("listing: exactly the members appear among the numbers, and all that is no number") {
  const Target first;
  const Target second;
  FakeMembers members({first.pid(), second.pid()});
  for (const std::size_t room : {64U, 300U, 32768U}) {
    std::vector<std::string> pids;
    std::vector<std::string> others;
    for (const auto& name : names(open_proc(), room, members))
      (is_number(name) ? pids : others).push_back(name);
    std::vector<std::string> expected = {std::to_string(first.pid()), std::to_string(second.pid())};
    std::sort(pids.begin(), pids.end());
    std::sort(expected.begin(), expected.end());
    CHECK(pids == expected);
    CHECK(std::count(others.begin(), others.end(), "self") == 1);
    CHECK(std::count(others.begin(), others.end(), "uptime") == 1);
    CHECK(std::count(others.begin(), others.end(), ".") == 1);
  }
  CHECK(members.discoveries > 0);
}

TEST_CASE("listing: without members there are no numbers, and the end is an end") {
  FakeMembers nobody;
  const auto proc = open_proc();
  for (const auto& name : names(proc, 128, nobody)) CHECK_FALSE(is_number(name));
  const auto after = list_members(proc, 128, DirentLayout::dirent64, nobody);
  REQUIRE(after);
  CHECK(after->empty());
  // Also with no room at all: the kernel asks for room only when there is an entry.
  const auto without_room = list_members(proc, 0, DirentLayout::dirent64, nobody);
  REQUIRE(without_room);
  CHECK(without_room->empty());
}

TEST_CASE("listing: too little room for the next entry is EINVAL, and the position stays") {
  const Target only;
  FakeMembers members({only.pid()});
  const auto proc = open_proc();
  for (const std::size_t room : {0U, 1U, 19U, 23U}) {
    const auto refused = list_members(proc, room, DirentLayout::dirent64, members);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().number == EINVAL);
    CHECK(::lseek(proc.get(), 0, SEEK_CUR) == 0);
  }
  // In the middle too: where the next entry is a member behind many that are none.
  const auto last_name = [&] {
    const auto found = names(proc, 32768, members);
    return found.back();
  };
  CHECK(last_name() == std::to_string(only.pid()));
}

TEST_CASE("listing: a position that telldir gave is found again, and a rewind starts anew") {
  const Target first;
  const Target second;
  FakeMembers members({first.pid(), second.pid()});
  const auto proc = open_proc();
  const auto bytes = list_members(proc, 65536, DirentLayout::dirent64, members);
  REQUIRE(bytes);
  const auto all = entries_of(*bytes, DirentLayout::dirent64);
  REQUIRE(all.size() > 10);
  for (std::size_t i = 0; i + 1 < all.size(); i += 3) {
    REQUIRE(::lseek(proc.get(), all[i].next, SEEK_SET) == all[i].next);
    const auto rest = list_members(proc, 65536, DirentLayout::dirent64, members);
    REQUIRE(rest);
    const auto found = entries_of(*rest, DirentLayout::dirent64);
    REQUIRE(found.size() == all.size() - i - 1);
    CHECK(found.front().name == all[i + 1].name);
  }
  REQUIRE(::lseek(proc.get(), 0, SEEK_SET) == 0);
  const auto again = list_members(proc, 65536, DirentLayout::dirent64, members);
  REQUIRE(again);
  // Names only: the last position is that of a stranger who comes and goes.
  const auto anew = entries_of(*again, DirentLayout::dirent64);
  CHECK(std::equal(anew.begin(), anew.end(), all.begin(), all.end(),
                   [](const Entry& a, const Entry& b) { return a.name == b.name && a.type == b.type; }));
}

TEST_CASE("listing: a duplicate descriptor goes on where the first stopped") {
  const Target only;
  FakeMembers members({only.pid()});
  const auto proc = open_proc();
  const kernel::UniqueFd duplicate(::dup(proc.get()));
  const auto whole = names(open_proc(), 65536, members);
  std::vector<std::string> joined;
  for (bool first = true;; first = !first) {
    const auto bytes = list_members(first ? proc : duplicate, 200, DirentLayout::legacy, members);
    REQUIRE(bytes);
    if (bytes->empty()) break;
    for (const Entry& entry : entries_of(*bytes, DirentLayout::legacy)) joined.push_back(entry.name);
  }
  CHECK(joined == whole);
}

TEST_CASE("listing: the legacy layout has the type in its last byte") {
  Everybody everybody;
  const auto bytes = list_members(open_proc(), 65536, DirentLayout::legacy, everybody);
  REQUIRE(bytes);
  for (const Entry& entry : entries_of(*bytes, DirentLayout::legacy)) {
    if (entry.name == "self") CHECK(entry.type == DT_LNK);
    if (entry.name == "sys") CHECK(entry.type == DT_DIR);
    if (entry.name == "uptime") CHECK(entry.type == DT_REG);
  }
}

TEST_CASE("listing: by a complete roll nobody is asked about, by another one those who are not on it") {
  class Roll : public procfs::Members {
   public:
    std::optional<pid_t> group_of(pid_t pid) override {
      ++asked;
      return pid == ::getpid() ? std::optional{pid} : std::nullopt;
    }
    void discover() override {}
    procfs::Roll call_roll() override { return {{1}, complete}; }
    bool complete = GENERATE(true, false);
    int asked = 0;
  } members;
  std::vector<std::string> pids;
  for (const auto& name : names(open_proc(), 4096, members)) {
    if (is_number(name)) pids.push_back(name);
  }
  CHECK((members.asked == 0) == members.complete);
  if (members.complete)
    CHECK(pids == std::vector<std::string>{"1"});
  else
    CHECK(pids == std::vector<std::string>{"1", std::to_string(::getpid())});
}

TEST_CASE("listing: a thread of a member is not listed, as the kernel lists none") {
  class Threads : public procfs::Members {
   public:
    std::optional<pid_t> group_of(pid_t) override { return 1; }  // everybody is a thread of 1
    void discover() override {}
  } threads;
  std::vector<std::string> pids;
  for (const auto& name : names(open_proc(), 4096, threads)) {
    if (is_number(name)) pids.push_back(name);
  }
  CHECK(pids == std::vector<std::string>{"1"});
}

}  // namespace proctor::tests
