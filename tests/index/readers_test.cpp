#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include "index/snapshot_reader.hpp"
#include "support/catch.hpp"
#include "tests/index/fixture.hpp"

using namespace proctor::index;
using namespace proctor::index::test;

TEST_CASE("snapshot reader: sees each change at the next look-up") {
  Fixture f;
  f.tasks.add(100, 10, init);
  f.tasks.add_thread(100, 150);
  SnapshotReader<Handle> reader(f.index);
  CHECK_FALSE(reader.contains(100));
  f.index.register_process(100);
  CHECK(reader.contains(100));
  CHECK(reader.key_for(100) == PidKey{100, 10});
  REQUIRE(reader.entry_for(100) != nullptr);
  CHECK(*reader.entry_for(100)->handle == PidKey{100, 10});
  CHECK_FALSE(reader.key_for(150));
  f.index.resolve_notifier(150);
  CHECK(reader.key_for(150) == PidKey{100, 10});
  f.tasks.end_thread(150);
  CHECK_FALSE(reader.key_for(150));
  f.index.unregister({100, 10});
  CHECK_FALSE(reader.contains(100));
  CHECK(reader.entry_for(100) == nullptr);
}

TEST_CASE("snapshot reader: takes a new snapshot only when there is one") {
  Fixture f;
  f.tasks.add(100, 10, init);
  f.index.register_process(100);
  SnapshotReader<Handle> reader(f.index);
  const auto* first = &reader.snapshot();
  CHECK(reader.contains(100));
  CHECK(&reader.snapshot() == first);
}

TEST_CASE("snapshot reader: release lets the handles go") {
  Fixture f;
  f.tasks.add(100, 10, init);
  f.index.register_process(100);
  SnapshotReader<Handle> reader(f.index);
  REQUIRE(reader.contains(100));
  const std::weak_ptr<const PidKey> state = reader.entry_for(100)->handle;
  f.index.unregister({100, 10});
  CHECK_FALSE(state.expired());
  reader.release();
  CHECK(state.expired());
  CHECK_FALSE(reader.contains(100));
}

TEST_CASE("index: readers on several threads see whole snapshots while the writer writes") {
  constexpr pid_t pids = 64;
  constexpr int rounds = 300;
  Fixture f;
  for (pid_t i = 0; i < pids; ++i) f.tasks.add(1000 + i, 10, init);
  f.tasks.add(100, 10, init);
  f.index.register_process(100);  // stays throughout

  std::atomic<bool> stop{false};
  std::atomic<int> bad{0};
  std::atomic<int> started{0};
  const auto check = [&](const Entry<Handle>& entry, pid_t pid) {
    if (entry.key.pid != pid || *entry.handle != entry.key) ++bad;
  };
  const auto by_index = [&] {
    ++started;
    for (pid_t i = 0; !stop; i = (i + 1) % pids) {
      if (const auto entry = f.index.entry_for(1000 + i)) check(*entry, 1000 + i);
      if (!f.index.contains(100)) ++bad;
      std::size_t seen = 0;
      const auto set = f.index.pids_snapshot();
      set.for_each([&](pid_t) { ++seen; });
      if (seen != set.size()) ++bad;
    }
  };
  const auto by_reader = [&] {
    SnapshotReader<Handle> reader(f.index);
    ++started;
    for (pid_t i = 0; !stop; i = (i + 1) % pids) {
      if (const auto* entry = reader.entry_for(1000 + i)) check(*entry, 1000 + i);
      if (!reader.contains(100)) ++bad;
    }
  };
  std::vector<std::thread> readers;
  readers.emplace_back(by_index);
  readers.emplace_back(by_index);
  readers.emplace_back(by_reader);
  readers.emplace_back(by_reader);
  while (started < 4) std::this_thread::yield();
  for (int round = 0; round < rounds; ++round) {
    for (pid_t i = 0; i < pids; ++i) f.index.register_process(1000 + i);
    for (pid_t i = 0; i < pids; ++i) f.index.unregister({1000 + i, 10});
  }
  stop = true;
  for (auto& reader : readers) reader.join();
  CHECK(bad == 0);
  CHECK(f.index.size() == 1);
}
