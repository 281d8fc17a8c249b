#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "actors/exit_set.hpp"
#include "actors/held_files.hpp"
#include "actors/job_ids.hpp"
#include "actors/loop.hpp"
#include "actors/observed.hpp"
#include "actors/receiver.hpp"
#include "actors/recorder.hpp"
#include "actors/responder.hpp"
#include "actors/sandbox_view.hpp"
#include "index/process_index.hpp"
#include "index/snapshot_reader.hpp"
#include "index/task_source.hpp"
#include "kernel/credentials.hpp"
#include "kernel/journal.hpp"
#include "kernel/listener.hpp"
#include "kernel/pidfd.hpp"
#include "messages/process.hpp"
#include "messages/supervisor.hpp"
#include "policy/settings.hpp"
#include "procfs/gate.hpp"
#include "procfs/path_hints.hpp"

namespace proctor::actors {

/// What is counted of one process; touched within the sandbox's loop only.
struct ProcessRecord {
  std::uint64_t notifications = 0;
  std::uint64_t refused = 0;
  bool actor_failed = false;  ///< its actor died with an error: its notifications are refused from then on
  std::string command;        ///< the kernel's comm, as of the last exec; kept when a record is kept
};

/// How the rest of the sandbox reaches one process. Copies stay usable after unregister.
struct ProcessHandle {
  messages::process_actor actor;
  std::uint64_t actor_id = 0;
  std::shared_ptr<const kernel::PidFd> pidfd;
  std::shared_ptr<ProcessRecord> record;
  std::shared_ptr<const ActorCounters> counters;

  /// Ended before it was registered: a zombie belongs until it is reaped, but has no actor and is not on
  /// record. It leaves the index with the next look at the ends, and a later look-up finds it again.
  [[nodiscard]] bool is_zombie() const noexcept { return actor_id == 0; }
};

using Index = index::ProcessIndex<ProcessHandle>;

/// Limits of one sandbox; the daemon's configuration sets them.
struct SandboxLimits {
  std::uint32_t processes_max = policy::processes_max_default;
  std::uint32_t pending_max = policy::pending_max_default;  ///< notifications received and not yet answered
  /// A notification unanswered for so long is refused.
  std::chrono::milliseconds verdict_timeout = policy::verdict_timeout_default;
  std::uint64_t virtual_bytes_max = std::uint64_t{128} << 20U;  ///< in virtual files that processes hold
};

/// What the actors of one sandbox share. Confined to the sandbox's loop: they all run there, one at a time,
/// so within one notification they call these parts directly, and use messages where the answer may
/// wait. Other threads see only the index's snapshots and the actors' counters.
struct SandboxContext {
  SandboxContext(std::shared_ptr<Loop> loop, messages::SandboxOrder order, const SandboxLimits& limits,
                 std::shared_ptr<RecordTarget> record, kernel::SeccompListener seccomp_listener,
                 kernel::Journal in_flight, ExitSet exit_set);
  SandboxContext(const SandboxContext&) = delete;
  SandboxContext& operator=(const SandboxContext&) = delete;

  /// Removes the processes that have ended from the index and tells their actors. Exact: see ExitSet. Whether
  /// there were any.
  bool drain_exits();

  /// Called when processes were found to have ended.
  std::function<void()> on_process_ended;

  /// Every process there is, for loops that may change the index.
  [[nodiscard]] std::vector<index::Entry<ProcessHandle>> all_processes() const;

  /// The index, as procfs needs it.
  class IndexMembers final : public procfs::Members {
   public:
    explicit IndexMembers(SandboxContext& context) : context_(context) {}
    [[nodiscard]] std::optional<pid_t> group_of(pid_t pid) override;
    void discover() override;
    [[nodiscard]] procfs::Roll call_roll() override;

   private:
    SandboxContext& context_;
  };

  std::shared_ptr<Loop> loop;
  messages::SandboxOrder order;
  SandboxLimits limits;
  std::chrono::system_clock::time_point started = std::chrono::system_clock::now();
  /// Of every thread of the sandbox, when the target's can never change.
  std::optional<kernel::Credentials> everyones_credentials;
  /// The target, and with it every process that ever is of the sandbox, may be permitted CAP_SYS_ADMIN.
  bool administers_system;

  std::uint64_t notifications = 0;
  std::uint64_t processes = 0;  ///< registered so far

  kernel::SeccompListener listener;
  kernel::Journal journal;
  Responder responder;
  Recorder recorder;
  ExitSet exits;
  index::KernelTaskSource tasks;
  Index index;
  index::SnapshotReader<ProcessHandle> reader;  ///< the loop's own
  IndexMembers members;
  JobIds jobs;
  HeldFiles held_files;
  SandboxView view;
  procfs::PathHints hints;
  procfs::ProcGate gate;
  Receiver receiver;  ///< the last: its thread uses what is above

  bool has_subreapers = false;         ///< orphans may go to a process of the sandbox instead of its init
  bool shares_tables = false;          ///< a process may share its table of descriptors with another one
  bool ending = false;                 ///< every process that turns up is killed
  std::uint64_t registry_id = 0;       ///< the registry actor's: it starts process actors
  std::uint64_t recorded_version = 0;  ///< of the index, as last put on record
  std::vector<std::shared_ptr<const ActorCounters>> actors;  ///< those that are no process actors
  std::vector<caf::actor> essential;  ///< the same actors: if one fails, the sandbox has failed
  std::array<char, 4096> path;        ///< scratch for the path of the notification at hand
};

/// The index's factory: opens the pidfd, starts the process actor, watches for its end.
[[nodiscard]] std::optional<ProcessHandle> make_process(SandboxContext& context, const index::PidKey& key,
                                                        const index::PidKey& parent);

/// A process has left the index: says so on record and to its actor.
void forget_process(SandboxContext& context, const index::Entry<ProcessHandle>& entry);

/// Makes the calling thread act with the credentials of the thread that waits in a call, until what is
/// returned ends. ESRCH: that thread is gone; EPERM: this supervisor may not become it.
[[nodiscard]] kernel::Result<kernel::AssumedCredentials> act_as_caller(SandboxContext& context,
                                                                       const seccomp_notif& notification);

/// Whether nobody but the one thread of a process, which waits in a call, can change its table of
/// descriptors: what a number there meant when it was judged it then means to the kernel too.
[[nodiscard]] bool is_alone_with_descriptors(const SandboxContext& context, pid_t tgid);

/// What never changes: its names, its order, its policy.
void describe_identity(const SandboxContext& context, messages::SandboxDescription& description);

}  // namespace proctor::actors
