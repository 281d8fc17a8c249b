// What one notification costs: proctor beside the least a supervisor can do, interleaved in one run.

#include <fcntl.h>
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <caf/all.hpp>
#include <cstdio>
#include <iterator>
#include <nlohmann/json.hpp>
#include <numeric>
#include <string>
#include <thread>
#include <vector>

#include "actors/sandbox_thread.hpp"
#include "bench/bare_loop.h"
#include "bench/bench_target.hpp"

namespace proctor::bench {
namespace {

constexpr int calls_per_round = 1000;

/// One row of the table: `measured` against `base`, which is a row of the bare loop.
struct Row {
  const char* name;
  bool bare;
  bare_work work;
  Call call;
  int base;        ///< index of the row it is a ratio of; itself for a base
  double at_most;  ///< 0: no target
  std::vector<double> samples;

  /// 0 for a row that was not run.
  [[nodiscard]] double median() {
    if (samples.empty()) return 0;
    std::nth_element(samples.begin(), samples.begin() + static_cast<std::ptrdiff_t>(samples.size() / 2),
                     samples.end());
    return samples[samples.size() / 2];
  }
};

std::vector<Row> rows() {
  return {
      {"bare loop: getpgid", true, bare_answer, Call::getpgid, 0, 0, {}},
      {"proctor: answered from the snapshot", false, bare_answer, Call::getpgid, 0, 1.15, {}},
      {"bare loop: fchdir", true, bare_answer, Call::fchdir, 2, 0, {}},
      {"proctor: answered by the process actor", false, bare_answer, Call::fchdir, 2, 1.3, {}},
      {"bare loop: open, path read", true, bare_read_path, Call::open_file, 4, 0, {}},
      {"proctor: open, path read, continued", false, bare_answer, Call::open_file, 4, 1.3, {}},
      {"proctor: open of /proc/self/comm on behalf", false, bare_answer, Call::open_proc, 4, 0, {}},
  };
}

void print(std::vector<Row>& table, bool as_json) {
  nlohmann::json out = nlohmann::json::array();
  if (!as_json) fmt::print("{:<46} {:>9} {:>7} {:>8}\n", "one call", "us", "ratio", "at most");
  for (auto& row : table) {
    const double us = row.median();
    if (us == 0) continue;
    const double ratio = us / table[static_cast<std::size_t>(row.base)].median();
    if (as_json) {
      out.push_back({{"name", row.name}, {"us", us}, {"ratio", ratio}, {"at_most", row.at_most}});
      continue;
    }
    const std::string target = row.at_most > 0 ? fmt::format("{:.2f}x", row.at_most) : "";
    fmt::print("{:<46} {:>9.2f} {:>6.2f}x {:>8}{}\n", row.name, us, ratio, target,
               row.at_most > 0 && ratio > row.at_most ? "  missed" : "");
  }
  if (as_json) fmt::print("{}\n", out.dump(2));
}

int run(int argc, char** argv) {
  CLI::App app{"Times one notification, in microseconds and as a ratio to a bare RECV+SEND loop in C."};
  bool as_json = false;
  int rounds = 31;
  std::vector<std::size_t> chosen(rows().size());
  std::iota(chosen.begin(), chosen.end(), std::size_t{0});
  app.add_flag("--json", as_json, "JSON instead of a table");
  app.add_option("--rounds", rounds, "Rounds; medians are taken over them")->check(CLI::Range(1, 10000));
  app.add_option("--rows", chosen, "Only these rows, in this order, counted from 0: for a profiler")
      ->delimiter(',')
      ->check(CLI::Range(std::size_t{0}, chosen.size() - 1))
      ->allow_extra_args();
  CLI11_PARSE(app, argc, argv);

  auto bare = BenchTarget::start();
  auto supervised = BenchTarget::start();
  if (!bare || !supervised) {
    fmt::print(stderr, "bench: {}\n", (bare ? supervised.error() : bare.error()).message());
    return 1;
  }
  // adopt() asks for SYNC_WAKE_UP, which belongs to the listener, not to who holds it.
  const auto bare_listener_fd = bare->take_listener();
  if (!kernel::SeccompListener::adopt(kernel::UniqueFd{::dup(bare_listener_fd.get())})) return 1;
  const kernel::UniqueFd mem{::open(fmt::format("/proc/{}/mem", bare->pid()).c_str(), O_RDONLY | O_CLOEXEC)};
  caf::actor_system_config config;
  config.set("scheduler.policy", caf::atom("sharing"));
  config.set("scheduler.max-threads", std::size_t{1});
  caf::actor_system system{config};
  messages::SandboxOrder order;
  order.policy.name = "bench";
  order.target = supervised->pid();
  order.init = ::getpid();
  if (auto pidfd = kernel::PidFd::open(order.target)) order.target_pidfd = *std::move(pidfd);
  order.landlocked = true;
  order.signals_scoped = supervised->denial().scopes_signals;
  order.ungranted_directories = supervised->denial().ungranted_directories;
  order.listener = supervised->take_listener();
  auto sandbox = actors::SandboxThread::start(system, std::move(order), {},
                                              std::make_shared<actors::RecordTarget>(), 0, [] {});
  if (!sandbox) {
    fmt::print(stderr, "bench: {}\n", sandbox.error().message());
    return 1;
  }
  volatile int work = bare_answer;
  std::thread loop{[&] { run_bare_loop(bare_listener_fd.get(), mem.get(), &work); }};

  auto table = rows();
  for (int round = -1; round < rounds; ++round) {  // the first warms up
    for (const std::size_t number : chosen) {
      Row& row = table[number];
      work = row.work;
      const double us = (row.bare ? *bare : *supervised).time(row.call, calls_per_round);
      if (round >= 0) row.samples.push_back(us);
    }
  }
  print(table, as_json);

  bare->stop();
  supervised->stop();
  loop.join();
  caf::anon_send((*sandbox)->actor(), messages::SandboxDrained{});
  return 0;
}

}  // namespace
}  // namespace proctor::bench

int main(int argc, char** argv) { return proctor::bench::run(argc, argv); }
