#include "index/process_index.hpp"

#include "support/catch.hpp"
#include "tests/index/fixture.hpp"

using namespace proctor::index;
using namespace proctor::index::test;

TEST_CASE("pid key: reads as pid@start time") {
  CHECK(to_string(PidKey{4711, 1234567}) == "4711@1234567");
  CHECK(to_string(PidKey{}) == "0@0");
}

TEST_CASE("index: register makes the state once and gives the key") {
  Fixture f;
  f.tasks.add(100, 10, init);
  const PidKey key{100, 10};
  CHECK(f.index.register_process(100) == key);
  CHECK(f.index.register_process(100) == key);
  CHECK(f.made == Keys{key});
  CHECK(f.index.size() == 1);
  const auto entry = f.index.entry_for(100);
  REQUIRE(entry);
  CHECK(entry->key == key);
  CHECK(*entry->handle == key);
}

TEST_CASE("index: register gives nothing for a process that is gone, or when no state is made") {
  Fixture f;
  CHECK_FALSE(f.index.register_process(100));
  CHECK_FALSE(f.index.register_process(0));
  CHECK_FALSE(f.index.register_process(-1));
  f.tasks.add(100, 10, init);
  f.refuse = true;
  CHECK_FALSE(f.index.register_process(100));
  CHECK(f.index.size() == 0);
}

TEST_CASE("index: register gives nothing for a thread that leads no group") {
  Fixture f;
  f.tasks.add(100, 10, init);
  f.tasks.add_thread(100, 101);
  CHECK_FALSE(f.index.register_process(101));
  CHECK(f.index.size() == 0);
}

TEST_CASE("index: the parent is the tracked one; none for the root") {
  Fixture f;
  f.tasks.add(100, 10, init);
  f.tasks.add(101, 11, 100);
  f.index.register_process(100);
  f.index.register_process(101);
  CHECK(f.parents == Keys{{}, {100, 10}});
  CHECK(f.index.entry_for(101)->parent == PidKey{100, 10});
}

TEST_CASE("index: a new instance under a recycled pid replaces the stale entry") {
  Fixture f;
  f.tasks.add(100, 10, init);
  f.index.register_process(100);
  f.tasks.end(100);
  f.tasks.add(100, 20, init);
  CHECK(f.index.register_process(100) == PidKey{100, 20});
  CHECK(f.index.size() == 1);
  CHECK(f.index.key_for(100) == PidKey{100, 20});
  CHECK(f.dropped == Keys{{100, 10}});
}

TEST_CASE("index: a process that is recycled while its state is made is not registered") {
  Fixture f;
  f.tasks.add(100, 10, init);
  // The state opens the process by its number after this: it would hold the foreign one.
  f.on_make = [&](const PidKey&) {
    f.tasks.end(100);
    f.tasks.add(100, 20, foreign);
  };
  CHECK_FALSE(f.index.register_process(100));
  CHECK_FALSE(f.index.contains(100));
  CHECK(f.dropped == Keys{{100, 10}});
}

TEST_CASE("index: key_for, entry_for and contains give nothing for what was never registered") {
  Fixture f;
  f.tasks.add(100, 10, init);
  CHECK_FALSE(f.index.key_for(100));
  CHECK_FALSE(f.index.entry_for(100));
  CHECK_FALSE(f.index.contains(100));
  CHECK_FALSE(f.index.contains(foreign));
  CHECK_FALSE(f.index.contains(-1));
}

TEST_CASE("index: unregister removes an exact match only") {
  Fixture f;
  f.tasks.add(100, 10, init);
  f.index.register_process(100);
  f.tasks.add(100, 20, init);
  f.index.register_process(100);
  CHECK_FALSE(f.index.unregister({100, 10}));
  CHECK(f.index.contains(100));
  CHECK_FALSE(f.index.unregister({101, 20}));
  CHECK(f.index.unregister({100, 20}));
  CHECK_FALSE(f.index.contains(100));
  CHECK_FALSE(f.index.unregister({100, 20}));
}

TEST_CASE("index: a handle stays usable after unregister") {
  Fixture f;
  f.tasks.add(100, 10, init);
  f.index.register_process(100);
  const auto entry = f.index.entry_for(100);
  const std::weak_ptr<const PidKey> state = entry->handle;
  f.index.unregister({100, 10});
  CHECK(*entry->handle == PidKey{100, 10});
  CHECK(state.use_count() == 1);  // the index itself has let go
}

TEST_CASE("index: a snapshot and a set of pids are independent of later changes") {
  Fixture f;
  f.tasks.add(100, 10, init);
  f.tasks.add(101, 11, 100);
  f.index.register_process(100);
  const auto before = f.index.snapshot();
  const auto pids = f.index.pids_snapshot();
  f.index.register_process(101);
  f.index.unregister({100, 10});
  CHECK(before->processes.size() == 1);
  CHECK(before->processes.contains(100));
  CHECK(pids.contains(100));
  CHECK_FALSE(pids.contains(101));
  CHECK(pids.size() == 1);
  CHECK(f.tracked() == Pids{101});
}

TEST_CASE("index: prune_dead drops the ended and the recycled and keeps the others") {
  Fixture f;
  for (const pid_t pid : {100, 101, 102}) {
    f.tasks.add(pid, 10, init);
    f.index.register_process(pid);
  }
  f.tasks.end(101);
  f.tasks.end(102);
  f.tasks.add(102, 20, foreign);
  CHECK(f.index.prune_dead() == Keys{{101, 10}, {102, 10}});
  CHECK(f.dropped == Keys{{101, 10}, {102, 10}});
  CHECK(f.tracked() == Pids{100});
  CHECK(f.index.prune_dead().empty());
}

TEST_CASE("index: prune_dead drops a number that a thread has now") {
  Fixture f;
  f.tasks.add(100, 10, init);
  f.tasks.add(101, 11, init);
  f.index.register_process(100);
  f.index.register_process(101);
  f.tasks.end(101);
  f.tasks.add_thread(100, 101);
  CHECK(f.index.prune_dead() == Keys{{101, 11}});
}

TEST_CASE("index: prune_dead keeps a living process that the kernel would not tell about") {
  Fixture f;
  f.tasks.add(100, 10, init);
  f.index.register_process(100);
  f.tasks.hide(100);
  CHECK(f.index.prune_dead().empty());
  CHECK(f.index.contains(100));
}

TEST_CASE("index: on_dropped may use the index") {
  FakeTasks tasks;
  tasks.add(100, 10, init);
  tasks.add(101, 11, init);
  Index* self = nullptr;
  bool seen = true;
  Index index(
      tasks, init,
      [](const PidKey& key, const PidKey&) -> std::optional<Handle> { return std::make_shared<PidKey>(key); },
      [&](const Entry<Handle>& entry) {
        seen = self->contains(entry.key.pid);
        self->unregister({101, 11});
      });
  self = &index;
  index.register_process(100);
  index.register_process(101);
  tasks.end(100);
  index.prune_dead();
  CHECK_FALSE(seen);
  CHECK(index.size() == 0);
}

TEST_CASE("index: one sandbox does not see another's processes") {
  Fixture one(90);
  Fixture two(91);
  for (Fixture* f : {&one, &two}) {
    f->tasks.add(91, 9, 1);
    f->tasks.add(100, 10, 90);
    f->tasks.add(200, 10, 91);
  }
  one.index.register_process(100);
  two.index.register_process(200);
  CHECK_FALSE(one.index.find_member(200));
  CHECK_FALSE(two.index.find_member(100));
  CHECK(one.tracked() == Pids{100});
}
