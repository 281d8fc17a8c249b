#include "index/lineage.hpp"

#include "support/catch.hpp"
#include "tests/index/fixture.hpp"

using namespace proctor::index;
using namespace proctor::index::test;

// -- find_member ------------------------------------------------------------------------------------

TEST_CASE("find_member: a child without a notified call is found by its ancestry, parents first") {
  Fixture f;
  f.tasks.add(100, 10, init);
  f.index.register_process(100);
  f.tasks.add(101, 11, 100);
  f.tasks.add(102, 12, 101);
  f.tasks.add(103, 13, 102);
  CHECK(f.index.find_member(103) == PidKey{103, 13});
  CHECK(f.made == Keys{{100, 10}, {101, 11}, {102, 12}, {103, 13}});
  CHECK(f.parents == Keys{{}, {100, 10}, {101, 11}, {102, 12}});
  CHECK(f.tracked() == Pids{100, 101, 102, 103});
}

TEST_CASE("find_member: a foreign process is none, and nothing of its line is registered") {
  Fixture f;
  f.tasks.add(100, 10, init);
  f.index.register_process(100);
  f.tasks.add(60, 30, foreign);
  CHECK_FALSE(f.index.find_member(60));
  CHECK_FALSE(f.index.find_member(foreign));
  CHECK_FALSE(f.index.find_member(1));
  CHECK_FALSE(f.index.find_member(init));
  CHECK_FALSE(f.index.find_member(999));
  CHECK_FALSE(f.index.find_member(0));
  CHECK_FALSE(f.index.find_member(-100));
  CHECK(f.tracked() == Pids{100});
  CHECK(f.made.size() == 1);
}

TEST_CASE("find_member: without an init, pid 0 is nobody's ancestor in the sandbox") {
  Fixture f(0);
  f.tasks.add(100, 10, 0);  // its parent is outside our pid namespace
  CHECK_FALSE(f.index.find_member(100));
}

TEST_CASE("find_member: an orphan that init adopted stays") {
  Fixture f;
  f.tasks.add(100, 10, init);
  f.index.register_process(100);
  f.tasks.add(101, 11, 100);
  f.tasks.end(100);
  f.tasks.add(101, 11, init);
  f.index.unregister({100, 10});
  CHECK(f.index.find_member(101) == PidKey{101, 11});
  CHECK(f.index.entry_for(101)->parent == PidKey{});
}

TEST_CASE("find_member: a thread id names its group") {
  Fixture f;
  f.tasks.add(100, 10, init);
  f.tasks.add(101, 11, 100);
  f.tasks.add_thread(101, 150);
  f.index.register_process(100);
  CHECK(f.index.find_member(150) == PidKey{101, 11});
  CHECK(f.index.key_for(150) == PidKey{101, 11});
}

TEST_CASE("find_member: the foreign child of a process under a tracked process's old number is foreign") {
  Fixture f;
  f.tasks.add(100, 10, init);
  f.index.register_process(100);
  f.tasks.end(100);
  f.tasks.add(100, 20, foreign);
  f.tasks.add(60, 30, 100);
  CHECK_FALSE(f.index.find_member(60));
  CHECK_FALSE(f.index.contains(60));
}

TEST_CASE("find_member: a stale entry on the way is replaced when the new instance belongs") {
  Fixture f;
  f.tasks.add(100, 10, init);
  f.index.register_process(100);
  f.tasks.end(100);
  f.tasks.add(100, 20, init);
  f.tasks.add(101, 21, 100);
  CHECK(f.index.find_member(101) == PidKey{101, 21});
  CHECK(f.index.key_for(100) == PidKey{100, 20});
  CHECK(f.dropped == Keys{{100, 10}});
}

TEST_CASE("find_member: a stale entry whose number a foreign process has is dropped") {
  Fixture f;
  f.tasks.add(100, 10, init);
  f.index.register_process(100);
  f.tasks.end(100);
  f.tasks.add(100, 20, foreign);
  f.tasks.add_thread(100, 150);
  CHECK_FALSE(f.index.find_member(150));
  CHECK_FALSE(f.index.contains(100));
  CHECK(f.dropped == Keys{{100, 10}});
}

