#include "launch/tree.hpp"

#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <vector>

#include "kernel/pidfd.hpp"
#include "kernel/proc_stat.hpp"
#include "kernel/scarcity.hpp"

namespace proctor::launch {
namespace {

/// Longest sleep, in milliseconds, before the tree is looked at again while killed processes are still on
/// their way out.
constexpr int backoff_max_ms = 50;

/// The children of `parent` where the kernel does not list them (no CONFIG_PROC_CHILDREN), or not fast
/// enough: every process is asked for its parent.
kernel::Result<std::vector<pid_t>> children_by_search(pid_t parent) {
  const auto all = kernel::read_all_pids();
  if (!all) return all.error();
  std::vector<pid_t> children;
  for (const pid_t pid : *all) {
    const auto stat = kernel::read_proc_stat(pid);
    if (!stat && kernel::is_for_want_of_room(stat.error())) return stat.error();
    if (stat && stat->ppid == parent) children.push_back(pid);
  }
  return children;
}

kernel::Result<std::vector<pid_t>> children_of(pid_t parent) {
  auto children = kernel::read_children(parent);
  if (children) return children;
  const int why = children.error().number;
  return why == ENOTSUP || why == EAGAIN ? children_by_search(parent) : children;
}

/// One pass over the tree, from the root down: SIGKILL to all that is not yet a zombie.
///
/// A number read from a list of children may be somebody else's by the time it is opened. So a process is
/// touched only when its pidfd says that its parent is one we hold a pidfd of, and that parent is not
/// yet reaped: its number is then still its own.
class KillPass {
 public:
  explicit KillPass(const Bystanders& spared) noexcept : spared_(spared) {}

  /// Returns how many processes were not yet dead. `last_alive()` is then one of them.
  std::size_t run() {
    const pid_t self = ::getpid();
    const auto own = children_of(self);
    if (!own) {
      is_incomplete_ = true;
      return 0;
    }
    for (const pid_t child : *own)
      if (!spared_.has(child)) visit(child, self, nullptr);
    for (std::size_t next = 0; next < nodes_.size(); ++next) visit_children(next);
    return alive_;
  }

  [[nodiscard]] const kernel::PidFd& last_alive() const { return nodes_[last_alive_]; }
  /// Whether there was nobody, dead or alive.
  [[nodiscard]] bool found_none() const { return nodes_.empty() && !is_incomplete_; }
  /// Whether some may not have been seen: there was no descriptor or no memory to look at them.
  [[nodiscard]] bool is_incomplete() const { return is_incomplete_; }

 private:
  void visit_children(std::size_t parent_index) {
    const pid_t parent = nodes_[parent_index].pid();
    const auto children = children_of(parent);
    if (!children) {
      is_incomplete_ |= kernel::is_for_want_of_room(children.error());
      return;
    }
    for (const pid_t child : *children) visit(child, parent, &parent_index);
  }

  void visit(pid_t child, pid_t parent, const std::size_t* parent_index) {
    auto process = kernel::PidFd::open(child);
    if (!process) {
      // What could not be opened now becomes our own child when its ancestors are dead: next pass.
      is_incomplete_ |= kernel::is_for_want_of_room(process.error());
      return;
    }
    const auto info = process->info();
    if (!info || info->ppid != parent) return;
    if (parent_index != nullptr && !nodes_[*parent_index].is_alive()) return;
    if (!process->has_ended()) {
      (void)process->send_signal(SIGKILL);  // EPERM: nothing more can be done than wait for its end
      ++alive_;
      last_alive_ = nodes_.size();
    }
    nodes_.push_back(std::move(*process));
  }

  const Bystanders& spared_;
  std::vector<kernel::PidFd> nodes_;
  std::size_t alive_ = 0;
  std::size_t last_alive_ = 0;
  bool is_incomplete_ = false;
};

/// Reaps what has ended. Returns false once there is no child at all.
bool reap_zombies() {
  for (;;) {
    siginfo_t info{};
    if (::waitid(P_ALL, 0, &info, WEXITED | WNOHANG | __WALL) != 0) {
      if (errno == EINTR) continue;
      return false;  // ECHILD
    }
    if (info.si_pid == 0) return true;
  }
}

}  // namespace

Bystanders Bystanders::note() {
  Bystanders bystanders;
  // Nearly nobody has any, which one question tells.
  siginfo_t info{};
  if (::waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT | __WALL) != 0 && errno == ECHILD)
    return bystanders;
  const auto children = children_of(::getpid());
  if (!children) return bystanders;  // whoever cannot be told from the tree is ended with it
  for (const pid_t child : *children)
    if (const auto stat = kernel::read_proc_stat(child))
      bystanders.children_.emplace_back(child, stat->start_time_ticks);
  return bystanders;
}

bool Bystanders::has(pid_t pid) const {
  const auto found = std::ranges::find(children_, pid, &decltype(children_)::value_type::first);
  if (found == children_.end()) return false;
  const auto now = kernel::read_proc_stat(pid);
  return now && now->start_time_ticks == found->second;
}

void end_tree(const Bystanders& spared) {
  int backoff_ms = 1;
  for (;;) {
    // Kill before reaping, and reap only when nothing is left alive: zombies keep their places in
    // RLIMIT_NPROC and pids.max, so a fork bomb that has reached its limit cannot fill the gaps.
    KillPass pass(spared);
    const bool some_are_alive = pass.run() > 0;
    // Those who are spared keep waitid from saying that there is nobody.
    if (!some_are_alive && (!reap_zombies() || (!spared.empty() && pass.found_none()))) return;
    if (!some_are_alive && !pass.is_incomplete()) continue;
    pollfd entry{some_are_alive ? pass.last_alive().get() : -1, POLLIN, 0};
    (void)::poll(&entry, 1, backoff_ms);
    backoff_ms = std::min(backoff_ms * 2, backoff_max_ms);
  }
}

}  // namespace proctor::launch
