#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include <algorithm>
#include <condition_variable>
#include <fstream>
#include <mutex>
#include <string>
#include <thread>

#include "index/snapshot_reader.hpp"
#include "index/task_source.hpp"
#include "kernel/proc_stat.hpp"
#include "support/catch.hpp"
#include "tests/index/child_process.hpp"
#include "tests/index/fixture.hpp"

using namespace proctor::index;
using namespace proctor::index::test;
namespace kernel = proctor::kernel;

namespace {

/// A thread of this process that stays until it is told to end.
class LivingThread {
 public:
  LivingThread()
      : thread_([this] {
          std::unique_lock lock(mutex_);
          tid_ = ::gettid();
          changed_.notify_all();
          changed_.wait(lock, [this] { return ended_; });
        }) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return tid_ != 0; });
  }
  ~LivingThread() { end(); }

  [[nodiscard]] pid_t tid() const { return tid_; }
  void end() {
    if (!thread_.joinable()) return;
    {
      const std::lock_guard lock(mutex_);
      ended_ = true;
    }
    changed_.notify_all();
    thread_.join();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  pid_t tid_ = 0;
  bool ended_ = false;
  std::thread thread_;
};

/// Dies with the thread that forked it, so that a killed test leaves nothing behind.
void end_with_parent() { ::prctl(PR_SET_PDEATHSIG, SIGKILL); }

/// Forks until a child has exactly the number `pid`, which must be free. Others may take it first.
std::optional<ChildProcess> fork_as(pid_t pid) {
  for (int attempt = 0; attempt < 200; ++attempt) {
    std::ofstream("/proc/sys/kernel/ns_last_pid") << pid - 1 << std::flush;
    ChildProcess child([] { end_with_parent(); });
    if (child.pid() == pid) return child;
  }
  return std::nullopt;
}

/// Tried, because the file's mode lets anybody open it: the write asks for CAP_CHECKPOINT_RESTORE.
bool may_choose_pids() {
  std::fstream last_pid("/proc/sys/kernel/ns_last_pid");
  pid_t pid = 0;
  last_pid >> pid;
  last_pid.seekp(0);
  return static_cast<bool>(last_pid << pid << std::flush);
}

/// Until now() is past the 10 ms in which `key` started, so that a new instance shows.
void wait_past(const PidKey& key) {
  REQUIRE(eventually([&] {
    const ChildProcess probe([] {});
    const auto stat = kernel::read_proc_stat(probe.pid());
    return stat && stat->start_time_ticks > key.start_time;
  }));
}

/// An index over the real kernel.
struct KernelFixture {
  KernelTaskSource tasks;
  std::vector<PidKey> dropped;
  Index index;

  explicit KernelFixture(pid_t own_init)
      : index(
            tasks, own_init,
            [](const PidKey& key, const PidKey&) -> std::optional<Handle> {
              return std::make_shared<const PidKey>(key);
            },
            [this](const Entry<Handle>& entry) { dropped.push_back(entry.key); }) {}
};

}  // namespace

TEST_CASE("kernel tasks: a process is known by pid, start time and parent") {
  const KernelTaskSource source;
  const ChildProcess child([] { end_with_parent(); });
  const auto task = source.identify(child.pid());
  REQUIRE(task);
  CHECK(task->group.pid == child.pid());
  CHECK(task->group.start_time == kernel::read_proc_stat(child.pid())->start_time_ticks);
  CHECK(task->parent == ::getpid());
  CHECK(source.is_thread_of(child.pid(), child.pid()));
  CHECK_FALSE(source.is_thread_of(::getpid(), child.pid()));
}

TEST_CASE("kernel tasks: a zombie is there until it is reaped") {
  const KernelTaskSource source;
  ChildProcess child([] { end_with_parent(); });
  const pid_t pid = child.pid();
  child.kill();
  const auto zombie = source.identify(pid);
  REQUIRE(zombie);
  CHECK(zombie->group.pid == pid);
  child.end();
  CHECK_FALSE(source.identify(pid));
  CHECK_FALSE(source.is_thread_of(pid, pid));
  CHECK(source.children_of(pid) == Pids{});
}

TEST_CASE("kernel tasks: nothing has a number below 1") {
  const KernelTaskSource source;
  CHECK_FALSE(source.identify(0));
  CHECK_FALSE(source.identify(-1));
  CHECK_FALSE(source.is_thread_of(0, 0));
  CHECK_FALSE(source.is_thread_of(-1, ::getpid()));
}