TEST_CASE("find_member: a parent that ends under the walk does not lose the child") {
  Fixture f;
  f.tasks.add(100, 10, init);
  f.tasks.add(101, 11, 100);
  f.tasks.on_identify = [&](pid_t tid, int) {
    if (tid != 100) return;
    f.tasks.end(100);
    f.tasks.add(101, 11, init);
  };
  CHECK(f.index.find_member(101) == PidKey{101, 11});
}

TEST_CASE("find_member: a parent's number that a stranger gets under the walk does not lose the child") {
  Fixture f;
  f.tasks.add(100, 10, init);
  f.tasks.add(101, 11, 100);
  f.tasks.on_identify = [&](pid_t tid, int count) {
    if (tid != 100 || count > 2) return;
    f.tasks.end(100);
    f.tasks.add(100, 30, foreign);
    f.tasks.add(101, 11, init);
  };
  CHECK(f.index.find_member(101) == PidKey{101, 11});
}

TEST_CASE("find_member: a parent's number that a member gets under the walk brings no foreigner in") {
  Fixture f;
  f.tasks.add(100, 10, init);
  f.index.register_process(100);
  f.tasks.add(70, 30, foreign);
  f.tasks.add(71, 31, 70);  // foreign; its parent ends after the walk read 71's parent, and 70 is dealt again
  const auto start_of_new = GENERATE(std::uint64_t{32}, std::uint64_t{31});
  f.tasks.on_identify = [&](pid_t tid, int count) {
    if (tid != 70 || count > 2) return;
    f.tasks.end(70);
    f.tasks.add(70, start_of_new, 100);
    f.tasks.add(71, 31, 1);
  };
  f.tasks.reset_counts();
  CHECK_FALSE(f.index.find_member(71));
  CHECK_FALSE(f.index.contains(71));
}

TEST_CASE("find_member: what is registered is the instance that the walk saw") {
  Fixture f;
  f.tasks.add(100, 10, init);
  f.index.register_process(100);
  f.tasks.add(101, 11, 100);
  f.tasks.reset_counts();
  int recycle_at = 0;
  f.tasks.on_identify = [&](pid_t tid, int count) {
    if (tid != 101 || count != recycle_at) return;
    f.tasks.end(101);
    f.tasks.add(101, 40, foreign);
  };
  // 1: identify 101, 2: its parent, 3: 101 again, 4: 101 after its state was made.
  recycle_at = GENERATE(3, 4);
  CHECK_FALSE(f.index.find_member(101));
  CHECK_FALSE(f.index.contains(101));
}

TEST_CASE("find_member: a child that goes on changing parents ends the walk") {
  Fixture f;
  f.tasks.add(101, 11, 998);  // 998 never answers
  CHECK_FALSE(f.index.find_member(101));
  CHECK(f.tasks.counts().identify < 50);
}

TEST_CASE("find_member: a walk is bounded") {
  Fixture f;
  SECTION("a line of more generations than any tree has is foreign") {
    for (pid_t pid = 1000; pid < 1000 + 5000; ++pid) f.tasks.add(pid, 10, pid == 1000 ? init : pid - 1);
    CHECK_FALSE(f.index.find_member(5999));
    CHECK(f.tasks.counts().identify <= static_cast<int>(generations_max) + 10);
    CHECK(f.index.size() == 0);
  }
  SECTION("a deep one below that is found") {
    for (pid_t pid = 1000; pid < 1000 + 4000; ++pid) f.tasks.add(pid, 10, pid == 1000 ? init : pid - 1);
    CHECK(f.index.find_member(4999) == PidKey{4999, 10});
    CHECK(f.index.size() == 4000);
  }
  SECTION("a cycle ends") {
    f.tasks.add(101, 11, 102);
    f.tasks.add(102, 11, 101);
    CHECK_FALSE(f.index.find_member(101));
    f.tasks.add(103, 11, 103);
    CHECK_FALSE(f.index.find_member(103));
  }
}

