#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <vector>

#include "index/pid_key.hpp"

namespace proctor::index {

/// What the index needs to know of a task. All of one instance: an implementation that needs several
/// reads makes sure that they spoke of the same one.
struct TaskIdentity {
  PidKey group;      ///< the thread group's leader id and start time
  pid_t parent = 0;  ///< tgid of the real parent; 0 when that is outside our pid namespace

  bool operator==(const TaskIdentity&) const = default;
};

/// Where facts about tasks come from; an interface so that the index is tested without a kernel.
/// is_thread_of() is called on reader threads too, all else on the index's writer thread only.
class TaskSource {
 public:
  virtual ~TaskSource() = default;

  /// The task with this thread id, leader or not. Nothing: gone, or the kernel would not say (no
  /// descriptor left). Who must tell these apart asks is_thread_of(), which needs no resource.
  [[nodiscard]] virtual std::optional<TaskIdentity> identify(pid_t tid) const = 0;

  /// Whether `tid` is, now, a thread of the group `tgid`. Cheap: on the way of every notification.
  [[nodiscard]] virtual bool is_thread_of(pid_t tgid, pid_t tid) const = 0;

  /// The children of all threads of `tgid`, none when it is gone; nothing where the kernel cannot tell.
  /// A child may be left out while a sibling of it exits (proc(5), /proc/PID/task/TID/children).
  [[nodiscard]] virtual std::optional<std::vector<pid_t>> children_of(pid_t tgid) const = 0;

  /// Every process there is, ascending: what discovery falls back to; nothing where the kernel would not say
  /// (no descriptor left).
  [[nodiscard]] virtual std::optional<std::vector<pid_t>> all_pids() const = 0;
};

/// The kernel's own word. Stateless: one object serves any number of indexes and threads.
class KernelTaskSource final : public TaskSource {
 public:
  /// How a thread that leads no group is looked at.
  enum class Threads {
    by_pidfd,  ///< PIDFD_THREAD (6.9), by /proc where that is missing
    by_proc,   ///< always by /proc/TID/status, as on an older kernel
  };

  explicit KernelTaskSource(Threads threads = Threads::by_pidfd) noexcept : threads_(threads) {}

  /// About 10 us: a pidfd holds the instance while its start time is read from /proc.
  [[nodiscard]] std::optional<TaskIdentity> identify(pid_t tid) const override;
  [[nodiscard]] bool is_thread_of(pid_t tgid, pid_t tid) const override;
  [[nodiscard]] std::optional<std::vector<pid_t>> children_of(pid_t tgid) const override;
  [[nodiscard]] std::optional<std::vector<pid_t>> all_pids() const override;

 private:
  Threads threads_;
};

}  // namespace proctor::index
