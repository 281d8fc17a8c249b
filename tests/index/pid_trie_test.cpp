#include "index/pid_trie.hpp"

#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "support/catch.hpp"

using proctor::index::PidTrie;

namespace {

template <class V>
std::vector<std::pair<pid_t, V>> content(const PidTrie<V>& trie) {
  std::vector<std::pair<pid_t, V>> all;
  trie.for_each([&](pid_t pid, const V& value) { all.emplace_back(pid, value); });
  return all;
}

template <class V>
std::vector<std::pair<pid_t, V>> content(const std::map<pid_t, V>& map) {
  return {map.begin(), map.end()};
}

/// Counts its living copies, and throws at a copy when told so.
struct Counted {
  static inline int living = 0;
  static inline int copies_until_throw = -1;
  int id = 0;

  explicit Counted(int i) : id(i) { ++living; }
  Counted(const Counted& other) : id(other.id) {
    if (copies_until_throw == 0) throw std::bad_alloc();
    if (copies_until_throw > 0) --copies_until_throw;
    ++living;
  }
  Counted(Counted&& other) noexcept : id(other.id) { ++living; }
  Counted& operator=(const Counted&) = default;
  Counted& operator=(Counted&&) = default;
  ~Counted() { --living; }
};

}  // namespace

TEST_CASE("pid trie: an empty one finds nothing") {
  const PidTrie<int> trie;
  CHECK(trie.empty());
  CHECK(trie.find(0) == nullptr);
  CHECK(trie.find(1) == nullptr);
  CHECK(trie.erase(1).empty());
  CHECK(content(trie).empty());
}

TEST_CASE("pid trie: holds the whole range of pids and nothing below zero") {
  const std::vector<pid_t> pids{0, 1, 31, 32, 1023, 1024, 32767, 32768, 4194304, 1 << 30, 2147483647};
  PidTrie<int> trie;
  for (const pid_t pid : pids) trie = trie.insert(pid, pid);
  REQUIRE(trie.size() == pids.size());
  for (const pid_t pid : pids) {
    REQUIRE(trie.find(pid) != nullptr);
    CHECK(*trie.find(pid) == pid);
  }
  CHECK_FALSE(trie.contains(-1));
  CHECK_FALSE(trie.contains(-2147483647 - 1));
  CHECK_FALSE(trie.contains(2));
  CHECK_FALSE(trie.contains(2147483646));
  for (const pid_t pid : pids) trie = trie.erase(pid);
  CHECK(trie.empty());
}

TEST_CASE("pid trie: a pid beyond its height is missing, not aliased") {
  const auto trie = PidTrie<int>().insert(5, 1);
  CHECK_FALSE(trie.contains(5 + 32));
  CHECK_FALSE(trie.contains(5 + 1024));
  CHECK_FALSE(trie.contains(5 + (1 << 25)));
}

TEST_CASE("pid trie: equals a std::map after any sequence of operations") {
  const auto pid_max = GENERATE(40, 1500, 70000, 4194304, 2147483647);
  std::mt19937 random(static_cast<unsigned>(pid_max));
  std::uniform_int_distribution<pid_t> any_pid(0, pid_max);
  PidTrie<int> trie;
  std::map<pid_t, int> model;
  std::vector<pid_t> used;
  for (int step = 0; step < 4000; ++step) {
    const bool again = !used.empty() && random() % 2 == 0;
    const pid_t pid = again ? used[random() % used.size()] : any_pid(random);
    if (random() % 5 < 3) {
      trie = trie.insert(pid, step);
      model[pid] = step;
      used.push_back(pid);
    } else {
      trie = trie.erase(pid);
      model.erase(pid);
    }
    REQUIRE(trie.size() == model.size());
    const auto found = model.find(pid);
    REQUIRE((trie.find(pid) != nullptr) == (found != model.end()));
    if (step % 200 == 0) REQUIRE(content(trie) == content(model));
  }
  CHECK(content(trie) == content(model));
  for (const auto& [pid, value] : model) REQUIRE(*trie.find(pid) == value);
}

TEST_CASE("pid trie: every earlier version stays as it was") {
  std::mt19937 random(7);
  PidTrie<std::string> trie;
  std::map<pid_t, std::string> model;
  std::vector<std::pair<PidTrie<std::string>, std::map<pid_t, std::string>>> versions;
  for (int step = 0; step < 600; ++step) {
    const auto pid = static_cast<pid_t>(random() % 3000);
    if (random() % 3 != 0) {
      trie = trie.insert(pid, std::to_string(step));
      model[pid] = std::to_string(step);
    } else {
      trie = trie.erase(pid);
      model.erase(pid);
    }
    versions.emplace_back(trie, model);
  }
  for (const auto& [version, expected] : versions) REQUIRE(content(version) == content(expected));
}

TEST_CASE("pid trie: a value's address is stable while its map lives") {
  auto trie = PidTrie<std::string>().insert(10, "ten");
  const auto before = trie;
  const std::string* const ten = before.find(10);
  for (pid_t pid = 0; pid < 200; ++pid) trie = trie.insert(pid, "x");
  CHECK(before.find(10) == ten);
  CHECK(*ten == "ten");
}

TEST_CASE("pid trie: destroys each copy of a value once") {
  REQUIRE(Counted::living == 0);
  {
    PidTrie<Counted> trie;
    std::vector<PidTrie<Counted>> kept;
    for (pid_t pid = 0; pid < 300; ++pid) {
      trie = trie.insert(pid * 7 % 301, Counted(pid));
      if (pid % 10 == 0) kept.push_back(trie);
    }
    for (pid_t pid = 0; pid < 300; pid += 2) trie = trie.erase(pid);
  }
  CHECK(Counted::living == 0);
}

TEST_CASE("pid trie: a copy that throws half-way changes and leaks nothing") {
  {
    PidTrie<Counted> trie;
    for (pid_t pid = 0; pid < 20; ++pid) trie = trie.insert(pid, Counted(pid));
    const int before = Counted::living;
    Counted::copies_until_throw = 10;
    CHECK_THROWS_AS(trie.insert(25, Counted(25)), std::bad_alloc);
    Counted::copies_until_throw = -1;
    CHECK(Counted::living == before);
    CHECK(trie.size() == 20);
    CHECK_FALSE(trie.contains(25));
  }
  CHECK(Counted::living == 0);
}
