#include "actors/process_state.hpp"

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <iterator>
#include <span>
#include <utility>
#include <vector>

#include "actors/sandbox_context.hpp"
#include "actors/told_ipc.hpp"
#include "kernel/cpus.hpp"
#include "kernel/credentials.hpp"
#include "kernel/sealed_file.hpp"
#include "procfs/instance.hpp"
#include "procfs/listing.hpp"
#include "procfs/told_calls.hpp"

namespace proctor::actors {
namespace {

using policy::Continue;
using policy::Fail;
using policy::Return;
using policy::Verdict;

/// The largest buffer one getdents answer fills. Longer listings take several calls, as they do anyway.
constexpr std::uint64_t listing_bytes_max = 64 * 1024;

/// The most that openat2 reads of its argument: a page.
constexpr std::size_t open_how_bytes_max = 4096;

/// An int parameter, as the kernel takes it from a register.
int int_argument(const seccomp_notif& notification, int index) {
  return static_cast<int>(static_cast<std::uint32_t>(notification.data.args[index]));
}

bool same_image(const kernel::ProcStat& a, const kernel::ProcStat& b) {
  return a.start_stack == b.start_stack && a.start_code == b.start_code && a.start_brk == b.start_brk &&
         a.arg_start == b.arg_start && a.comm == b.comm;
}

}  // namespace

bool PendingChange::settled(pid_t tgid, pid_t heard) const {
  if (tid == 0) return false;
  // Heard of again; or gone, as every thread but the calling one is once an exec has happened, and as
  // the calling one is when it took over the leader's id.
  return heard == tid || !kernel::is_thread_of(tgid, tid);
}

ProcessState::ProcessState(SandboxContext& context, const index::PidKey& key,
                           std::shared_ptr<ProcessRecord> record)
    : context_(context), key_(key), record_(std::move(record)) {
  if (auto stat = kernel::read_proc_stat(key.pid)) {
    image_ = *std::move(stat);
    address_space_.brk_base = image_.start_brk;
    address_space_.charged_bytes = image_.virtual_bytes;
    record_->command = image_.comm;
  }
}

Verdict ProcessState::decide(const seccomp_notif& notification, const policy::SyscallRow& row) {
  ++record_->notifications;
  argument_ = {};
  settle(static_cast<pid_t>(notification.pid));
  switch (row.handler) {
    case policy::Handler::open_path:
      return open_path(notification);
    case policy::Handler::directory:
      return list_directory(notification);
    case policy::Handler::change_cwd:
      return change_cwd(notification);
    case policy::Handler::exec:
      return execute(notification);
    case policy::Handler::judge_path:
      return judge_path(notification, row);
    case policy::Handler::tell_system:
      return tell_system(notification);
    case policy::Handler::tell_parent:
      return tell_parent();
    case policy::Handler::tell_name:
      return tell_name(notification);
    case policy::Handler::set_affinity:
      return set_affinity(notification);
    case policy::Handler::tell_ipc:
      return tell_ipc(notification);
    case policy::Handler::process_limit:
      return process_limit(notification);
    case policy::Handler::rewind:
      return rewind(notification);
    case policy::Handler::pid_argument:  // decided by the notification actor, from the snapshot
    case policy::Handler::none:
      break;
  }
  return {Fail{ENOSYS}, "no handler for this call"};
}

// -- remote memory --------------------------------------------------------------------------------

template <class Read>
auto ProcessState::with_memory(const seccomp_notif& notification, Read read) {
  const auto tid = static_cast<pid_t>(notification.pid);
  using Answer = decltype(read(memory_));
  for (int attempt = 0;; ++attempt) {
    if (!memory_) {
      auto opened = kernel::RemoteMemory::open(tid);
      if (!opened) return Answer{opened.error()};
      // Asked after the open: the thread still waits in its call, so the memory is its memory.
      if (!context_.listener.is_valid(notification.id))
        return Answer{kernel::Error{ESRCH, "the target is gone"}};
      memory_ = *std::move(opened);
    }
    auto answer = read(memory_);
    const bool stale = !answer && answer.error().number == ESTALE;
    // While an exec is under way the descriptor may be of either address space: open anew each time.
    if (stale || exec_.tid != 0) memory_.close();
    if (!stale || attempt > 0) return answer;
  }
}

Verdict ProcessState::answer_in_memory(const seccomp_notif& notification, std::uint64_t address,
                                       std::span<const std::byte> bytes, std::int64_t value,
                                       const char* reason) {
  // With WAIT_KILLABLE_RECV only death ends the target's call now, so the buffer is still its buffer.
  if (!context_.listener.is_valid(notification.id)) return {Fail{EINTR}, "the target is gone"};
  const auto written =
      with_memory(notification, [&](const kernel::RemoteMemory& memory) -> kernel::Result<std::size_t> {
        if (auto result = memory.write(address, bytes); !result) return result.error();
        return bytes.size();
      });
  if (!written) {
    const int error = written.error().number;
    return {Fail{error == EPERM || error == EACCES ? EACCES : EFAULT}, "the buffer is not writable"};
  }
  return {Return{value}, reason};
}

Verdict ProcessState::tell(const seccomp_notif& notification, std::span<const std::byte> bytes,
                           const char* reason) {
  auto verdict = answer_in_memory(notification, notification.data.args[0], bytes, 0, reason);
  const auto* const fail = std::get_if<Fail>(&verdict.answer);
  // Continue safety: the target made itself undumpable, so that an unprivileged supervisor cannot write
  // there. It then gets the machine's figures, which name no process.
  if (fail != nullptr && fail->error == EACCES) return {Continue{}};
  return verdict;
}

kernel::Result<std::string_view> ProcessState::read_path(const seccomp_notif& notification,
                                                         std::uint64_t address) {
  return with_memory(notification, [&](const kernel::RemoteMemory& memory) {
    return memory.read_c_string(address, context_.path);
  });
}

Verdict ProcessState::unreadable(const kernel::Error& error) const {
  switch (error.number) {
    case EFAULT:
    case ENAMETOOLONG:
      return {Fail{error.number}, "as the kernel would"};
    case EPERM:
    case EACCES:
      // Continue safety: the target made itself undumpable, so that an unprivileged supervisor cannot
      // read its paths. Landlock keeps procfs closed all the same; nothing can be served, no more.
      if (context_.landlocked) return {Continue{}};
      return {Fail{EACCES}, "the argument cannot be read"};
    default:
      return {Fail{EINTR}, "the target is gone"};
  }
}

// -- the open family ----------------------------------------------------------------------------------

Verdict ProcessState::open_path(const seccomp_notif& notification) {
  const auto& args = notification.data.args;
  procfs::OpenRequest request;
  request.tid = static_cast<pid_t>(notification.pid);
  request.tgid = key_.pid;
  std::uint64_t path_address = 0;
  switch (notification.data.nr) {
    case SYS_open:
      path_address = args[0], request.flags = args[1], request.mode = args[2];
      break;
    case SYS_creat:
      path_address = args[0], request.flags = O_CREAT | O_WRONLY | O_TRUNC, request.mode = args[1];
      break;
    case SYS_openat:
      request.dirfd = int_argument(notification, 0);
      path_address = args[1], request.flags = args[2], request.mode = args[3];
      break;
    default:  // openat2
      request.dirfd = int_argument(notification, 0);
      path_address = args[1];
      break;
  }
  const auto path = read_path(notification, path_address);
  if (!path) return unreadable(path.error());
  request.path = argument_ = *path;
  if (!may_need_service(notification, request.dirfd, request.path)) {
    // Continue safety: whatever the path leads to by the time the kernel reads it, Landlock refuses
    // procfs there; the path only told that there is nothing for us to serve.
    return {Continue{}};
  }
  if (notification.data.nr == SYS_openat2) {
    open_how how{};
    if (auto verdict = read_open_how(notification, how)) return *std::move(verdict);
    request.exact = true;
    request.flags = how.flags, request.mode = how.mode, request.resolve = how.resolve;
  } else {
    request.flags = static_cast<std::uint32_t>(request.flags);  // an int parameter
  }
  return context_.gate.open(request);
}

std::optional<Verdict> ProcessState::read_open_how(const seccomp_notif& notification, open_how& how) {
  // As the kernel: fs/open.c, openat2, and copy_struct_from_user().
  const auto address = notification.data.args[2], size = notification.data.args[3];
  if (size < sizeof how) return Verdict{Fail{EINVAL}, "as the kernel would"};
  if (size > open_how_bytes_max) return Verdict{Fail{E2BIG}, "as the kernel would"};
  std::array<std::byte, open_how_bytes_max> bytes;
  const auto wanted = std::span{bytes}.first(size);
  const auto read = with_memory(
      notification, [&](const kernel::RemoteMemory& memory) { return memory.read(address, wanted); });
  if (!read) return unreadable(read.error());
  if (*read < size) return Verdict{Fail{EFAULT}, "the open_how is not mapped"};
  const auto unknown = wanted.subspan(sizeof how);
  if (std::any_of(unknown.begin(), unknown.end(), [](std::byte byte) { return byte != std::byte{0}; }))
    return Verdict{Fail{E2BIG}, "as the kernel would"};
  std::memcpy(&how, bytes.data(), sizeof how);
  return std::nullopt;
}

bool ProcessState::may_need_service(const seccomp_notif& notification, int dirfd, std::string_view path) {
  if (path.empty()) return false;  // the kernel answers ENOENT, or opens nothing new
  if (context_.hints.may_need_service(path)) return true;
  if (path.front() == '/') return false;
  const auto tid = static_cast<pid_t>(notification.pid);
  if (context_.hints.may_be_told(path)) return context_.hints.may_need_service(tid, dirfd, path);
  if (dirfd != AT_FDCWD) return procfs::is_on_procfs(tid, dirfd);
  const bool changing = chdir_.tid != 0;
  if (changing || cwd_ == Cwd::unknown)
    cwd_ = context_.hints.may_need_service(tid, AT_FDCWD, "any") ? Cwd::special : Cwd::ordinary;
  const bool special = cwd_ == Cwd::special;
  if (changing) cwd_ = Cwd::unknown;  // a sibling thread's chdir may take effect any moment
  return special && context_.hints.may_need_service(tid, AT_FDCWD, path);
}

// -- directories ----------------------------------------------------------------------------------

Verdict ProcessState::list_directory(const seccomp_notif& notification) {
  const auto tid = static_cast<pid_t>(notification.pid);
  const int fd = int_argument(notification, 0);
  if (!procfs::is_on_procfs(tid, fd)) {
    // Continue safety: the register names the descriptor, and it is not on procfs. A sibling thread that
    // swaps one in now learns numbers that stat tells as well, and can open none of them.
    return {Continue{}};
  }
  auto thread = kernel::PidFd::open_thread(tid);
  // Before 6.9 only groups can be opened; the thread's own descriptors may differ from its leader's.
  if (!thread && thread.error().number == ENOTSUP && kernel::share_descriptors(key_.pid, tid))
    thread = kernel::PidFd::open(key_.pid);
  if (!thread) return {Fail{EBADF}, "the thread cannot be looked at"};
  const auto directory = thread->get_fd(fd);
  if (!directory) return {Fail{directory.error().number}, "the directory cannot be looked at"};
  switch (context_.gate.judge_listing(tid, key_.pid, *directory)) {
    case procfs::Listing::kernels:
      // Continue safety: as above; below a process of the sandbox's own there is nothing to leave out.
      return {Continue{}};
    case procfs::Listing::nothing:
      return {Fail{ENOENT}, "a process outside the sandbox does not exist"};
    case procfs::Listing::members:
      return list_processes(notification, *directory);
  }
  return {Fail{ENOENT}, "no listing of this kind"};
}

Verdict ProcessState::list_processes(const seccomp_notif& notification, const kernel::UniqueFd& directory) {
  // To the kernel a count that is negative as an int has no room for any entry (fs/readdir.c, filldir64).
  const int count = int_argument(notification, 2);
  const auto room =
      count < 0 ? 0 : std::min<std::uint64_t>(static_cast<std::uint64_t>(count), listing_bytes_max);
  const auto layout =
      notification.data.nr == SYS_getdents64 ? procfs::DirentLayout::dirent64 : procfs::DirentLayout::legacy;
  context_.members.discover();
  const auto entries = procfs::list_members(directory, room, layout, context_.members);
  if (!entries) return {Fail{entries.error().number}, "as the kernel would"};
  return answer_in_memory(notification, notification.data.args[1], *entries,
                          static_cast<std::int64_t>(entries->size()), "own processes only");
}

// -- the working directory ------------------------------------------------------------------------

Verdict ProcessState::change_cwd(const seccomp_notif& notification) {
  if (notification.data.nr == SYS_chdir) {
    const auto path = read_path(notification, notification.data.args[0]);
    if (!path) return unreadable(path.error());
    argument_ = *path;
    if (auto verdict = judge_name(notification, AT_FDCWD, *path);
        !std::holds_alternative<Continue>(verdict.answer))
      return verdict;
  }
  cwd_ = Cwd::unknown;
  chdir_.tid = static_cast<pid_t>(notification.pid);
  // Continue safety: a working directory grants nothing; what is opened from it is judged then, and
  // Landlock refuses procfs whatever it is.
  return {Continue{}};
}

Verdict ProcessState::judge_path(const seccomp_notif& notification, const policy::SyscallRow& row) {
  const auto address = notification.data.args[row.argument];
  // Continue safety: about a descriptor of the target's own (a null or an empty path), or the kernel's
  // EFAULT.
  if (address == 0) return {Continue{}};
  const auto path = read_path(notification, address);
  if (!path) return unreadable(path.error());
  argument_ = *path;
  const int dirfd = row.dirfd_argument < 0 ? AT_FDCWD : int_argument(notification, row.dirfd_argument);
  const bool flagged =
      row.flags_argument >= 0 && (int_argument(notification, row.flags_argument) & AT_SYMLINK_NOFOLLOW) != 0;
  // Continue safety: what the kernel then does by the path tells whether a process exists and no more.
  // Landlock lets nobody see through the links of a process outside its domain (ptrace), and watches and
  // handles of procfs tell nothing. A path that is rewritten meanwhile gains no more than that.
  return judge_name(notification, dirfd, *path, row.follows && !flagged);
}

Verdict ProcessState::judge_name(const seccomp_notif& notification, int dirfd, std::string_view path,
                                 bool follow) {
  // Continue safety: no decision rests on a path that needs no service; see open_path.
  if (!may_need_service(notification, dirfd, path)) return {Continue{}};
  procfs::OpenRequest request;
  request.tid = static_cast<pid_t>(notification.pid);
  request.tgid = key_.pid;
  request.dirfd = dirfd;
  request.path = path;
  request.flags =
      O_PATH | O_CLOEXEC | (follow ? 0U : O_NOFOLLOW);  // judged like an open that yields no access
  return context_.gate.open(request);
}

// -- what calls tell, as the files of /proc do -----------------------------------------------------

Verdict ProcessState::tell_system(const seccomp_notif& notification) {
  struct sysinfo host {};
  if (::sysinfo(&host) != 0) return {Fail{errno}, "as the kernel would"};
  const auto told = procfs::told_sysinfo(context_.view.look(true), host);
  return tell(notification, std::as_bytes(std::span{&told, 1}), "the sandbox's own figures");
}

Verdict ProcessState::tell_parent() const {
  const auto stat = kernel::read_proc_stat(key_.pid);
  if (!stat) return {Fail{EINTR}, "the target is gone"};
  // Continue safety: the parent is the sandbox's own; should it end now, the kernel tells who adopted the
  // child, a number and no more.
  if (context_.members.group_of(stat->ppid)) return {Continue{}};
  return {Return{0}, "a parent outside the sandbox does not exist"};
}

Verdict ProcessState::tell_name(const seccomp_notif& notification) {
  // Continue safety: nothing is hidden where no name was given.
  if (context_.order.policy.limits.hostname.empty()) return {Continue{}};
  utsname host{};
  if (::uname(&host) != 0) return {Fail{errno}, "as the kernel would"};
  const auto told = procfs::told_uname(context_.view.look(false), host);
  return tell(notification, std::as_bytes(std::span{&told, 1}), "the sandbox's own name");
}

Verdict ProcessState::set_affinity(const seccomp_notif& notification) {
  const int named = int_argument(notification, 0);
  const pid_t tid = named == 0 ? static_cast<pid_t>(notification.pid) : named;
  if (named != 0 && !context_.members.group_of(named))
    return {Fail{ESRCH}, "a process outside the sandbox does not exist"};
  // Continue safety: the pid is in a register, and any CPU of the machine is the sandbox's.
  const auto view = context_.view.look(false);
  if (view.all_cpus) return {Continue{}};

  std::array<std::byte, kernel::cpu_mask_bytes_max> mask{};
  const auto length =
      std::min<std::uint64_t>(static_cast<std::uint32_t>(notification.data.args[1]), mask.size());
  const auto wanted = std::span{mask}.first(length);
  const auto read = with_memory(notification, [&](const kernel::RemoteMemory& memory) {
    return memory.read(notification.data.args[2], wanted);
  });
  if (!read && read.error().number != EFAULT) return {Fail{EPERM}, "the mask cannot be read"};
  if (!read || *read < length) return {Fail{EFAULT}, "the mask is not mapped"};
  std::vector<unsigned> cpus;
  std::ranges::set_intersection(kernel::cpus_in_mask(mask), view.cpus, std::back_inserter(cpus));
  // With the target's rights: the kernel asks whose process it is. A number that is dealt to another process
  // between the look-up and this call would be one that the target's user could restrict anyway.
  const auto own = kernel::read_credentials(::gettid());
  const auto theirs = kernel::read_credentials(static_cast<pid_t>(notification.pid));
  if (!own || !theirs || !context_.listener.is_valid(notification.id))
    return {Fail{EINTR}, "the target is gone"};
  const auto assumed = kernel::AssumedCredentials::assume(*theirs, *own);
  if (!assumed) return {Fail{EPERM}, "not with the target's rights"};
  if (const auto done = kernel::set_allowed_cpus(tid, cpus); !done)
    return {Fail{done.error().number}, "as the kernel would"};
  return {Return{0}, "within the CPUs of the sandbox"};
}

Verdict ProcessState::tell_ipc(const seccomp_notif& notification) {
  // Continue safety: the objects of another namespace than ours are a container's own.
  if (!shares_ipc_objects(static_cast<pid_t>(notification.pid))) return {Continue{}};
  const auto told = ask_ipc(context_, notification);
  if (!told) return {Fail{told.error().number}, "as the kernel would"};
  if (told->bytes.empty()) return {Return{told->value}, "own processes only"};
  return answer_in_memory(notification, notification.data.args[2], told->bytes, told->value,
                          "own processes only");
}

Verdict ProcessState::process_limit(const seccomp_notif& notification) {
  const auto& args = notification.data.args;
  const int call = notification.data.nr;
  const int named = call == SYS_prlimit64 ? int_argument(notification, 0) : 0;
  if (named != 0 && !context_.members.group_of(named))
    return {Fail{ESRCH}, "a process outside the sandbox does not exist"};
  const int resource = int_argument(notification, call == SYS_prlimit64 ? 1 : 0);
  // Continue safety: pid and resource are in registers, and the kernel's answer is the sandbox's.
  if (resource != RLIMIT_NPROC || !context_.order.policy.limits.processes) return {Continue{}};
  const auto change = call == SYS_prlimit64 ? args[2] : call == SYS_setrlimit ? args[1] : 0;
  const auto told_at = call == SYS_prlimit64 ? args[3] : call == SYS_getrlimit ? args[1] : 0;

  // Of a member or of the caller: that any process may be told, as by /proc/PID/limits.
  rlimit host{};
  if (::prlimit(named == 0 ? key_.pid : named, RLIMIT_NPROC, nullptr, &host) != 0)
    return {Fail{errno}, "as the kernel would"};
  const rlimit told = procfs::told_process_limit(context_.view.look(false), host);
  if (change != 0)
    if (auto verdict = judge_process_limit(notification, change, told)) {
      // Continue safety: the kernel sets what its own rules allow, whatever the memory holds by then; as
      // above.
      if (!std::holds_alternative<Continue>(verdict->answer) || told_at == 0) return *std::move(verdict);
      return {Fail{EPERM}, "sets a limit and asks what it was in one call"};
    }
  if (told_at == 0) return {Return{0}, "the limit that is told already"};
  return answer_in_memory(notification, told_at, std::as_bytes(std::span{&told, 1}), 0,
                          "the limit that is told");
}

std::optional<Verdict> ProcessState::judge_process_limit(const seccomp_notif& notification,
                                                         std::uint64_t address, const rlimit& told) {
  rlimit wanted{};
  const auto bytes = std::as_writable_bytes(std::span{&wanted, 1});
  const auto read = with_memory(
      notification, [&](const kernel::RemoteMemory& memory) { return memory.read(address, bytes); });
  if (!read) return unreadable(read.error());
  if (*read < bytes.size()) return Verdict{Fail{EFAULT}, "the limit is not mapped"};
  const auto caller = kernel::read_credentials(static_cast<pid_t>(notification.pid));
  if (!caller || !context_.listener.is_valid(notification.id))
    return Verdict{Fail{EINTR}, "the target is gone"};
  constexpr std::uint64_t may_raise = std::uint64_t{1} << CAP_SYS_RESOURCE;
  const auto changes =
      procfs::changes_process_limit(told, wanted, (caller->effective_capabilities & may_raise) != 0);
  if (!changes) return Verdict{Fail{changes.error().number}, "as the kernel would"};
  // Continue safety: see process_limit.
  if (*changes) return Verdict{Continue{}};
  return std::nullopt;
}

Verdict ProcessState::rewind(const seccomp_notif& notification) {
  const auto tid = static_cast<pid_t>(notification.pid);
  const int fd = int_argument(notification, 0);
  const auto name = kernel::memfd_name(tid, fd);
  const auto length = name.copy(context_.path.data(), context_.path.size());
  procfs::OpenRequest request;
  request.path = procfs::path_of_sealed_name({context_.path.data(), length});
  // Continue safety: the kernel moves the position of the target's own descriptor, whatever that has become.
  if (request.path.empty()) return {Continue{}};
  argument_ = request.path;
  request.tid = tid;
  request.tgid = key_.pid;
  if (kernel::is_close_on_exec(tid, fd)) request.flags = O_CLOEXEC;
  auto verdict = context_.gate.open(request);
  // Continue safety: as above. The process that the file told of may have ended.
  if (!std::holds_alternative<policy::Inject>(verdict.answer)) return {Continue{}};
  auto& opened = std::get<policy::Inject>(verdict.answer);
  // Its duplicates go on with the text of before, from the beginning as well: they share the position.
  if (const auto thread = kernel::PidFd::open_thread(tid))
    if (const auto file = thread->get_fd(fd)) static_cast<void>(::lseek(file->get(), 0, SEEK_SET));
  return {policy::Replace{std::move(opened.fd), fd, opened.close_on_exec}, "read again"};
}

// -- exec -----------------------------------------------------------------------------------------

Verdict ProcessState::execute(const seccomp_notif& notification) {
  const bool at = notification.data.nr == SYS_execveat;
  const auto path = read_path(notification, notification.data.args[at ? 1 : 0]);
  if (!path) return unreadable(path.error());
  argument_ = *path;
  if (auto verdict = judge_name(notification, at ? int_argument(notification, 0) : AT_FDCWD, *path);
      !std::holds_alternative<Continue>(verdict.answer))
    return verdict;
  exec_.tid = static_cast<pid_t>(notification.pid);
  // From here on the descriptor may belong to the address space that exec leaves behind: with vfork that
  // one lives on in the parent and would go on answering.
  memory_.close();
  // Continue safety: the new program runs under the same filter, Landlock domain and no_new_privs,
  // whichever file the kernel finds at the path.
  return {Continue{}};
}

void ProcessState::settle(pid_t tid) {
  if (chdir_.settled(key_.pid, tid)) {
    chdir_.tid = 0;
    cwd_ = Cwd::unknown;
  }
  if (exec_.settled(key_.pid, tid)) {
    exec_.tid = 0;
    memory_.close();
    note_exec();
  }
}

void ProcessState::note_exec() {
  auto stat = kernel::read_proc_stat(key_.pid);
  if (!stat || same_image(*stat, image_)) return;  // the exec failed
  image_ = *std::move(stat);
  ++address_space_.generation;
  address_space_.brk_base = image_.start_brk;
  address_space_.charged_bytes = image_.virtual_bytes;
  record_->command = image_.comm;
  context_.recorder.record(RecordLevel::lifecycle, messages::event::ProcessExec{key_, image_.comm});
}

}  // namespace proctor::actors
