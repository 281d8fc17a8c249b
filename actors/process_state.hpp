#pragma once

#include <linux/openat2.h>
#include <linux/seccomp.h>
#include <sys/resource.h>
#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "index/pid_key.hpp"
#include "kernel/credentials.hpp"
#include "kernel/pidfd.hpp"
#include "kernel/proc_stat.hpp"
#include "kernel/remote_memory.hpp"
#include "kernel/unique_fd.hpp"
#include "policy/syscall_table.hpp"
#include "policy/verdict.hpp"
#include "procfs/path_walk.hpp"

namespace proctor::actors {

struct SandboxContext;
struct ProcessRecord;

/// One address space of a process: from one exec to the next.
struct AddressSpace {
  std::uint64_t generation = 0;     ///< execs seen so far
  std::uint64_t brk_base = 0;       ///< where its heap begins; 0 when the kernel does not tell
  std::uint64_t charged_bytes = 0;  ///< its size when last looked at, as the kernel counts
};

/// Changes of one kind that calls make after they were continued: each has happened, or failed, once the
/// thread that called is heard of again or is gone.
class PendingChanges {
 public:
  void add(pid_t tid);
  [[nodiscard]] bool any() const noexcept { return !tids_.empty(); }
  /// `heard`: a thread of the process `tgid` has made a new call. Whether nothing is pending any more that
  /// was.
  [[nodiscard]] bool settle(pid_t tgid, pid_t heard);

 private:
  std::vector<pid_t> tids_;  ///< of the callers, each once
};

/// PerProcessState: what is remembered of one process. Shared by its threads, because it is kept per thread
/// group. It caches what the kernel knows and never replaces it: the working directory and the positions
/// in open directories *are* the kernel's, so threads share them and fork copies them by themselves.
/// Survives exec, from whichever thread, because the group's number and pidfd do; what exec replaces
/// (memory, address space) is dropped when the exec has happened.
class ProcessState {
 public:
  ProcessState(SandboxContext& context, const index::PidKey& key, std::shared_ptr<ProcessRecord> record,
               std::shared_ptr<const kernel::PidFd> pidfd);

  /// Decides one notified call of this process; argument() is then what the record says it was about.
  [[nodiscard]] policy::Verdict decide(const seccomp_notif& notification, const policy::SyscallRow& row);

  [[nodiscard]] const index::PidKey& key() const noexcept { return key_; }
  [[nodiscard]] const AddressSpace& address_space() const noexcept { return address_space_; }
  /// The path of the call decided last, as the target gave it; empty when it had none.
  [[nodiscard]] std::string_view argument() const noexcept { return argument_; }

 private:
  /// special: on procfs, or where entries without a Landlock rule can appear
  enum class Cwd : std::uint8_t { unknown, ordinary, special };

  [[nodiscard]] policy::Verdict open_path(const seccomp_notif& notification);
  [[nodiscard]] policy::Verdict list_directory(const seccomp_notif& notification);
  /// Answers getdents with entries of a directory, which goes back to `position` if they cannot be written.
  [[nodiscard]] policy::Verdict answer_listing(const seccomp_notif& notification,
                                               const kernel::UniqueFd& directory, off_t position,
                                               std::span<const std::byte> entries, const char* reason);
  /// The next entries of a directory in which nothing is left out.
  [[nodiscard]] policy::Verdict list_all(const seccomp_notif& notification,
                                         const kernel::UniqueFd& directory);
  /// The next entries of a procfs root, without the processes of others.
  [[nodiscard]] policy::Verdict list_processes(const seccomp_notif& notification,
                                               const kernel::UniqueFd& directory);
  /// The next entries of a directory of /sys, without what the sandbox does not have.
  [[nodiscard]] policy::Verdict list_devices(const seccomp_notif& notification,
                                             const kernel::UniqueFd& directory);
  [[nodiscard]] policy::Verdict change_cwd(const seccomp_notif& notification);
  [[nodiscard]] policy::Verdict execute(const seccomp_notif& notification);
  [[nodiscard]] policy::Verdict control(const seccomp_notif& notification);

