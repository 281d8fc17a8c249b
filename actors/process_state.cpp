#include "actors/process_state.hpp"

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/openat2.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <iterator>
#include <span>
#include <utility>

#include "actors/call_arguments.hpp"
#include "actors/descriptor_calls.hpp"
#include "actors/sandbox_context.hpp"
#include "kernel/credentials.hpp"
#include "procfs/instance.hpp"
#include "procfs/listing.hpp"
#include "procfs/sys_rules.hpp"

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

/// What a getdents call has room for. To the kernel a count that is negative as an int has none, for any
/// entry (fs/readdir.c, filldir64).
std::uint64_t room_of(const seccomp_notif& notification) {
  const int count = int_argument(notification, 2);
  return count < 0 ? 0 : std::min<std::uint64_t>(static_cast<std::uint64_t>(count), listing_bytes_max);
}

procfs::DirentLayout layout_of(const seccomp_notif& notification) {
  return notification.data.nr == SYS_getdents64 ? procfs::DirentLayout::dirent64
                                                : procfs::DirentLayout::legacy;
}

/// prctl(PR_SET_DUMPABLE, 0)
Verdict become_undumpable() {
  const auto own = kernel::read_credentials(::gettid());
  // Continue safety: the arguments are in registers, and who may trace everybody goes on seeing the process.
  if (own && ((own->effective_capabilities >> CAP_SYS_PTRACE) & 1U) != 0) return {Continue{}};
  return {Fail{EPERM}, "its supervisor could not look at it any more"};
}

bool same_image(const kernel::ProcStat& a, const kernel::ProcStat& b) {
  return a.start_stack == b.start_stack && a.start_code == b.start_code && a.start_brk == b.start_brk &&
         a.arg_start == b.arg_start && a.comm == b.comm;
}

}  // namespace

void PendingChanges::add(pid_t tid) {
  if (std::ranges::find(tids_, tid) == tids_.end()) tids_.push_back(tid);
}

bool PendingChanges::settle(pid_t tgid, pid_t heard) {
  if (tids_.empty()) return false;
  // Heard of again; or gone, as every thread but the calling one is once an exec has happened, and as
  // the calling one is when it took over the leader's id.
  std::erase_if(tids_, [&](pid_t tid) { return heard == tid || !kernel::is_thread_of(tgid, tid); });
  return tids_.empty();
}

ProcessState::ProcessState(SandboxContext& context, const index::PidKey& key,
                           std::shared_ptr<ProcessRecord> record, std::shared_ptr<const kernel::PidFd> pidfd)
    : context_(context), key_(key), record_(std::move(record)), pidfd_(std::move(pidfd)) {
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
    case policy::Handler::watch:
      return watch(notification);
    case policy::Handler::tell_system:
      return tell_system(notification);
    case policy::Handler::tell_parent:
      return tell_parent();
    case policy::Handler::tell_session:
      return tell_session(notification);
    case policy::Handler::tell_name:
      return tell_name(notification);
    case policy::Handler::tell_caps:
      return tell_capabilities(notification);
    case policy::Handler::tell_ipc:
      return tell_ipc(notification);
    case policy::Handler::open_queue:
      return open_queue(notification);
    case policy::Handler::set_affinity:
      return set_affinity(notification);
    case policy::Handler::tell_affinity:
      return tell_affinity(notification);
    case policy::Handler::read_anew:
      return read_anew(notification);
    case policy::Handler::descriptor:
      return DescriptorCalls(context_, *this, notification).decide();
    case policy::Handler::control:
      return control(notification);
    case policy::Handler::process_limit:
      return process_limit(notification);
    case policy::Handler::share_table:
      context_.shares_tables = true;
      // Continue safety: it is noted before it happens, and the flags are in a register.
      return {Continue{}};
    case policy::Handler::pid_argument:  // all but is_on_behalf() are decided by the notification actor
      return change_task(notification, row);
    case policy::Handler::none:
      break;
  }
  return {Fail{ENOSYS}, "no handler for this call"};
}

