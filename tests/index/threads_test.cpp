#include "index/thread_ledger.hpp"
#include "support/catch.hpp"
#include "tests/index/fixture.hpp"

using namespace proctor::index;
using namespace proctor::index::test;

TEST_CASE("threads: a notifier's tid resolves to its group, once, then from the snapshot") {
  Fixture f;
  f.tasks.add(100, 10, init);
  f.tasks.add_thread(100, 150);
  const PidKey key{100, 10};
  CHECK(f.index.resolve_notifier(150) == key);
  CHECK(f.made == Keys{key});
  f.tasks.reset_counts();
  CHECK(f.index.resolve_notifier(150) == key);
  CHECK(f.index.key_for(150) == key);
  CHECK(f.index.find_member(150) == key);
  CHECK(f.tasks.counts().identify == 0);
  CHECK(f.tracked() == Pids{100});
}

TEST_CASE("threads: a tracked leader costs no question to the kernel") {
  Fixture f;
  f.tasks.add(100, 10, init);
  f.index.register_process(100);
  f.tasks.reset_counts();
  CHECK(f.index.resolve_notifier(100) == PidKey{100, 10});
  CHECK(f.index.find_member(100) == PidKey{100, 10});
  CHECK(f.tasks.counts().identify == 0);
  CHECK(f.tasks.counts().is_thread_of == 0);
}

TEST_CASE("threads: a recycled tid is not believed") {
  Fixture f;
  f.tasks.add(100, 10, init);
  f.tasks.add_thread(100, 150);
  f.index.resolve_notifier(150);
  f.tasks.end_thread(150);

  SECTION("gone") {
    CHECK_FALSE(f.index.key_for(150));
    CHECK_FALSE(f.index.contains(150));
    CHECK_FALSE(f.index.resolve_notifier(150));
  }
  SECTION("a foreign process has it") {
    f.tasks.add(150, 30, foreign);
    CHECK_FALSE(f.index.contains(150));
    CHECK_FALSE(f.index.entry_for(150));
    CHECK_FALSE(f.index.find_member(150));
  }
  SECTION("a thread of another group of the sandbox has it") {
    f.tasks.add(101, 11, 100);
    f.tasks.add_thread(101, 150);
    CHECK_FALSE(f.index.key_for(150));
    CHECK(f.index.resolve_notifier(150) == PidKey{101, 11});
    CHECK(f.index.key_for(150) == PidKey{101, 11});
    // The group that had it before does not take it along.
    f.index.unregister({100, 10});
    CHECK(f.index.key_for(150) == PidKey{101, 11});
  }
  SECTION("a new process of the sandbox has it") {
    f.tasks.add(150, 30, 100);
    CHECK(f.index.resolve_notifier(150) == PidKey{150, 30});
    CHECK(f.index.key_for(150) == PidKey{150, 30});
    CHECK_FALSE(f.index.snapshot()->threads.contains(150));
    f.index.unregister({100, 10});
    CHECK(f.index.key_for(150) == PidKey{150, 30});
  }
}

TEST_CASE("threads: the threads of a group go with it") {
  Fixture f;
  f.tasks.add(100, 10, init);
  f.tasks.add(101, 11, 100);
  for (pid_t tid = 150; tid < 160; ++tid) {
    f.tasks.add_thread(100, tid);
    f.index.resolve_notifier(tid);
  }
  f.tasks.add_thread(101, 170);
  f.index.resolve_notifier(170);
  REQUIRE(f.index.snapshot()->threads.size() == 11);

  SECTION("at unregister") { f.index.unregister({100, 10}); }
  SECTION("at prune_dead") {
    f.tasks.end(100);
    f.index.prune_dead();
  }
  SECTION("when a new instance replaces it") {
    f.tasks.end(100);
    f.tasks.add(100, 20, init);
    f.index.register_process(100);
  }
  CHECK(f.index.snapshot()->threads.size() == 1);
  CHECK(f.index.key_for(170) == PidKey{101, 11});
  CHECK_FALSE(f.index.key_for(150));
}

TEST_CASE("threads: a process that starts and ends threads for ever does not fill the snapshot") {
  Fixture f;
  f.tasks.add(100, 10, init);
  f.tasks.add_thread(100, 101);  // one that stays
  f.index.resolve_notifier(101);
  std::size_t most = 0;
  f.tasks.reset_counts();
  constexpr int threads = 20000;
  for (pid_t tid = 1000; tid < 1000 + threads; ++tid) {
    f.tasks.add_thread(100, tid);
    REQUIRE(f.index.resolve_notifier(tid) == PidKey{100, 10});
    f.tasks.end_thread(tid);
    most = std::max(most, f.index.snapshot()->threads.size());
  }
  CHECK(most <= ThreadLedger::prune_at_least + 1);
  // Looking through costs a constant number of questions for each thread.
  CHECK(f.tasks.counts().is_thread_of <= 3 * threads);
  CHECK(f.index.key_for(101) == PidKey{100, 10});
}

TEST_CASE("threads: many living threads are all kept, and looked through seldom") {
  Fixture f;
  f.tasks.add(100, 10, init);
  f.tasks.reset_counts();
  constexpr int threads = 5000;
  for (pid_t tid = 1000; tid < 1000 + threads; ++tid) {
    f.tasks.add_thread(100, tid);
    f.index.resolve_notifier(tid);
  }
  CHECK(f.index.snapshot()->threads.size() == threads);
  CHECK(f.tasks.counts().is_thread_of <= 3 * threads);
}

TEST_CASE("threads: prune_dead forgets ended threads of a living group") {
  Fixture f;
  f.tasks.add(100, 10, init);
  for (const pid_t tid : {150, 151}) {
    f.tasks.add_thread(100, tid);
    f.index.resolve_notifier(tid);
  }
  f.tasks.end_thread(150);
  CHECK(f.index.prune_dead().empty());
  CHECK(f.index.snapshot()->threads.size() == 1);
  CHECK(f.index.key_for(151) == PidKey{100, 10});
}

TEST_CASE("threads: a tid that went to another group and back leaves with the group") {
  Fixture f;
  f.tasks.add(100, 10, init);
  f.tasks.add(101, 11, init);
  for (const pid_t tgid : {100, 101, 100}) {
    f.tasks.end_thread(150);
    f.tasks.add_thread(tgid, 150);
    REQUIRE(f.index.resolve_notifier(150));
  }
  CHECK(f.index.prune_dead().empty());
  CHECK(f.index.key_for(150) == PidKey{100, 10});
  f.index.unregister({101, 11});
  CHECK(f.index.key_for(150) == PidKey{100, 10});
  f.index.unregister({100, 10});
  CHECK(f.index.snapshot()->threads.empty());
}