// -- resolve_notifier -------------------------------------------------------------------------------

TEST_CASE("resolve_notifier: registers the notifier and its untracked ancestors, parents first") {
  Fixture f;
  f.tasks.add(100, 10, init);
  f.index.register_process(100);
  f.tasks.add(101, 11, 100);
  f.tasks.add(102, 12, 101);
  CHECK(f.index.resolve_notifier(102) == PidKey{102, 12});
  CHECK(f.made == Keys{{100, 10}, {101, 11}, {102, 12}});
  CHECK(f.parents == Keys{{}, {100, 10}, {101, 11}});
}

TEST_CASE("resolve_notifier: a notifier belongs whatever its reaper; the reaper does not") {
  Fixture f;
  f.tasks.add(60, 30, foreign);
  f.tasks.add(61, 31, 60);
  CHECK(f.index.resolve_notifier(61) == PidKey{61, 31});
  CHECK(f.tracked() == Pids{61});
  CHECK(f.parents == Keys{{}});
}

TEST_CASE("resolve_notifier: gives nothing for a task that is gone") {
  Fixture f;
  CHECK_FALSE(f.index.resolve_notifier(100));
  CHECK_FALSE(f.index.resolve_notifier(0));
}

TEST_CASE("resolve_notifier: a foreign process under a killed notifier's number is not registered") {
  Fixture f;
  f.tasks.add(60, 30, foreign);  // the notifier had 60, was killed, and this one got the number
  int asked = 0;
  CHECK_FALSE(f.index.resolve_notifier(60, [&] {
    ++asked;
    return false;
  }));
  CHECK(asked == 1);
  CHECK(f.index.size() == 0);
}

TEST_CASE("resolve_notifier: asks whether the notifier is still blocked after identifying it") {
  Fixture f;
  f.tasks.add(100, 10, init);
  f.tasks.reset_counts();
  std::vector<int> identified;
  CHECK(f.index.resolve_notifier(100, [&] {
    identified.push_back(f.tasks.counts().identify);
    return true;
  }));
  REQUIRE_FALSE(identified.empty());
  CHECK(identified.front() == 1);
}

TEST_CASE("init: who gets its number later is nobody's init") {
  Fixture f;
  f.tasks.add(100, 10, init);
  REQUIRE(f.index.find_member(100));
  f.tasks.end(init);
  f.tasks.add(init, 40, 1);
  f.tasks.add(200, 41, init);
  f.tasks.lists_children = GENERATE(true, false);
  CHECK_FALSE(f.index.find_member(200));
  (void)f.index.discover();
  CHECK(f.tracked() == Pids{100});
}

TEST_CASE("init: one that had ended before it was looked at has no descendants here") {
  Fixture f{77};
  f.tasks.add(77, 40, 1);
  f.tasks.add(200, 41, 77);
  CHECK_FALSE(f.index.find_member(200));
  (void)f.index.discover();
  CHECK(f.tracked().empty());
}

TEST_CASE("resolve_notifier: a new instance of a tracked group that a thread shows replaces it") {
  Fixture f;
  f.tasks.add(100, 10, init);
  f.index.register_process(100);
  f.tasks.end(100);
  f.tasks.add(100, 20, init);
  f.tasks.add_thread(100, 150);
  CHECK(f.index.resolve_notifier(150) == PidKey{100, 20});
  CHECK(f.dropped == Keys{{100, 10}});
}

// -- discover ---------------------------------------------------------------------------------------

TEST_CASE("discover: registers every descendant, by children lists or by ancestry alike") {
  Fixture f;
  f.tasks.lists_children = GENERATE(true, false);
  f.tasks.add(100, 10, init);
  f.index.register_process(100);
  f.tasks.add(101, 11, 100);
  f.tasks.add(102, 12, 101);
  f.tasks.add(103, 13, 100);
  f.tasks.add(110, 14, init);  // an orphan
  f.tasks.add(111, 15, 110);
  f.tasks.add(60, 30, foreign);
  CHECK(f.index.discover().sure);  // nobody was missed
  CHECK(f.tracked() == Pids{100, 101, 102, 103, 110, 111});
  CHECK(f.index.entry_for(102)->parent == PidKey{101, 11});
  CHECK(f.index.entry_for(110)->parent == PidKey{});
}