Verdict ProcessState::control(const seccomp_notif& notification) {
  switch (word_argument(notification, 0)) {
    case PR_SET_CHILD_SUBREAPER:
      context_.has_subreapers = true;
      // Continue safety: it is noted before it happens, and the arguments are in registers.
      return {Continue{}};
    case PR_SET_PTRACER: {
      const int tracer = int_argument(notification, 1);
      // As Yama says it of a number that nobody has (security/yama/yama_lsm.c, yama_task_prctl).
      if (tracer != -1 && !context_.members.group_of(tracer)) return {Fail{EINVAL}, no_such_process};
      // Continue safety: the number is in a register; -1 is everybody, and Landlock keeps tracers inside.
      return {Continue{}};
    }
    default:
      return become_undumpable();
  }
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
      if (!context_.listener.is_valid(notification.id)) return Answer{kernel::Error{ESRCH, target_is_gone}};
      memory_ = *std::move(opened);
    }
    auto answer = read(memory_);
    const bool stale = !answer && answer.error().number == ESTALE;
    // While an exec is under way the descriptor may be of either address space: open anew each time.
    if (stale || exec_.any()) memory_.close();
    if (!stale || attempt > 0) return answer;
  }
}

Verdict ProcessState::answer_in_memory(const seccomp_notif& notification, std::uint64_t address,
                                       std::span<const std::byte> bytes, std::int64_t value,
                                       const char* reason) {
  // With WAIT_KILLABLE_RECV only death ends the target's call now, so the buffer is still its buffer.
  if (!context_.listener.is_valid(notification.id)) return {Fail{EINTR}, target_is_gone};
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

Verdict ProcessState::tell(const seccomp_notif& notification, std::uint64_t address,
                           std::span<const std::byte> bytes, std::int64_t value, const char* reason) {
  auto verdict = answer_in_memory(notification, address, bytes, value, reason);
  const auto* const fail = std::get_if<Fail>(&verdict.answer);
  // Continue safety: the target made itself undumpable, so that an unprivileged supervisor cannot write
  // there. It then gets what the kernel says, which names no process outside the sandbox.
  if (fail != nullptr && fail->error == EACCES) return {Continue{}};
  return verdict;
}

kernel::Result<std::size_t> ProcessState::read_some(const seccomp_notif& notification, std::uint64_t address,
                                                    std::span<std::byte> into) {
  return with_memory(notification,
                     [&](const kernel::RemoteMemory& memory) { return memory.read(address, into); });
}

kernel::Result<void> ProcessState::read_memory(const seccomp_notif& notification, std::uint64_t address,
                                               std::span<std::byte> into) {
  const auto read = read_some(notification, address, into);
  if (!read) return read.error();
  if (*read < into.size()) return kernel::Error{EFAULT, "read the target's memory"};
  return {};
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
      return {Fail{error.number}, as_the_kernel};
    case EPERM:
    case EACCES:
      // Continue safety: the target made itself undumpable, so that an unprivileged supervisor cannot
      // read its paths. Landlock keeps procfs closed all the same; nothing can be served, no more.
      if (context_.order.landlocked) return {Continue{}};
      return {Fail{EACCES}, "the argument cannot be read"};
    default:
      return {Fail{EINTR}, target_is_gone};
  }
}

// -- the open family ----------------------------------------------------------------------------------

namespace {

/// The arguments of a call of the open family; openat2 has flags and mode in memory.
struct OpenCall {
  int dirfd = AT_FDCWD;
  std::uint64_t path_address = 0;
  std::uint64_t flags = 0;
  std::uint64_t mode = 0;
};

OpenCall open_call(const seccomp_notif& notification) {
  const auto& args = notification.data.args;
  switch (notification.data.nr) {
    case SYS_open:
      return {.path_address = args[0], .flags = args[1], .mode = args[2]};
    case SYS_creat:
      return {.path_address = args[0], .flags = O_CREAT | O_WRONLY | O_TRUNC, .mode = args[1]};
    case SYS_openat:
      return {int_argument(notification, 0), args[1], args[2], args[3]};
    default:
      return {.dirfd = int_argument(notification, 0), .path_address = args[1]};
  }
}

/// As the kernel takes the flags of all but openat2 (fs/open.c, build_open_how).
void set_flags(procfs::OpenRequest& request, const OpenCall& call) {
  request.flags = static_cast<std::uint32_t>(call.flags);  // an int parameter
  request.mode = call.mode;
  if ((request.flags & O_PATH) == 0) return;
  // Whatever else is asked for then has no effect.
  request.flags &= O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
  request.mode = 0;
}

}  // namespace

