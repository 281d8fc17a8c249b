#include "actors/told_ipc.hpp"

#include <fcntl.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <span>

#include "actors/call_arguments.hpp"
#include "actors/sandbox_context.hpp"
#include "kernel/credentials.hpp"
#include "kernel/namespaces.hpp"

namespace proctor::actors {
namespace {

using kernel::Result;
using kernel::UniqueFd;

/// The call itself, with the registers' own numbers. `Object`: what it tells, laid out as the kernel does.
template <class Object>
Result<ToldIpc> stat_object(const seccomp_notif& notification, pid_t Object::*one, pid_t Object::*other,
                            const std::function<bool(pid_t)>& is_member) {
  const auto& call = notification.data;
  Object object{};
  const long value =
      ::syscall(call.nr, static_cast<int>(call.args[0]), static_cast<int>(call.args[1]), &object);
  if (value < 0) return kernel::Error::last("look at an IPC object");
  for (pid_t Object::*const user : {one, other})
    if (!is_member(object.*user)) object.*user = 0;
  const auto bytes = std::as_bytes(std::span{&object, 1});
  return ToldIpc{value, {bytes.begin(), bytes.end()}};
}

Result<ToldIpc> last_semaphore_user(const seccomp_notif& notification,
                                    const std::function<bool(pid_t)>& is_member) {
  const auto& args = notification.data.args;
  const long pid = ::syscall(SYS_semctl, static_cast<int>(args[0]), static_cast<int>(args[1]), GETPID, 0);
  if (pid < 0) return kernel::Error::last("look at a semaphore");
  return ToldIpc{is_member(static_cast<pid_t>(pid)) ? pid : 0, {}};
}

}  // namespace

bool has_own_ipc_objects(pid_t tid) { return !kernel::shares_namespace(tid, "ipc").value_or(true); }

Result<ToldIpc> ask_ipc(SandboxContext& context, const seccomp_notif& notification) {
  const auto acting = act_as_caller(context, notification);
  if (!acting) return acting.error();
  const std::function<bool(pid_t)> is_member = [&context](pid_t pid) {
    return pid > 0 && context.members.group_of(pid).has_value();
  };
  switch (notification.data.nr) {
    case SYS_shmctl:
      return stat_object(notification, &shmid_ds::shm_cpid, &shmid_ds::shm_lpid, is_member);
    case SYS_msgctl:
      return stat_object(notification, &msqid_ds::msg_lspid, &msqid_ds::msg_lrpid, is_member);
    default:
      return last_semaphore_user(notification, is_member);
  }
}

Result<UniqueFd> open_queue(SandboxContext& context, const seccomp_notif& notification, const char* name,
                            const std::byte* attributes, bool may_make) {
  const auto theirs = kernel::read_umask(static_cast<pid_t>(notification.pid));
  const auto ours = kernel::read_umask(::gettid());
  if (!theirs || !ours) return kernel::Error{EACCES, "tell the umask of who makes a queue"};
  const auto acting = act_as_caller(context, notification);
  if (!acting) return acting.error();
  const int flags = int_argument(notification, 1);
  const mode_t mode = word_argument(notification, 2) & 07777U & ~*theirs;
  const auto open = [&](int with) {
    return UniqueFd(static_cast<int>(::syscall(SYS_mq_open, name, with, mode, attributes)));
  };
  // A queue that is made here is told from one that was there: only the former gets the mode.
  constexpr int rounds_max = 100;  // others make and remove it meanwhile
  const bool makes = (flags & O_CREAT) != 0;
  const bool only_makes = makes && (flags & O_EXCL) != 0;
  for (int round = 0;; ++round) {
    if (makes && may_make) {
      if (auto made = open(flags | O_EXCL)) {
        // Our umask was applied as well: give back what only it took.
        if ((mode & *ours) != 0) static_cast<void>(::fchmod(made.get(), mode));
        return made;
      }
      if (errno != EEXIST || only_makes) return kernel::Error::last("make a message queue");
    }
    auto found = open(flags & ~(O_CREAT | O_EXCL));
    if (found && only_makes) return kernel::Error{EEXIST, "make a message queue"};
    if (found) return found;
    if (errno != ENOENT || !makes || round == rounds_max) return kernel::Error::last("open a message queue");
    if (!may_make) return kernel::Error{EACCES, "make a queue that would be charged to another user"};
  }
}

}  // namespace proctor::actors