TEST_CASE("discover: costs nothing for foreign processes where children are listed") {
  Fixture f;
  f.tasks.add(100, 10, init);
  f.index.register_process(100);
  f.tasks.add(101, 11, 100);
  for (pid_t pid = 1000; pid < 3000; ++pid) f.tasks.add(pid, 30, foreign);
  f.tasks.reset_counts();
  f.index.discover();
  CHECK(f.tracked() == Pids{100, 101});
  CHECK(f.tasks.counts().identify <= 4);
  CHECK(f.tasks.counts().children_of <= 5);
  CHECK(f.tasks.counts().all_pids == 0);
}

TEST_CASE("discover: is not sure where neither children nor processes can be listed") {
  Fixture f;
  f.tasks.add(100, 10, init);
  f.index.register_process(100);
  f.tasks.add(101, 11, 100);
  f.tasks.lists_children = false;
  CHECK(f.index.discover().sure);
  f.tasks.add(102, 12, 100);
  f.tasks.lists_processes = false;  // as without a descriptor
  CHECK_FALSE(f.index.discover().sure);
  CHECK(f.tracked() == Pids{100, 101});
}

TEST_CASE("discover: works without an init") {
  Fixture f(0);
  f.tasks.add(100, 10, foreign);
  f.index.register_process(100);
  f.tasks.add(101, 11, 100);
  f.index.discover();
  CHECK(f.tracked() == Pids{100, 101});
}

TEST_CASE("discover: the children of a foreign process under a stale number are left alone") {
  Fixture f;
  f.tasks.add(100, 10, init);
  f.index.register_process(100);
  f.tasks.end(100);
  f.tasks.add(100, 20, foreign);
  f.tasks.add(101, 21, 100);
  f.index.discover();
  CHECK_FALSE(f.index.contains(101));
}

TEST_CASE("discover: an orphan made while it looks is found") {
  Fixture f;
  f.tasks.add(100, 10, init);
  f.tasks.add(101, 11, 100);
  f.tasks.add(102, 12, 101);
  f.index.register_process(100);
  // 101 ends between being listed and being looked at.
  f.tasks.on_identify = [&](pid_t tid, int) {
    if (tid != 101) return;
    f.tasks.end(101);
    f.tasks.add(102, 12, init);
  };
  CHECK_FALSE(f.index.discover().sure);  // a sibling of 101 may have been left out
  CHECK(f.tracked() == Pids{100, 102});
  f.tasks.on_identify = {};
  f.index.unregister({101, 11});
  CHECK(f.index.discover().sure);
}

TEST_CASE("discover: a child that moves to a process already looked at is found") {
  Fixture f;
  f.tasks.add(101, 10, init);
  f.tasks.add(100, 11, 101);  // the pids have wrapped: 101 is looked at first
  f.tasks.add(102, 12, 100);
  f.index.register_process(101);
  f.index.register_process(100);
  f.tasks.on_identify = [&](pid_t tid, int) {
    if (tid != 102) return;
    f.tasks.end(100);
    f.tasks.add(102, 12, 101);  // 101 is a subreaper of its own
  };
  f.index.discover();
  CHECK(f.index.contains(102));
}

TEST_CASE("discover: a process that keeps having children does not hold it for ever") {
  Fixture f;
  f.tasks.add(100, 10, init);
  f.index.register_process(100);
  pid_t next = 1000;
  f.on_make = [&](const PidKey& key) { f.tasks.add(next++, key.start_time + 1, init); };
  f.tasks.add(101, 11, init);
  CHECK_FALSE(f.index.discover().sure);
  CHECK(f.index.size() < 30);
}