Verdict ProcessState::open_path(const seccomp_notif& notification) {
  const OpenCall call = open_call(notification);
  const auto path = read_path(notification, call.path_address);
  if (!path) return unreadable(path.error());
  argument_ = *path;
  if (!may_need_service(notification, call.dirfd, *path)) {
    // Continue safety: whatever the path leads to by the time the kernel reads it, Landlock refuses
    // procfs there; the path only told that there is nothing for us to serve.
    return {Continue{}};
  }
  procfs::OpenRequest request;
  request.tid = static_cast<pid_t>(notification.pid);
  request.tgid = key_.pid;
  request.dirfd = call.dirfd;
  request.path = *path;
  if (notification.data.nr == SYS_openat2) {
    open_how how{};
    if (auto verdict = read_open_how(notification, how)) return *std::move(verdict);
    request.exact = true;
    request.flags = how.flags, request.mode = how.mode, request.resolve = how.resolve;
  } else {
    set_flags(request, call);
  }
  return ask_gate(notification, request);
}

Verdict ProcessState::ask_gate(const seccomp_notif& notification, procfs::OpenRequest& request) {
  if (context_.everyones_credentials) {
    request.credentials = &*context_.everyones_credentials;
    return context_.gate.open(request);
  }
  kernel::PidFd room;
  const auto* const thread = hold(request.tid, room);
  const auto are_kept = [&] {
    return thread != nullptr && kernel::surely_has(request.tid, *thread, credentials_);
  };
  if (credentials_of_ != request.tid || !are_kept()) {
    auto read = context_.gate.credentials_of(request.tid);
    // Asked after the reading: the thread still waits in its call, so they are its own.
    if (!read || !context_.listener.is_valid(notification.id)) return {Fail{EINTR}, target_is_gone};
    credentials_ = *std::move(read);
    // Who can change its groups without a trace is asked anew each time.
    credentials_of_ = are_kept() ? request.tid : 0;
  }
  request.credentials = &credentials_;
  return context_.gate.open(request);
}

std::optional<Verdict> ProcessState::read_open_how(const seccomp_notif& notification, open_how& how) {
  // As the kernel: fs/open.c, openat2, and copy_struct_from_user().
  const auto address = notification.data.args[2], size = notification.data.args[3];
  if (size < sizeof how) return Verdict{Fail{EINVAL}, as_the_kernel};
  if (size > open_how_bytes_max) return Verdict{Fail{E2BIG}, as_the_kernel};
  std::array<std::byte, open_how_bytes_max> bytes;
  const auto wanted = std::span{bytes}.first(size);
  const auto read = with_memory(
      notification, [&](const kernel::RemoteMemory& memory) { return memory.read(address, wanted); });
  if (!read) return unreadable(read.error());
  if (*read < size) return Verdict{Fail{EFAULT}, "the open_how is not mapped"};
  const auto unknown = wanted.subspan(sizeof how);
  if (std::any_of(unknown.begin(), unknown.end(), [](std::byte byte) { return byte != std::byte{0}; }))
    return Verdict{Fail{E2BIG}, as_the_kernel};
  std::memcpy(&how, bytes.data(), sizeof how);
  return std::nullopt;
}

bool ProcessState::may_need_service(const seccomp_notif& notification, int dirfd, std::string_view path) {
  if (path.empty()) return false;  // the kernel answers ENOENT, or opens nothing new
  if (context_.hints.may_need_service(path)) return true;
  if (path.front() == '/') return false;
  const auto tid = static_cast<pid_t>(notification.pid);
  if (context_.hints.may_be_told(path)) return context_.hints.may_need_service(tid, dirfd, path);
  if (dirfd != AT_FDCWD) return procfs::file_system_of(tid, dirfd) != procfs::FileSystem::other;
  const bool changing = chdir_.any();
  if (changing || cwd_ == Cwd::unknown)
    cwd_ = context_.hints.may_need_service(tid, AT_FDCWD, "any") ? Cwd::special : Cwd::ordinary;
  const bool special = cwd_ == Cwd::special;
  if (changing) cwd_ = Cwd::unknown;  // a sibling thread's chdir may take effect any moment
  return special && context_.hints.may_need_service(tid, AT_FDCWD, path);
}

// -- descriptors ----------------------------------------------------------------------------------

