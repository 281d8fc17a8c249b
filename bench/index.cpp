// What the process index costs: a change (register + publish, unregister + publish) and a look-up, at 10 to
// 100,000 tracked processes, beside two other ways to build it. Medians of interleaved rounds, so that a
// busy machine slows all rows alike. The kernel is left out: its share is the same for all.

#include <fmt/format.h>
#include <malloc.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <functional>
#include <latch>
#include <memory>
#include <nlohmann/json.hpp>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "index/process_index.hpp"
#include "index/snapshot_reader.hpp"

namespace {

using namespace proctor::index;

constexpr std::uint64_t start_time = 7;
constexpr pid_t root_pid = 1;

/// Stands for a process actor's handle: shared, counted.
struct State {
  std::array<char, 64> content{};
};
using Handle = std::shared_ptr<State>;

/// Every number is a living process; answers at once.
class EveryTask final : public TaskSource {
 public:
  [[nodiscard]] std::optional<TaskIdentity> identify(pid_t tid) const override {
    return TaskIdentity{{tid, start_time}, root_pid};
  }
  [[nodiscard]] bool is_thread_of(pid_t, pid_t) const override { return true; }
  [[nodiscard]] std::optional<std::vector<pid_t>> children_of(pid_t) const override {
    return std::vector<pid_t>{};
  }
  [[nodiscard]] std::optional<std::vector<pid_t>> all_pids() const override { return std::nullopt; }
};

/// The index as it is, read through a SnapshotReader.
class Trie {
 public:
  static constexpr const char* name = "trie";

  void add(pid_t pid) { index_.register_process(pid); }
  void remove(pid_t pid) { index_.unregister({pid, start_time}); }
  const Entry<Handle>* find(pid_t pid) { return reader_.entry_for(pid); }
  [[nodiscard]] const ProcessIndex<Handle>& index() const { return index_; }

 private:
  EveryTask tasks_;
  ProcessIndex<Handle> index_{tasks_, 0, [](const PidKey&, const PidKey&) -> std::optional<Handle> {
                                return std::make_shared<State>();
                              }};
  SnapshotReader<Handle> reader_{index_};
};

/// One sorted vector, copied for each change.
class FlatCopy {
 public:
  static constexpr const char* name = "flat copy";
  using Table = std::vector<Entry<Handle>>;

  void add(pid_t pid) {
    auto next = std::make_shared<Table>();
    next->reserve(current_->size() + 1);
    const auto at = std::lower_bound(current_->begin(), current_->end(), pid, before);
    next->assign(current_->begin(), at);
    next->push_back({{pid, start_time}, {}, std::make_shared<State>()});
    next->insert(next->end(), at, current_->end());
    publish(std::move(next));
  }
  void remove(pid_t pid) {
    auto next = std::make_shared<Table>();
    next->reserve(current_->size());
    const auto at = std::lower_bound(current_->begin(), current_->end(), pid, before);
    next->assign(current_->begin(), at);
    next->insert(next->end(), at + 1, current_->end());
    publish(std::move(next));
  }
  const Entry<Handle>* find(pid_t pid) {
    if (const auto now = version_.load(std::memory_order_acquire); now != cached_version_) {
      cached_version_ = now;
      cached_ = published_.load();
    }
    const auto at = std::lower_bound(cached_->begin(), cached_->end(), pid, before);
    return at != cached_->end() && at->key.pid == pid ? &*at : nullptr;
  }

 private:
  static bool before(const Entry<Handle>& entry, pid_t pid) { return entry.key.pid < pid; }
  void publish(std::shared_ptr<const Table> next) {
    current_ = std::move(next);
    published_.store(current_);
    version_.fetch_add(1, std::memory_order_release);
  }

  std::shared_ptr<const Table> current_ = std::make_shared<Table>();
  PublishedPtr<Table> published_{current_};
  std::atomic<std::uint64_t> version_{1};
  std::shared_ptr<const Table> cached_;
  std::uint64_t cached_version_ = 0;
};

/// 64 flat tables by the number's low bits: a change copies one of them. No snapshot of the whole.
class Sharded {
 public:
  static constexpr const char* name = "64 shards";

  void add(pid_t pid) { shard(pid).add(pid); }
  void remove(pid_t pid) { shard(pid).remove(pid); }
  const Entry<Handle>* find(pid_t pid) { return shard(pid).find(pid); }

 private:
  FlatCopy& shard(pid_t pid) { return shards_[static_cast<std::size_t>(pid) % shards_.size()]; }

