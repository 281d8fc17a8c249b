#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "index/process_index.hpp"
#include "tests/index/fake_tasks.hpp"

namespace proctor::index::test {

/// What a process actor is to the index: something shared that knows its key.
using Handle = std::shared_ptr<const PidKey>;
using Index = ProcessIndex<Handle>;

/// The sandbox's own init, and a process that has nothing to do with it, in every fake table.
inline constexpr pid_t init = 90;
inline constexpr pid_t foreign = 50;

/// The numbers of its tracked processes, ascending.
inline std::vector<pid_t> tracked(const Index& index) {
  std::vector<pid_t> pids;
  index.pids_snapshot().for_each([&](pid_t pid) { pids.push_back(pid); });
  return pids;
}

/// A fake table with init and the foreign process.
inline FakeTasks first_tasks() {
  FakeTasks tasks;
  tasks.add(1, 1, 0);
  tasks.add(foreign, 5, 1);
  tasks.add(init, 9, 1);
  return tasks;
}

/// An index over a fake kernel, with a record of what it made and dropped.
struct Fixture {
  FakeTasks tasks = first_tasks();
  std::vector<PidKey> made;
  std::vector<PidKey> parents;  ///< of `made`
  std::vector<PidKey> dropped;
  std::function<void(const PidKey&)> on_make;
  bool refuse = false;
  Index index;

  explicit Fixture(pid_t own_init = init)
      : index(
            tasks, own_init,
            [this](const PidKey& key, const PidKey& parent) -> std::optional<Handle> {
              if (on_make) on_make(key);
              if (refuse) return std::nullopt;
              made.push_back(key);
              parents.push_back(parent);
              return std::make_shared<const PidKey>(key);
            },
            [this](const Entry<Handle>& entry) { dropped.push_back(entry.key); }) {}

  [[nodiscard]] std::vector<pid_t> tracked() const { return test::tracked(index); }
};

using Keys = std::vector<PidKey>;
using Pids = std::vector<pid_t>;

}  // namespace proctor::index::test