const kernel::PidFd* ProcessState::hold(pid_t tid, kernel::PidFd& room) const {
  if (tid == key_.pid) return pidfd_.get();
  auto thread = kernel::PidFd::open_thread(tid);
  if (!thread) return nullptr;
  room = *std::move(thread);
  return &room;
}

kernel::Result<kernel::UniqueFd> ProcessState::capture(const seccomp_notif& notification, int fd) const {
  const auto tid = static_cast<pid_t>(notification.pid);
  kernel::PidFd room;
  const auto* thread = hold(tid, room);
  // Before 6.9 only groups can be opened; the thread's own descriptors may differ from its leader's.
  if (thread == nullptr && kernel::share_descriptors(key_.pid, tid)) thread = pidfd_.get();
  if (thread == nullptr) return kernel::Error{EBADF, "hold a thread"};
  auto captured = thread->get_fd(fd);
  // Asked after it was taken: the thread still waits in its call, so the descriptor is its own.
  if (!context_.listener.is_valid(notification.id)) return kernel::Error{ESRCH, target_is_gone};
  return captured;
}

// -- directories ----------------------------------------------------------------------------------

Verdict ProcessState::list_directory(const seccomp_notif& notification) {
  const auto tid = static_cast<pid_t>(notification.pid);
  const int fd = int_argument(notification, 0);
  const auto directory = capture(notification, fd);
  // Continue safety: an unprivileged supervisor cannot look into the undumpable. A thread of such a process
  // can then put another directory in the place of this one, and learn the numbers that stat tells as well.
  if (!directory && directory.error().number == EPERM &&
      context_.order.policy.proc == policy::ProcMode::private_view &&
      procfs::file_system_of(tid, fd) == procfs::FileSystem::other)
    return {Continue{}};
  if (!directory) return {Fail{directory.error().number}, "the directory cannot be looked at"};
  const auto info = procfs::examine(directory->get());
  if (info && !S_ISDIR(info->mode)) return {Fail{ENOTDIR}, as_the_kernel};
  if (info && procfs::file_system_of_device(tid, info->id.device) == procfs::FileSystem::sys)
    return list_devices(notification, *directory);
  switch (context_.gate.judge_listing(tid, key_.pid, *directory)) {
    case procfs::Listing::kernels:
      return list_all(notification, *directory);
    case procfs::Listing::nothing:
      return {Fail{ENOENT}, no_such_process};
    case procfs::Listing::members:
      return list_processes(notification, *directory);
  }
  return {Fail{ENOENT}, "no listing of this kind"};
}

Verdict ProcessState::list_all(const seccomp_notif& notification, const kernel::UniqueFd& directory) {
  // Continue safety: nobody can put another directory in the place of the one that was judged.
  if (is_alone_with_descriptors(context_, key_.pid)) return {Continue{}};
  const auto position = ::lseek(directory.get(), 0, SEEK_CUR);
  const auto entries = procfs::list_shown(directory, room_of(notification), layout_of(notification),
                                          [](std::string_view) { return true; });
  if (!entries) return {Fail{entries.error().number}, as_the_kernel};
  return answer_listing(notification, directory, position, *entries, "all there is");
}

Verdict ProcessState::answer_listing(const seccomp_notif& notification, const kernel::UniqueFd& directory,
                                     off_t position, std::span<const std::byte> entries, const char* reason) {
  auto verdict = answer_in_memory(notification, notification.data.args[1], entries,
                                  static_cast<std::int64_t>(entries.size()), reason);
  // What could not be told is told by the next call.
  if (std::holds_alternative<Fail>(verdict.answer))
    static_cast<void>(::lseek(directory.get(), position, SEEK_SET));
  return verdict;
}

Verdict ProcessState::list_processes(const seccomp_notif& notification, const kernel::UniqueFd& directory) {
  const auto position = ::lseek(directory.get(), 0, SEEK_CUR);
  const auto entries =
      procfs::list_members(directory, room_of(notification), layout_of(notification), context_.members);
  if (!entries) return {Fail{entries.error().number}, as_the_kernel};
  return answer_listing(notification, directory, position, *entries, "own processes only");
}