TEST_CASE("kernel tasks: a thread is identified as its group, with and without PIDFD_THREAD") {
  const KernelTaskSource source(
      GENERATE(KernelTaskSource::Threads::by_pidfd, KernelTaskSource::Threads::by_proc));
  LivingThread thread;
  const auto leader = source.identify(::getpid());
  REQUIRE(leader);
  CHECK(leader->group.pid == ::getpid());
  CHECK(leader->parent == ::getppid());
  CHECK(source.identify(thread.tid()) == leader);
  CHECK(source.is_thread_of(::getpid(), thread.tid()));
  const pid_t tid = thread.tid();
  thread.end();
  CHECK(eventually([&] { return !source.is_thread_of(::getpid(), tid); }));
  CHECK_FALSE(source.identify(tid));
}

TEST_CASE("kernel tasks: children of every thread are listed, and every process") {
  const KernelTaskSource source;
  pid_t from_thread = 0;
  const ChildProcess first([] { end_with_parent(); });
  std::mutex mutex;
  std::condition_variable changed;
  bool done = false;
  std::thread other([&] {
    ChildProcess second([] { end_with_parent(); });
    std::unique_lock lock(mutex);
    from_thread = second.pid();
    changed.notify_all();
    changed.wait(lock, [&] { return done; });
  });
  {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return from_thread != 0; });
  }
  const auto children = source.children_of(::getpid());
  if (children) {
    CHECK(std::count(children->begin(), children->end(), first.pid()) == 1);
    CHECK(std::count(children->begin(), children->end(), from_thread) == 1);
  } else {
    proctor::tests::skip("this kernel does not list children (CONFIG_PROC_CHILDREN)");
  }
  const auto all = source.all_pids();
  REQUIRE(all);
  CHECK(std::is_sorted(all->begin(), all->end()));
  CHECK(std::binary_search(all->begin(), all->end(), from_thread));
  {
    const std::lock_guard lock(mutex);
    done = true;
  }
  changed.notify_all();
  other.join();
}

TEST_CASE("index on the kernel: a child and a grandchild without any notified call are found") {
  PidPipe told;
  const ChildProcess target([&] {
    end_with_parent();
    const ChildProcess child([&] {
      end_with_parent();
      const ChildProcess grandchild([&] {
        end_with_parent();
        told.send(::getpid());
      });
      ::pause();
    });
    ::pause();
  });
  const pid_t grandchild = told.receive();
  REQUIRE(grandchild > 0);
  KernelFixture f(0);
  const auto root = f.index.register_process(target.pid());
  REQUIRE(root);

  SECTION("by name") {
    CHECK(f.index.find_member(grandchild));
    CHECK_FALSE(f.index.find_member(::getpid()));
    CHECK_FALSE(f.index.find_member(::getppid()));
    CHECK_FALSE(f.index.find_member(1));
  }
  SECTION("by discovery") { f.index.discover(); }
  CHECK(f.index.size() == 3);
  const auto entry = f.index.entry_for(grandchild);
  REQUIRE(entry);
  CHECK(f.index.entry_for(entry->parent.pid)->parent == *root);
}

TEST_CASE("index on the kernel: an orphan that the subreaper adopts stays") {
  PidPipe told;
  PidPipe go;
  const ChildProcess own_init([&] {
    end_with_parent();
    ::prctl(PR_SET_CHILD_SUBREAPER, 1);
    const pid_t target = ::fork();
    if (target == 0) {
      const pid_t target_pid = ::getpid();
      const pid_t own_init_pid = ::getppid();
      if (::fork() == 0) {
        told.send(target_pid);
        told.send(::getpid());
        if (!eventually([&] { return ::getppid() == own_init_pid; })) ::_exit(1);
        end_with_parent();
        told.send(::getppid());
        for (;;) ::pause();
      }
      go.receive();
      ::_exit(0);
    }
    ::waitpid(target, nullptr, 0);
  });
  const pid_t target = told.receive();
  const pid_t orphan = told.receive();
  REQUIRE(target > 0);
  REQUIRE(orphan > 0);
  KernelFixture f(own_init.pid());
  const auto root = f.index.register_process(target);
  REQUIRE(root);
  go.send(1);
  REQUIRE(told.receive() == own_init.pid());
  REQUIRE(eventually([&] { return !f.tasks.identify(target); }));
  CHECK(f.index.prune_dead() == Keys{*root});

  SECTION("by name") { CHECK(f.index.find_member(orphan)); }
  SECTION("by discovery") { f.index.discover(); }
  CHECK(tracked(f.index) == Pids{orphan});
  CHECK_FALSE(f.index.find_member(own_init.pid()));
}

