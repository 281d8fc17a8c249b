#include "procfs/told_calls.hpp"

#include <fcntl.h>
#include <linux/capability.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "actors/call_arguments.hpp"
#include "actors/pid_argument.hpp"
#include "actors/process_state.hpp"
#include "actors/sandbox_context.hpp"
#include "actors/told_ipc.hpp"
#include "kernel/cpus.hpp"
#include "kernel/credentials.hpp"
#include "kernel/personality.hpp"
#include "kernel/sealed_file.hpp"

// ProcessState's handlers of the calls that tell, or take, what the files of /proc tell.
namespace proctor::actors {
namespace {

/// `struct mq_attr` of mq_getattr(3), with its reserved words.
constexpr std::size_t mq_attr_bytes = 8 * sizeof(long);

/// Whether a thread's soft limit is the supervisor's.
bool has_own_limit(std::uint32_t tid, __rlimit_resource resource) {
  rlimit theirs{};
  rlimit ours{};
  return ::prlimit(static_cast<pid_t>(tid), resource, nullptr, &theirs) == 0 &&
         ::prlimit(0, resource, nullptr, &ours) == 0 && theirs.rlim_cur == ours.rlim_cur;
}

/// getrlimit, setrlimit or prlimit64: what its registers say.
struct LimitCall {
  pid_t of;                 ///< 0: the caller's own limit
  int resource;             ///< RLIMIT_*
  std::uint64_t wanted_at;  ///< address of the new limit; 0: it is not set
  std::uint64_t told_at;    ///< where the limit that was is to be written; 0: it is not asked for
};

LimitCall limit_call(const seccomp_notif& notification) {
  const auto& args = notification.data.args;
  switch (notification.data.nr) {
    case SYS_getrlimit:
      return {0, int_argument(notification, 0), 0, args[1]};
    case SYS_setrlimit:
      return {0, int_argument(notification, 0), args[1], 0};
    default:
      return {int_argument(notification, 0), int_argument(notification, 1), args[2], args[3]};
  }
}

bool is_version_of_capabilities(std::uint32_t version) {
  return version == _LINUX_CAPABILITY_VERSION_1 || version == _LINUX_CAPABILITY_VERSION_2 ||
         version == _LINUX_CAPABILITY_VERSION_3;
}

}  // namespace

using policy::Continue;
using policy::Fail;
using policy::Return;
using policy::Verdict;

Verdict ProcessState::tell_system(const seccomp_notif& notification) {
  struct sysinfo host {};
  if (::sysinfo(&host) != 0) return {Fail{errno}, as_the_kernel};
  const auto told = procfs::told_sysinfo(context_.view.look(procfs::ViewDetail::with_usage), host);
  return tell(notification, notification.data.args[0], std::as_bytes(std::span{&told, 1}), 0,
              "the sandbox's own figures");
}

Verdict ProcessState::tell_parent() const {
  const auto self = pidfd_->info();
  if (!self) return {Fail{EINTR}, target_is_gone};
  // Continue safety: the parent is the sandbox's own; should it end now, the kernel tells who adopted the
  // child, a number and no more. The sandbox's init is none of its processes, and outlives them.
  if (self->ppid != context_.order.init && context_.members.group_of(self->ppid)) return {Continue{}};
  return {Return{0}, "a parent outside the sandbox does not exist"};
}

Verdict ProcessState::tell_session(const seccomp_notif& notification) {
  const pid_t named = int_argument(notification, 0);
  const auto process = named == 0 ? std::optional{key_.pid} : context_.members.group_of(named);
  if (!process) return {Fail{ESRCH}, no_such_process};
  const auto stat = kernel::read_proc_stat(*process);
  if (!stat) return {Fail{ESRCH}, "the process is gone"};
  // Continue safety: the pid is in a register, and a session that a process of the sandbox founds meanwhile
  // is its own.
  if (stat->session != context_.jobs.foreign_session()) return {Continue{}};
  return {Return{0}, "a session that began outside the sandbox"};
}

Verdict ProcessState::tell_name(const seccomp_notif& notification) {
  // Continue safety: nothing is hidden where no name was given.
  if (context_.order.policy.limits.hostname.empty()) return {Continue{}};
  const auto host = kernel::uname_for(static_cast<pid_t>(notification.pid));
  if (!host) return {Fail{host.error().number}, as_the_kernel};
  const auto told = procfs::told_uname(context_.view.look(procfs::ViewDetail::plain), *host);
  return tell(notification, notification.data.args[0], std::as_bytes(std::span{&told, 1}), 0,
              "the sandbox's own name");
}

Verdict ProcessState::tell_capabilities(const seccomp_notif& notification) {
  // As the kernel: kernel/capability.c, cap_validate_magic() and capget(2).
  const auto& args = notification.data.args;
  const bool wants_data = args[1] != 0;
  __user_cap_header_struct asked{};
  const auto bytes = std::as_writable_bytes(std::span{&asked, 1});
  const auto read = read_some(notification, args[0], bytes);
  if (!read && read.error().number != EFAULT) return {Fail{EPERM}, "the header cannot be read"};
  if (!read || *read < sizeof asked.version) return {Fail{EFAULT}, "the header is not mapped"};
  if (!is_version_of_capabilities(asked.version)) {
    constexpr std::uint32_t known = _LINUX_CAPABILITY_VERSION_3;
    auto verdict = answer_in_memory(notification, args[0], std::as_bytes(std::span{&known, 1}), 0,
                                    "the version that there is");
    return wants_data && std::holds_alternative<Return>(verdict.answer) ? Verdict{Fail{EINVAL}, as_the_kernel}
                                                                        : std::move(verdict);
  }
  if (!wants_data) return {Return{0}, as_the_kernel};
  if (*read < bytes.size()) return {Fail{EFAULT}, "the header is not mapped"};
  if (asked.pid < 0) return {Fail{EINVAL}, as_the_kernel};
  if (asked.pid != 0 && !context_.members.group_of(asked.pid)) return {Fail{ESRCH}, no_such_process};
  std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> told{};
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3,
                                  asked.pid == 0 ? static_cast<pid_t>(notification.pid) : asked.pid};
  if (::syscall(SYS_capget, &header, told.data()) != 0) return {Fail{errno}, as_the_kernel};
  const bool is_narrow = asked.version == _LINUX_CAPABILITY_VERSION_1;
  const auto shown = std::span{told}.first(is_narrow ? _LINUX_CAPABILITY_U32S_1 : _LINUX_CAPABILITY_U32S_3);
  return answer_in_memory(notification, args[1], std::as_bytes(shown), 0, "of the sandbox's own process");
}