  [[nodiscard]] policy::Verdict judge_path(const seccomp_notif& notification, const policy::SyscallRow& row);
  /// One of its paths: the register of its address, and of the directory it starts from (-1: none).
  [[nodiscard]] policy::Verdict judge_path_argument(const seccomp_notif& notification, int argument,
                                                    int dirfd_argument, bool follows);
  /// What a call by path says of a file that only the sandbox has: `file` is what an open would give.
  [[nodiscard]] policy::Verdict tell_of_file(const seccomp_notif& notification, const kernel::UniqueFd& file);
  /// statfs of such a file.
  [[nodiscard]] policy::Verdict tell_own_file_system(const seccomp_notif& notification,
                                                     const kernel::UniqueFd& file);
  [[nodiscard]] policy::Verdict tell_own_cgroup(const seccomp_notif& notification);
  /// statfs of the sandbox's own cgroup; nothing for any other call or path.
  [[nodiscard]] std::optional<policy::Verdict> tell_file_system(const seccomp_notif& notification,
                                                                std::string_view path);
  [[nodiscard]] policy::Verdict tell_system(const seccomp_notif& notification);
  [[nodiscard]] policy::Verdict tell_parent() const;
  [[nodiscard]] policy::Verdict tell_session(const seccomp_notif& notification);
  [[nodiscard]] policy::Verdict tell_name(const seccomp_notif& notification);
  /// capget(2) on behalf: the pid that it names lies in memory.
  [[nodiscard]] policy::Verdict tell_capabilities(const seccomp_notif& notification);
  /// shmctl(2), msgctl(2), semctl(2) where they tell who made or last used an object.
  [[nodiscard]] policy::Verdict tell_ipc(const seccomp_notif& notification);
  /// mq_open(2) on behalf.
  [[nodiscard]] policy::Verdict open_queue(const seccomp_notif& notification);
  [[nodiscard]] policy::Verdict set_affinity(const seccomp_notif& notification);
  [[nodiscard]] policy::Verdict tell_affinity(const seccomp_notif& notification);
  /// setpriority, sched_setattr and their like of another task, on the caller's behalf.
  [[nodiscard]] policy::Verdict change_task(const seccomp_notif& notification, const policy::SyscallRow& row);
  /// What such a call reads of the caller's memory; nothing where it reads nothing.
  [[nodiscard]] kernel::Result<void> read_settings(const seccomp_notif& notification,
                                                   std::vector<std::byte>& settings);
  /// The call itself, with what it reads.
  [[nodiscard]] policy::Verdict make_change(const seccomp_notif& notification, pid_t task,
                                            std::vector<std::byte>& settings);
  /// Whether the caller has the supervisor's own rights, all of them, so that a call can be made as it is.
  [[nodiscard]] bool acts_with_own_rights(const seccomp_notif& notification) const;
  /// prlimit64 of another task.
  [[nodiscard]] policy::Verdict limit_task(const seccomp_notif& notification, pid_t task);
  [[nodiscard]] policy::Verdict process_limit(const seccomp_notif& notification);
  /// Judges that limit's being set to what is at `address`: why not, or in `changes` whether that would
  /// change what was told.
  [[nodiscard]] std::optional<policy::Verdict> judge_process_limit(const seccomp_notif& notification,
                                                                   std::uint64_t address, const rlimit& told,
                                                                   bool& changes);
  /// Adds a watch of what the path leads to now, in the caller's queue and with its credentials.
  [[nodiscard]] policy::Verdict watch(const seccomp_notif& notification);
  [[nodiscard]] policy::Verdict read_anew(const seccomp_notif& notification);

  friend class DescriptorCalls;

  /// A pidfd of the calling thread: the process's where it is the leader, else one that is opened into
  /// `room`. Null: it cannot be.
  [[nodiscard]] const kernel::PidFd* hold(pid_t tid, kernel::PidFd& room) const;

  /// A duplicate of the calling thread's descriptor `fd`: what is then judged is what is acted upon.
  [[nodiscard]] kernel::Result<kernel::UniqueFd> capture(const seccomp_notif& notification, int fd) const;

  /// Copies as much as is mapped of so many bytes; EFAULT when nothing is.
  [[nodiscard]] kernel::Result<std::size_t> read_some(const seccomp_notif& notification,
                                                      std::uint64_t address, std::span<std::byte> into);
  /// Copies all of `into`; EFAULT when less is mapped.
  [[nodiscard]] kernel::Result<void> read_memory(const seccomp_notif& notification, std::uint64_t address,
                                                 std::span<std::byte> into);

  /// The call's answer: `bytes`, at an address of the target's; it returns `value`.
  [[nodiscard]] policy::Verdict answer_in_memory(const seccomp_notif& notification, std::uint64_t address,
                                                 std::span<const std::byte> bytes, std::int64_t value,
                                                 const char* reason);

  /// The same for what the kernel may tell as well, which it does where memory is out of reach.
  [[nodiscard]] policy::Verdict tell(const seccomp_notif& notification, std::uint64_t address,
                                     std::span<const std::byte> bytes, std::int64_t value,
                                     const char* reason);

  /// A path that names something of procfs or /sys, judged without opening it: foreign processes do not
  /// exist.
  [[nodiscard]] policy::Verdict judge_name(const seccomp_notif& notification, int dirfd,
                                           std::string_view path, bool follow = true);
  [[nodiscard]] procfs::OpenRequest name_request(const seccomp_notif& notification, int dirfd,
                                                 std::string_view path, bool follow) const;
  [[nodiscard]] policy::Verdict unreadable(const kernel::Error& error) const;

  [[nodiscard]] kernel::Result<std::string_view> read_path(const seccomp_notif& notification,
                                                           std::uint64_t address);
  /// openat2's third argument; a verdict where the kernel would refuse it unseen.
  [[nodiscard]] std::optional<policy::Verdict> read_open_how(const seccomp_notif& notification,
                                                             open_how& how);
  /// Asks the gate, with the target's credentials where they are known.
  [[nodiscard]] policy::Verdict ask_gate(const seccomp_notif& notification, procfs::OpenRequest& request);
  template <class Read>
  [[nodiscard]] auto with_memory(const seccomp_notif& notification, Read read);
  [[nodiscard]] bool may_need_service(const seccomp_notif& notification, int dirfd, std::string_view path);
  void settle(pid_t tid);
  void note_exec();

  SandboxContext& context_;
  index::PidKey key_;
  std::shared_ptr<ProcessRecord> record_;
  std::shared_ptr<const kernel::PidFd> pidfd_;  ///< shared with the exit watcher
  kernel::RemoteMemory memory_;
  PendingChanges exec_;
  PendingChanges chdir_;
  kernel::Credentials credentials_;  ///< as last read
  pid_t credentials_of_ = 0;         ///< the thread that may still have them, kernel::surely_has(); 0: none
  Cwd cwd_ = Cwd::unknown;
  AddressSpace address_space_;
  kernel::ProcStat image_;  ///< as of the last exec: tells one program image from the next
  std::string_view argument_;
};

}  // namespace proctor::actors