TEST_CASE("index on the kernel: a thread resolves to its group, and not after it ended") {
  KernelFixture f(0);
  LivingThread thread;
  const auto key = f.index.resolve_notifier(thread.tid());
  REQUIRE(key);
  CHECK(key->pid == ::getpid());
  SnapshotReader<Handle> reader(f.index);
  CHECK(reader.key_for(thread.tid()) == key);
  const pid_t tid = thread.tid();
  thread.end();
  CHECK(eventually([&] { return !f.tasks.is_thread_of(::getpid(), tid); }));
  CHECK_FALSE(reader.key_for(tid));
  CHECK_FALSE(f.index.resolve_notifier(tid));
  CHECK(reader.contains(::getpid()));
}

TEST_CASE("index on the kernel: prune_dead drops the reaped and keeps the zombie") {
  KernelFixture f(0);
  ChildProcess zombie([] { end_with_parent(); });
  ChildProcess reaped([] { end_with_parent(); });
  REQUIRE(f.index.register_process(zombie.pid()));
  const auto gone = f.index.register_process(reaped.pid());
  REQUIRE(gone);
  zombie.kill();
  reaped.end();
  CHECK(f.index.prune_dead() == Keys{*gone});
  CHECK(f.index.contains(zombie.pid()));
}

TEST_CASE("index on the kernel: prune_dead without descriptors drops nobody") {
  KernelFixture f(0);
  const ChildProcess child([] { end_with_parent(); });
  REQUIRE(f.index.register_process(child.pid()));
  rlimit old{};
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &old) == 0);
  rlimit none = old;
  none.rlim_cur = 0;
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &none) == 0);
  const auto blind = f.tasks.identify(child.pid());
  const auto pruned = f.index.prune_dead();
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &old) == 0);
  CHECK_FALSE(blind);
  CHECK(pruned.empty());
  CHECK(f.index.contains(child.pid()));
}

TEST_CASE("index on the kernel: a recycled pid is another instance") {
  if (!may_choose_pids()) {
    proctor::tests::skip("/proc/sys/kernel/ns_last_pid cannot be set (not root)");
    return;
  }
  KernelFixture f(0);
  ChildProcess first([] { end_with_parent(); });
  const pid_t pid = first.pid();
  const auto old_key = f.index.register_process(pid);
  REQUIRE(old_key);
  wait_past(*old_key);
  first.end();
  const auto second = fork_as(pid);
  if (!second) {
    proctor::tests::skip("others took the number each time");
    return;
  }

  SECTION("register replaces the stale entry") {
    const auto key = f.index.register_process(pid);
    REQUIRE(key);
    CHECK(key->pid == pid);
    CHECK(key->start_time > old_key->start_time);
    CHECK(f.dropped == Keys{*old_key});
    CHECK_FALSE(f.index.unregister(*old_key));
    CHECK(f.index.contains(pid));
  }
  SECTION("prune_dead drops it") {
    CHECK(f.index.prune_dead() == Keys{*old_key});
    CHECK_FALSE(f.index.contains(pid));
  }
}

TEST_CASE("index on the kernel: a tid that a foreign process got is not believed") {
  if (!may_choose_pids()) {
    proctor::tests::skip("/proc/sys/kernel/ns_last_pid cannot be set (not root)");
    return;
  }
  KernelFixture f(0);
  // The sandbox: a child with a thread; then its thread's number goes to a child of ours, a stranger.
  PidPipe told;
  PidPipe go;
  const ChildProcess target([&] {
    end_with_parent();
    std::thread([&] {
      told.send(::gettid());
      go.receive();
    }).join();
    told.send(0);
  });
  const pid_t target_tid = told.receive();
  const auto key = f.index.resolve_notifier(target_tid);
  REQUIRE(key);
  CHECK(key->pid == target.pid());
  go.send(1);
  REQUIRE(told.receive() == 0);
  REQUIRE(eventually([&] { return !f.tasks.is_thread_of(target.pid(), target_tid); }));
  const auto stranger = fork_as(target_tid);
  if (!stranger) {
    proctor::tests::skip("others took the number each time");
    return;
  }
  CHECK_FALSE(f.index.contains(target_tid));
  CHECK_FALSE(f.index.find_member(target_tid));
  CHECK(f.index.contains(target.pid()));
}