Verdict ProcessState::set_affinity(const seccomp_notif& notification) {
  const int named = int_argument(notification, 0);
  const pid_t tid = named == 0 ? static_cast<pid_t>(notification.pid) : named;
  if (named != 0 && !context_.members.group_of(named)) return {Fail{ESRCH}, no_such_process};
  const auto view = context_.view.look(procfs::ViewDetail::plain);
  // Continue safety: about the caller itself, which waits here; and any CPU of the machine is the sandbox's.
  // What is about another thread is done here, between two hand-overs to that thread (kernel::OneCpu).
  if (view.all_cpus && tid == static_cast<pid_t>(notification.pid)) return {Continue{}};
  // Continue safety: any CPU is the sandbox's; whose rights are not the supervisor's, all of them, is the
  // kernel's to judge (cap_safe_nice asks for what is permitted). What is set within a hand-over may be
  // undone then.
  if (view.all_cpus && !acts_with_own_rights(notification)) return {Continue{}};

  std::array<std::byte, kernel::cpu_mask_bytes_max> mask{};
  const auto length =
      std::min<std::uint64_t>(static_cast<std::uint32_t>(notification.data.args[1]), mask.size());
  const auto wanted = std::span{mask}.first(length);
  const auto read = read_some(notification, notification.data.args[2], wanted);
  if (!read && read.error().number != EFAULT) return {Fail{EPERM}, "the mask cannot be read"};
  if (!read || *read < length) return {Fail{EFAULT}, "the mask is not mapped"};
  auto cpus = kernel::cpus_in_mask(mask);
  if (!view.all_cpus)
    std::erase_if(cpus, [&](unsigned cpu) { return !std::ranges::binary_search(view.cpus, cpu); });
  // With the target's rights: the kernel asks whose process it is. A number that is dealt to another process
  // between the look-up and this call would be one that the target's user could restrict anyway.
  const auto acting = act_as_caller(context_, notification);
  if (!acting) return {Fail{acting.error().number}, "not with the target's rights"};
  if (const auto done = kernel::set_allowed_cpus(tid, cpus); !done)
    return {Fail{done.error().number}, as_the_kernel};
  return {Return{0}, "within the CPUs of the sandbox"};
}