  std::array<FlatCopy, 64> shards_;
};

/// One row: an operation of one variant at one size.
struct Row {
  std::string operation;
  std::string variant;
  std::size_t processes = 0;
  std::function<double()> round;  ///< ns per operation
  std::vector<double> samples;
  double target_ns = 0;  ///< 0: none

  [[nodiscard]] double median() const {
    auto sorted = samples;
    std::sort(sorted.begin(), sorted.end());
    return sorted[sorted.size() / 2];
  }
};

using Clock = std::chrono::steady_clock;

double ns_since(Clock::time_point begin) {
  return std::chrono::duration<double, std::nano>(Clock::now() - begin).count();
}

/// The result must look used, or the compiler removes the look-up.
template <class T>
void keep(const T& value) {
  asm volatile("" : : "g"(&value) : "memory");
}

/// Distinct numbers over the kernel's whole range: scattered wider than real ones, the trie's worst case.
std::vector<pid_t> scattered_pids(std::size_t count) {
  std::mt19937 random(42);
  std::uniform_int_distribution<pid_t> any(300, 4194303);
  std::set<pid_t> pids;
  while (pids.size() < count) pids.insert(any(random));
  std::vector<pid_t> shuffled(pids.begin(), pids.end());
  std::shuffle(shuffled.begin(), shuffled.end(), random);
  return shuffled;
}

template <class F>
double ns_each(const std::vector<pid_t>& pids, F&& operation) {
  const auto begin = Clock::now();
  for (const pid_t pid : pids) operation(pid);
  return ns_since(begin) / static_cast<double>(pids.size());
}

/// As above, once before it counts: the rows before may have pushed the numbers out of the caches.
template <class F>
double ns_each_warm(const std::vector<pid_t>& pids, F&& operation) {
  for (const pid_t pid : pids) operation(pid);
  return ns_each(pids, operation);
}

/// What rows of one size share.
struct Numbers {
  std::vector<pid_t> tracked;
  std::vector<pid_t> sample;   ///< some of them
  std::vector<pid_t> missing;  ///< as many that are not tracked
  std::vector<pid_t> fresh;    ///< to be added and removed again
};

Numbers numbers_for(std::size_t processes, std::size_t changes) {
  const auto all = scattered_pids(processes + 1000 + changes);
  const auto at = [&](std::size_t i) { return all.begin() + static_cast<std::ptrdiff_t>(i); };
  Numbers numbers;
  numbers.tracked.assign(at(0), at(processes));
  for (std::size_t i = 0; i < 1000; ++i) numbers.sample.push_back(all[i % processes]);
  numbers.missing.assign(at(processes), at(processes + 1000));
  numbers.fresh.assign(at(processes + 1000), all.end());
  return numbers;
}

template <class Variant>
void add_rows(std::vector<Row>& rows, const std::shared_ptr<const Numbers>& numbers) {
  const std::size_t heap_before = mallinfo2().uordblks;
  const auto variant = std::make_shared<Variant>();
  for (const pid_t pid : numbers->tracked) variant->add(pid);
  const auto heap = static_cast<double>(mallinfo2().uordblks - heap_before);
  const std::size_t size = numbers->tracked.size();
  const auto row = [&](const char* operation, std::function<double()> round, double target_ns = 0) {
    rows.push_back({operation, Variant::name, size, std::move(round), {}, target_ns});
  };

  const bool has_target = size == 10000 && std::is_same_v<Variant, Trie>;
  row(
      "register + publish",
      [=] {
        const double ns = ns_each(numbers->fresh, [&](pid_t pid) { variant->add(pid); });
        for (const pid_t pid : numbers->fresh) variant->remove(pid);
        return ns;
      },
      has_target ? 20000 : 0);
  row("unregister + publish", [=] {
    for (const pid_t pid : numbers->fresh) variant->add(pid);
    return ns_each(numbers->fresh, [&](pid_t pid) { variant->remove(pid); });
  });
  row("key_for, reader", [=] {
    return ns_each_warm(numbers->sample, [&](pid_t pid) { keep(variant->find(pid)->key.start_time); });
  });
  row("entry_for, reader", [=] {
    return ns_each_warm(numbers->sample, [&](pid_t pid) { keep(variant->find(pid)->handle.get()); });
  });
  row("contains, reader",
      [=] { return ns_each_warm(numbers->sample, [&](pid_t pid) { keep(variant->find(pid) != nullptr); }); });
  row("miss, reader", [=] {
    return ns_each_warm(numbers->missing, [&](pid_t pid) { keep(variant->find(pid) != nullptr); });
  });
  if constexpr (std::is_same_v<Variant, Trie>) {
    row("key_for, no reader", [=] {
      return ns_each_warm(numbers->sample, [&](pid_t pid) { keep(variant->index().key_for(pid)); });
    });
  }
  row("bytes per process", [=] { return heap / static_cast<double>(size); });
}

/// ns per load on each of `threads` threads at once.
template <class Load>
double loads(int threads, Load&& load) {
  constexpr int count = 100000;
  std::latch ready(threads);
  std::atomic<double> total{0};
  std::vector<std::thread> running;
  for (int i = 0; i < threads; ++i) {
    running.emplace_back([&] {
      ready.arrive_and_wait();
      const auto begin = Clock::now();
      for (int n = 0; n < count; ++n) keep(load());
      total.fetch_add(ns_since(begin) / count);
    });
  }
  for (auto& thread : running) thread.join();
  return total / threads;
}

/// Taking the snapshot itself, by one and by two threads at once.
void add_load_rows(std::vector<Row>& rows) {
  const auto value = std::make_shared<const int>(1);
  const auto ours = std::make_shared<PublishedPtr<int>>(value);
  const auto standard = std::make_shared<std::atomic<std::shared_ptr<const int>>>(value);
  for (const int threads : {1, 2}) {
    const auto operation = fmt::format("load, {} reader(s)", threads);
    rows.push_back(
        {operation, "PublishedPtr", 0, [=] { return loads(threads, [&] { return ours->load(); }); }, {}, 0});
    rows.push_back({operation,
                    "std::atomic",
                    0,
                    [=] { return loads(threads, [&] { return standard->load(); }); },
                    {},
                    0});
  }
}

std::string as_text(double ns) {
  return ns < 1000 ? fmt::format("{:.1f} ns", ns) : fmt::format("{:.2f} us", ns / 1000);
}

void print_table(const std::vector<Row>& rows) {
  fmt::print("{:<22} {:<13} {:>9} {:>12} {:>22}\n", "operation", "variant", "processes", "median", "target");
  for (const Row& row : rows) {
    const bool bytes = row.operation.starts_with("bytes");
    const auto target = row.target_ns == 0 ? std::string()
                                           : fmt::format("at most {}: {}", as_text(row.target_ns),
                                                         row.median() <= row.target_ns ? "met" : "MISSED");
    fmt::print("{:<22} {:<13} {:>9} {:>12} {:>22}\n", row.operation, row.variant, row.processes,
               bytes ? fmt::format("{:.0f} B", row.median()) : as_text(row.median()), target);
  }
}

void print_json(const std::vector<Row>& rows, int rounds) {
  auto results = nlohmann::json::array();
  for (const Row& row : rows) {
    const bool bytes = row.operation.starts_with("bytes");
    nlohmann::json result{
        {"operation", row.operation}, {"variant", row.variant}, {"processes", row.processes}};
    result[bytes ? "bytes" : "median_ns"] = row.median();
    if (row.target_ns != 0) result["target_ns"] = row.target_ns;
    results.push_back(std::move(result));
  }
  fmt::print("{}\n", nlohmann::json{{"bench", "index"}, {"rounds", rounds}, {"results", results}}.dump(2));
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("What the process index costs");
  bool json = false;
  int rounds = 9;
  std::vector<std::size_t> sizes{10, 1000, 10000, 100000};
  app.add_flag("--json", json, "Print JSON instead of a table");
  app.add_option("--rounds", rounds, "Interleaved rounds")->check(CLI::Range(1, 1000))->capture_default_str();
  app.add_option("--processes", sizes, "Tracked processes")->check(CLI::Range(1, 1000000));
  CLI11_PARSE(app, argc, argv);

  std::vector<Row> rows;
  for (const std::size_t size : sizes) {
    const auto numbers = std::make_shared<const Numbers>(numbers_for(size, 20));
    add_rows<Trie>(rows, numbers);
    if (size <= 10000) add_rows<FlatCopy>(rows, numbers);  // building a larger one takes minutes
    add_rows<Sharded>(rows, numbers);
  }
  add_load_rows(rows);
  for (int round = 0; round < rounds; ++round) {
    for (Row& row : rows) row.samples.push_back(row.round());
  }
  if (json)
    print_json(rows, rounds);
  else
    print_table(rows);
  return 0;
}