Verdict ProcessState::list_devices(const seccomp_notif& notification, const kernel::UniqueFd& directory) {
  const auto position = ::lseek(directory.get(), 0, SEEK_CUR);
  const auto entries =
      procfs::list_sys(directory, context_.view.look(procfs::ViewDetail::plain), context_.order.policy.proc,
                       room_of(notification), layout_of(notification));
  // A cgroup hierarchy or a sysfs that is not mounted in /sys: it has no names of processes.
  if (!entries) return list_all(notification, directory);
  if (!*entries) return {Fail{entries->error().number}, as_the_kernel};
  auto verdict = answer_listing(notification, directory, position, **entries, "own devices only");
  const auto* const fail = std::get_if<Fail>(&verdict.answer);
  if (fail == nullptr || fail->error != EACCES || !is_alone_with_descriptors(context_, key_.pid))
    return verdict;
  // Continue safety: as in tell(): an undumpable target gets the machine's devices, which name no process.
  return {Continue{}};
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
  chdir_.add(static_cast<pid_t>(notification.pid));
  // Continue safety: a working directory grants nothing; what is opened from it is judged then, and
  // Landlock refuses procfs whatever it is.
  return {Continue{}};
}

Verdict ProcessState::judge_path(const seccomp_notif& notification, const policy::SyscallRow& row) {
  const bool flagged =
      row.flags_argument >= 0 && (int_argument(notification, row.flags_argument) & AT_SYMLINK_NOFOLLOW) != 0;
  const bool follows = row.follows && !flagged;
  auto verdict = judge_path_argument(notification, row.argument, row.dirfd_argument, follows);
  if (row.second_path_argument < 0 || !std::holds_alternative<Continue>(verdict.answer)) return verdict;
  return judge_path_argument(notification, row.second_path_argument, row.second_dirfd_argument, follows);
}

Verdict ProcessState::judge_path_argument(const seccomp_notif& notification, int argument, int dirfd_argument,
                                          bool follows) {
  const auto address = notification.data.args[argument];
  // Continue safety: about a descriptor of the target's own (a null or an empty path), or the kernel's
  // EFAULT.
  if (address == 0) return {Continue{}};
  const auto path = read_path(notification, address);
  if (!path) return unreadable(path.error());
  argument_ = *path;
  if (auto told = tell_file_system(notification, *path)) return *std::move(told);
  const int dirfd = dirfd_argument < 0 ? AT_FDCWD : int_argument(notification, dirfd_argument);
  // Continue safety: what the kernel then does by the path tells whether a process exists and no more.
  // Landlock lets nobody see through the links of a process outside its domain (ptrace), watches and
  // handles of procfs tell nothing, and nothing of procfs can be made, moved or removed. A path that is
  // rewritten meanwhile gains no more than that.
  if (!may_need_service(notification, dirfd, *path)) return {Continue{}};
  auto request = name_request(notification, dirfd, *path, follows);
  request.looks = true;
  auto verdict = ask_gate(notification, request);
  const auto* const own = std::get_if<policy::Inject>(&verdict.answer);
  return own == nullptr ? std::move(verdict) : tell_of_file(notification, *own->fd);
}

Verdict ProcessState::judge_name(const seccomp_notif& notification, int dirfd, std::string_view path,
                                 bool follow) {
  // Continue safety: no decision rests on a path that needs no service; see open_path.
  if (!may_need_service(notification, dirfd, path)) return {Continue{}};
  auto request = name_request(notification, dirfd, path, follow);
  return ask_gate(notification, request);
}

procfs::OpenRequest ProcessState::name_request(const seccomp_notif& notification, int dirfd,
                                               std::string_view path, bool follow) const {
  procfs::OpenRequest request;
  request.tid = static_cast<pid_t>(notification.pid);
  request.tgid = key_.pid;
  request.dirfd = dirfd;
  request.path = path;
  request.flags =
      O_PATH | O_CLOEXEC | (follow ? 0U : O_NOFOLLOW);  // judged like an open that yields no access
  return request;
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
  exec_.add(static_cast<pid_t>(notification.pid));
  // From here on the descriptor may belong to the address space that exec leaves behind: with vfork that
  // one lives on in the parent and would go on answering.
  memory_.close();
  // Continue safety: the new program runs under the same filter, Landlock domain and no_new_privs,
  // whichever file the kernel finds at the path.
  return {Continue{}};
}

void ProcessState::settle(pid_t tid) {
  if (chdir_.settle(key_.pid, tid)) cwd_ = Cwd::unknown;
  if (exec_.settle(key_.pid, tid)) {
    memory_.close();
    credentials_of_ = 0;  // another thread may have taken the leader's number
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