Verdict ProcessState::tell_affinity(const seccomp_notif& notification) {
  const pid_t tid = int_argument(notification, 0);
  if (!context_.members.group_of(tid)) return {Fail{ESRCH}, no_such_process};
  // Here, between two hand-overs to that thread, during which it is kept on one CPU (kernel::OneCpu).
  // However long the caller says that its mask is, the kernel writes no more than this
  // (kernel/sched/syscalls.c).
  std::array<std::byte, kernel::cpu_mask_bytes_max> mask{};
  const long told = ::syscall(SYS_sched_getaffinity, tid, word_argument(notification, 1), mask.data());
  if (told < 0) return {Fail{errno}, as_the_kernel};
  if (!context_.members.group_of(tid)) return {Fail{ESRCH}, "it has ended, and another may have its number"};
  return tell(notification, notification.data.args[2], std::span{mask}.first(static_cast<std::size_t>(told)),
              told, "an own process");
}

Verdict ProcessState::tell_ipc(const seccomp_notif& notification) {
  // Continue safety: the objects of another namespace than ours are a container's own.
  if (has_own_ipc_objects(static_cast<pid_t>(notification.pid))) return {Continue{}};
  const auto told = ask_ipc(context_, notification);
  if (!told) return {Fail{told.error().number}, as_the_kernel};
  if (told->bytes.empty()) return {Return{told->value}, "own processes only"};
  return answer_in_memory(notification, notification.data.args[2], told->bytes, told->value,
                          "own processes only");
}

Verdict ProcessState::open_queue(const seccomp_notif& notification) {
  // Continue safety: the queues of another namespace than ours are a container's own, and Landlock decides.
  if (has_own_ipc_objects(static_cast<pid_t>(notification.pid))) return {Continue{}};
  const auto& args = notification.data.args;
  std::array<std::byte, mq_attr_bytes> attributes{};
  if (args[3] != 0)
    if (const auto read = read_memory(notification, args[3], attributes); !read)
      return unreadable(read.error());
  const auto name = read_path(notification, args[0]);
  if (!name) return unreadable(name.error());
  argument_ = *name;
  // A queue is charged to the user who makes it, and its limit is the maker's.
  const bool may_make =
      acts_with_own_rights(notification) && has_own_limit(notification.pid, RLIMIT_MSGQUEUE);
  auto queue = actors::open_queue(context_, notification, std::string{*name}.c_str(),
                                  args[3] == 0 ? nullptr : attributes.data(), may_make);
  if (!queue) return {Fail{queue.error().number}, as_the_kernel};
  return {policy::Inject{std::make_shared<const kernel::UniqueFd>(*std::move(queue)), true},
          "opened with its rights"};
}

