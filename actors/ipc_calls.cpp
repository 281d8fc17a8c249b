#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <optional>
#include <span>

#include "actors/process_state.hpp"
#include "actors/sandbox_context.hpp"
#include "kernel/credentials.hpp"
#include "procfs/file_rules.hpp"

namespace proctor::actors {
namespace {

using policy::Continue;
using policy::Fail;
using policy::Return;
using policy::Verdict;

/// An int parameter, as the kernel takes it from a register.
int int_argument(const seccomp_notif& notification, int index) {
  return static_cast<int>(static_cast<std::uint32_t>(notification.data.args[index]));
}

bool tells_of_processes(const seccomp_notif& notification) {
  const int command = int_argument(notification, notification.data.nr == SYS_semctl ? 2 : 1);
  switch (notification.data.nr) {
    case SYS_shmctl:
      return command == IPC_STAT || command == SHM_STAT || command == SHM_STAT_ANY;
    case SYS_msgctl:
      return command == IPC_STAT || command == MSG_STAT || command == MSG_STAT_ANY;
    default:
      return command == GETPID;
  }
}

/// What the kernel tells of an object; the union stands for the call's last argument.
struct Told {
  long value = -1;
  int error = 0;
  union {
    shmid_ds segment;
    msqid_ds queue;
  };

  Told() : segment() {}
};

Told ask_kernel(const seccomp_notif& notification) {
  Told told;
  const int id = int_argument(notification, 0), second = int_argument(notification, 1);
  switch (notification.data.nr) {
    case SYS_shmctl:
      told.value = ::shmctl(id, second, &told.segment);
      break;
    case SYS_msgctl:
      told.queue = {};
      told.value = ::msgctl(id, second, &told.queue);
      break;
    default:
      told.value = ::semctl(id, second, GETPID);
  }
  if (told.value < 0) told.error = errno;
  return told;
}

}  // namespace

Verdict ProcessState::tell_ipc(const seccomp_notif& notification) {
  const auto tid = static_cast<pid_t>(notification.pid);
  // Continue safety: the command is in a register, and no other than these tells of a process.
  if (!tells_of_processes(notification)) return {Continue{}};
  // Continue safety: objects of a namespace that the supervisor is not in were made by whoever is in it.
  if (procfs::shows_another_namespace({"sysvipc"}, tid)) return {Continue{}};

  const auto own = kernel::read_credentials(::gettid());
  const auto theirs = kernel::read_credentials(tid);
  if (!own || !theirs || !context_.listener.is_valid(notification.id))
    return {Fail{EINTR}, "the target is gone"};
  Told told;
  {
    const auto assumed = kernel::AssumedCredentials::assume(*theirs, *own);
    if (!assumed) return {Fail{EPERM}, "not with the target's rights"};
    told = ask_kernel(notification);
  }
  if (told.value < 0) return {Fail{told.error}, "as the kernel would"};

  const auto shown = [this](pid_t pid) { return pid > 0 && context_.members.group_of(pid) ? pid : 0; };
  constexpr const char* reason = "a process outside the sandbox does not exist";
  const auto address = notification.data.args[2];
  switch (notification.data.nr) {
    case SYS_shmctl:
      told.segment.shm_cpid = shown(told.segment.shm_cpid);
      told.segment.shm_lpid = shown(told.segment.shm_lpid);
      return answer_in_memory(notification, address, std::as_bytes(std::span{&told.segment, 1}), told.value,
                              reason);
    case SYS_msgctl:
      told.queue.msg_lspid = shown(told.queue.msg_lspid);
      told.queue.msg_lrpid = shown(told.queue.msg_lrpid);
      return answer_in_memory(notification, address, std::as_bytes(std::span{&told.queue, 1}), told.value,
                              reason);
    default:
      return {Return{shown(static_cast<pid_t>(told.value))}, reason};
  }
}

}  // namespace proctor::actors