Verdict ProcessState::process_limit(const seccomp_notif& notification) {
  const LimitCall call = limit_call(notification);
  if (call.of != 0 && !context_.members.group_of(call.of)) return {Fail{ESRCH}, no_such_process};
  const bool is_of_other = call.of != 0 && !is_caller(notification, key_.pid, call.of);
  // Continue safety: of the caller itself, and the kernel's answer is the sandbox's.
  if (call.resource != RLIMIT_NPROC || !context_.order.policy.limits.processes)
    return is_of_other ? limit_task(notification, call.of) : Verdict{Continue{}};

  // Of a member or of the caller: that any process may be told, as by /proc/PID/limits.
  rlimit host{};
  if (::prlimit(call.of == 0 ? key_.pid : call.of, RLIMIT_NPROC, nullptr, &host) != 0)
    return {Fail{errno}, as_the_kernel};
  const rlimit told = procfs::told_process_limit(context_.view.look(procfs::ViewDetail::plain), host);
  bool changes = false;
  if (call.wanted_at != 0) {
    auto verdict = judge_process_limit(notification, call.wanted_at, told, changes);
    if (verdict && !std::holds_alternative<Continue>(verdict->answer)) return *std::move(verdict);
    changes = changes || verdict;  // an undumpable caller's wish cannot be read: it may change something
  }
  if (changes) {
    if (call.told_at != 0) return {Fail{EPERM}, "sets a limit and asks what it was in one call"};
    // Continue safety: the kernel sets what its own rules allow, whatever the memory holds by then.
    return is_of_other ? limit_task(notification, call.of) : Verdict{Continue{}};
  }
  if (call.told_at == 0) return {Return{0}, "the limit that is told already"};
  return answer_in_memory(notification, call.told_at, std::as_bytes(std::span{&told, 1}), 0,
                          "the limit that is told");
}

std::optional<Verdict> ProcessState::judge_process_limit(const seccomp_notif& notification,
                                                         std::uint64_t address, const rlimit& told,
                                                         bool& changes) {
  rlimit wanted{};
  const auto bytes = std::as_writable_bytes(std::span{&wanted, 1});
  const auto read = read_some(notification, address, bytes);
  if (!read) return unreadable(read.error());
  if (*read < bytes.size()) return Verdict{Fail{EFAULT}, "the limit is not mapped"};
  const auto caller = kernel::read_credentials(static_cast<pid_t>(notification.pid));
  if (!caller || !context_.listener.is_valid(notification.id)) return Verdict{Fail{EINTR}, target_is_gone};
  constexpr std::uint64_t may_raise = std::uint64_t{1} << CAP_SYS_RESOURCE;
  const auto judged =
      procfs::changes_process_limit(told, wanted, (caller->effective_capabilities & may_raise) != 0);
  if (!judged) return Verdict{Fail{judged.error().number}, as_the_kernel};
  changes = *judged;
  return std::nullopt;
}

Verdict ProcessState::read_anew(const seccomp_notif& notification) {
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
  auto verdict = ask_gate(notification, request);
  // Continue safety: as above. The process that the file told of may have ended.
  if (!std::holds_alternative<policy::Inject>(verdict.answer)) return {Continue{}};
  auto& opened = std::get<policy::Inject>(verdict.answer);
  // A memfd of the target's own may bear any name; whoever it is passed to must not find its own memory map
  // or a private file in the place of what it was given. And what another thread has put under the number
  // since then is left alone. Continue safety: as above.
  if (kernel::memfd_name(::gettid(), opened.fd->get()) != name || kernel::memfd_name(tid, fd) != name)
    return {Continue{}};
  const auto file = capture(notification, fd);
  const int status = file ? ::fcntl(file->get(), F_GETFL) : -1;
  if (status > 0 && (status & static_cast<int>(procfs::status_flags)) != 0)
    (void)::fcntl(opened.fd->get(), F_SETFL, status);
  if (notification.data.nr == SYS_lseek) {
    // Its duplicates go on with the text of before, from the beginning as well: they share the position.
    if (file) static_cast<void>(::lseek(file->get(), 0, SEEK_SET));
    return {policy::Replace{std::move(opened.fd), fd, opened.close_on_exec}, "read again"};
  }
  // pread leaves the position where it is.
  if (file) static_cast<void>(::lseek(opened.fd->get(), ::lseek(file->get(), 0, SEEK_CUR), SEEK_SET));
  return {policy::Replace{std::move(opened.fd), fd, opened.close_on_exec, policy::Replace::Then::goes_on},
          "read again"};
}

}  // namespace proctor::actors
