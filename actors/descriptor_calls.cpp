#include "actors/descriptor_calls.hpp"

#include <fcntl.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstring>
#include <memory>
#include <optional>
#include <utility>
#include <variant>
#include <vector>

#include "actors/call_arguments.hpp"
#include "actors/job_ids.hpp"
#include "actors/process_state.hpp"
#include "actors/sandbox_context.hpp"
#include "kernel/credentials.hpp"
#include "kernel/pidfd.hpp"
#include "kernel/proc_stat.hpp"
#include "kernel/record_locks.hpp"
#include "kernel/socket_options.hpp"
#include "kernel/uapi.hpp"

namespace proctor::actors {
namespace {

using kernel::UniqueFd;
using policy::Continue;
using policy::Fail;
using policy::Return;
using policy::Verdict;

/// What the kernel tells of an id that the reader's user namespace does not have (overflowuid).
constexpr std::uint32_t nobodys_id = 65534;

/// NS_GET_PID_FROM_PIDNS to NS_GET_TGID_IN_PIDNS, <linux/nsfs.h> of Linux 6.11: they differ in one nibble.
constexpr std::uint32_t translation_request = 0x8004b700;
constexpr std::uint32_t translation_mask = 0xfffffff0;

/// PIDFD_GET_INFO in every size.
constexpr std::uint32_t pidfd_info_request = 0xff0b;
constexpr std::uint32_t pidfd_info_mask = 0xffff;

constexpr std::uint32_t whole_word = 0xffffffff;

/// A device number as field 7 of /proc/PID/stat has it (new_encode_dev).
int encode_device(dev_t device) {
  const unsigned minor_number = minor(device);
  return static_cast<int>((minor_number & 0xffU) | major(device) << 8U | (minor_number & ~0xffU) << 12U);
}

Verdict failed(const kernel::Error& error) {
  switch (error.number) {
    case EPERM:
    case EACCES:
      // The target made itself undumpable, and an unprivileged supervisor may not look into it. What the
      // kernel would tell then could be of anybody.
      return {Fail{EPERM}, "the target cannot be looked at"};
    case ESRCH:
    case ENOENT:
      return {Fail{EINTR}, target_is_gone};
    default:
      return {Fail{error.number}, as_the_kernel};
  }
}

/// The bytes that a `struct flock` is about (fs/locks.c, flock_to_posix_lock), which the kernel has found
/// valid.
kernel::ByteRange range_of(const struct flock& lock, const UniqueFd& file) {
  struct stat status {};
  // Unsigned: what ends at the last byte there can be, ends one before a number that is none of an off_t.
  const auto length = static_cast<std::uint64_t>(lock.l_len);
  auto start = static_cast<std::uint64_t>(lock.l_start);
  if (lock.l_whence == SEEK_CUR) start += static_cast<std::uint64_t>(::lseek(file.get(), 0, SEEK_CUR));
  if (lock.l_whence == SEEK_END && ::fstat(file.get(), &status) == 0)
    start += static_cast<std::uint64_t>(status.st_size);
  if (lock.l_len == 0) return {start, kernel::ByteRange::to_the_end};
  if (lock.l_len < 0) return {start + length, start - 1};
  return {start, start + length - 1};
}

/// Answers F_GETLK for a process whose own lock the supervisor, not being that process, met first: who else
/// is in the way. Nothing: nobody.
std::optional<struct flock> other_lock(const std::vector<kernel::RecordLock>& locks,
                                       const struct flock& wanted, const struct flock& own, pid_t tgid,
                                       const UniqueFd& file) {
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) return std::nullopt;
  // How the list names the file is told by the lock that is known: below an overlay it is not what stat says.
  const kernel::RecordLock* known = nullptr;
  for (const auto& lock : locks) {
    if (lock.holder != tgid || lock.exclusive != (own.l_type == F_WRLCK) || lock.range != range_of(own, file))
      continue;
    if (known == nullptr || lock.inode == status.st_ino) known = &lock;
  }
  if (known == nullptr) return std::nullopt;
  const auto range = range_of(wanted, file);
  const auto other = std::ranges::find_if(locks, [&](const kernel::RecordLock& lock) {
    return lock.file == known->file && lock.holder != tgid && lock.range.overlaps(range) &&
           (lock.exclusive || wanted.l_type == F_WRLCK);
  });
  if (other == locks.end()) return std::nullopt;
  struct flock found {};
  found.l_type = static_cast<short>(other->exclusive ? F_WRLCK : F_RDLCK);
  found.l_whence = SEEK_SET;
  found.l_start = static_cast<off_t>(other->range.first);
  const bool to_the_end = other->range.last == kernel::ByteRange::to_the_end;
  found.l_len = to_the_end ? 0 : static_cast<off_t>(other->range.last - other->range.first + 1);
  found.l_pid = other->holder;
  return found;
}

template <class Value>
std::span<std::byte> bytes_of(Value& value) {
  return std::as_writable_bytes(std::span{&value, 1});
}

}  // namespace

/// `struct f_owner_ex` of <fcntl.h>, with the type as the number that it is to the kernel.
struct DescriptorCalls::OwnerEx {
  int type = 0;
  pid_t pid = 0;

  /// As F_GETOWN has it: a group's is negative.
  [[nodiscard]] pid_t as_number() const { return type == F_OWNER_PGRP ? -pid : pid; }
};

/// Which call, told from others of its number by the bits `mask` of a register.
struct DescriptorCalls::Row {
  int number;
  int register_number;
  std::uint32_t mask;
  std::uint32_t value;
  Verdict (DescriptorCalls::*handle)();
};

Verdict DescriptorCalls::decide() {
  static constexpr std::array rows{
      Row{SYS_getsockopt, 2, whole_word, SO_PEERCRED, &DescriptorCalls::tell_peer},
      Row{SYS_getsockopt, 2, whole_word, SO_PEERPIDFD, &DescriptorCalls::give_peer_pidfd},
      Row{SYS_setsockopt, 2, whole_word, SO_PASSCRED, &DescriptorCalls::pass_credentials},
      Row{SYS_setsockopt, 2, whole_word, SO_PASSPIDFD, &DescriptorCalls::pass_credentials},
      Row{SYS_fcntl, 1, whole_word, F_GETLK, &DescriptorCalls::tell_lock},
      Row{SYS_fcntl, 1, whole_word, F_OFD_GETLK, &DescriptorCalls::tell_lock},
      Row{SYS_ioctl, 1, whole_word, TIOCGSID, &DescriptorCalls::tell_session_of_terminal},
      Row{SYS_ioctl, 1, whole_word, TIOCGPGRP, &DescriptorCalls::tell_group_of_terminal},
      Row{SYS_ioctl, 1, whole_word, TIOCSPGRP, &DescriptorCalls::give_terminal},
      Row{SYS_ioctl, 1, whole_word, TIOCSCTTY, &DescriptorCalls::take_terminal},
      Row{SYS_fcntl, 1, whole_word, F_SETOWN, &DescriptorCalls::set_owner},
      Row{SYS_fcntl, 1, whole_word, F_SETOWN_EX, &DescriptorCalls::set_owner_ex},
      Row{SYS_fcntl, 1, whole_word, F_GETOWN, &DescriptorCalls::tell_owner},
      Row{SYS_fcntl, 1, whole_word, F_GETOWN_EX, &DescriptorCalls::tell_owner_ex},
      Row{SYS_ioctl, 1, whole_word, FIOGETOWN, &DescriptorCalls::tell_owner_of_socket},
      Row{SYS_ioctl, 1, whole_word, SIOCGPGRP, &DescriptorCalls::tell_owner_of_socket},
      Row{SYS_ioctl, 1, whole_word, FIOSETOWN, &DescriptorCalls::set_owner_of_socket},
      Row{SYS_ioctl, 1, whole_word, SIOCSPGRP, &DescriptorCalls::set_owner_of_socket},
      Row{SYS_ioctl, 1, pidfd_info_mask, pidfd_info_request, &DescriptorCalls::tell_of_pidfd},
      Row{SYS_ioctl, 1, translation_mask, translation_request, &DescriptorCalls::translate_pid},
  };
  const auto& call = notification_.data;
  const auto* const row = std::ranges::find_if(rows, [&](const Row& candidate) {
    return candidate.number == call.nr &&
           (word_argument(notification_, candidate.register_number) & candidate.mask) == candidate.value;
  });
  if (row == rows.end()) return {Fail{ENOSYS}, "no handler for this call"};
  return (this->*row->handle)();
}

// -- sockets --------------------------------------------------------------------------------------

Verdict DescriptorCalls::tell_peer() {
  const auto socket = capture();
  if (!socket) return failed(socket.error());
  auto peer = kernel::peer_credentials(socket->get());
  if (!peer) return failed(peer.error());
  const auto length = read_length();
  if (!length) return failed(length.error());
  if (!has_own_peer(*socket)) peer->pid = 0;  // as pid_vnr() has it for a process of another namespace
  if (!kernel::shares_user_namespace(static_cast<pid_t>(notification_.pid)))
    peer->uid = peer->gid = nobodys_id;
  return answer_option(bytes_of(*peer), *length);
}

Verdict DescriptorCalls::give_peer_pidfd() {
  const auto socket = capture();
  if (!socket) return failed(socket.error());
  // A number is always told of a socket, so what fails here is the descriptor; and that comes first.
  if (const auto peer = kernel::peer_credentials(socket->get()); !peer) return failed(peer.error());
  const auto length = read_length();
  if (!length) return failed(length.error());
  auto pidfd = kernel::peer_pidfd(socket->get());
  if (!pidfd) return {Fail{pidfd.error().number}, as_the_kernel};
  // Once ended, nobody can tell whose it was. What the kernel says of a socket without a peer goes with the
  // number 0 that SO_PEERCRED tells.
  const auto info = pidfd->info();
  if (!info || !is_member(info->tgid)) return {Fail{ENODATA}, no_such_process};

  // First as if it were done already, so that a target without a place for the number gets nothing.
  constexpr int none = -1;
  auto prepared = answer_option(std::as_bytes(std::span{&none, 1}), *length);
  if (!std::holds_alternative<Return>(prepared.answer)) return prepared;
  const auto tell = [call = *this, room = *length](int number) mutable {  // a copy: it outlives this object
    const auto told = call.answer_option(std::as_bytes(std::span{&number, 1}), room);
    const auto* const fail = std::get_if<Fail>(&told.answer);
    return fail == nullptr ? 0 : fail->error;
  };
  auto shared = std::make_shared<const UniqueFd>((*std::move(pidfd)).release());
  return {policy::InjectAndTell{std::move(shared), true, tell}, "a peer of the sandbox's own"};
}

Verdict DescriptorCalls::pass_credentials() {
  const auto& args = notification_.data.args;
  const auto socket = capture();
  if (!socket) return failed(socket.error());
  const auto senders = kernel::senders_to(socket->get());
  if (!senders) return failed(senders.error());
  int wanted = 0;
  if (int_argument(notification_, 4) < static_cast<int>(sizeof wanted)) return {Fail{EINVAL}, as_the_kernel};
  if (const auto read = process_.read_memory(notification_, args[3], bytes_of(wanted)); !read)
    return failed(read.error());
  if (wanted != 0 && *senders != kernel::Senders::nobody_is_named) {
    if (*senders == kernel::Senders::anybody || !has_own_peer(*socket))
      return {Fail{EPERM}, "senders outside the sandbox would be named"};
  }
  const int option = int_argument(notification_, 2);
  if (const auto set = kernel::set_socket_option(socket->get(), option, wanted != 0 ? 1 : 0); !set)
    return {Fail{set.error().number}, as_the_kernel};
  return {Return{0}, "only a process of the sandbox can be at the other end"};
}

// -- whom a descriptor's signals go to ------------------------------------------------------------

Verdict DescriptorCalls::set_owner() {
  const pid_t owner = int_argument(notification_, 2);
  // Continue safety: nobody, or the kernel's EINVAL.
  if (owner == 0 || owner == INT_MIN) return {Continue{}};
  if (owner < 0 && !context_.order.signals_scoped)
    return {Fail{EPERM}, "a signal to a group, on a kernel that cannot keep it inside"};
  if (owner > 0 ? !is_member(owner) : !has_member_in_group(context_, -owner))
    return {Fail{ESRCH}, no_such_process};
  // Continue safety: the number is in a register. Signals to a group stay inside by Landlock's scope, which
  // the kernel remembers with the owner.
  return {Continue{}};
}

Verdict DescriptorCalls::set_owner_ex() {
  const auto file = capture();
  if (!file) return failed(file.error());
  OwnerEx owner;
  if (const auto read = process_.read_memory(notification_, notification_.data.args[2], bytes_of(owner));
      !read)
    return failed(read.error());
  return own_on_behalf(*file, owner.type, owner.pid);
}

kernel::Result<DescriptorCalls::OwnerEx> DescriptorCalls::owner_of(
    const kernel::Result<UniqueFd>& file) const {
  static_assert(sizeof(OwnerEx) == sizeof(f_owner_ex));
  if (!file) return file.error();
  OwnerEx owner;
  if (::fcntl(file->get(), F_GETOWN_EX, &owner) != 0) return kernel::Error::last("ask for an owner");
  const bool is_own = owner.type == F_OWNER_PGRP ? is_own_group(context_, owner.pid) : is_member(owner.pid);
  if (owner.pid != 0 && !is_own) owner.pid = 0;
  return owner;
}

Verdict DescriptorCalls::tell_owner() {
  const auto owner = owner_of(capture());
  if (!owner) return failed(owner.error());
  return {Return{owner->as_number()}, "an own process, or none"};
}

Verdict DescriptorCalls::tell_owner_ex() {
  auto owner = owner_of(capture());
  if (!owner) return failed(owner.error());
  return write(notification_.data.args[2], bytes_of(*owner));
}

Verdict DescriptorCalls::tell_owner_of_socket() {
  const auto owner = owner_of(capture_socket());
  if (!owner) return failed(owner.error());
  pid_t told = owner->as_number();
  return write(notification_.data.args[2], bytes_of(told));
}

Verdict DescriptorCalls::set_owner_of_socket() {
  const auto file = capture_socket();
  if (!file) return failed(file.error());
  pid_t owner = 0;
  if (const auto read = process_.read_memory(notification_, notification_.data.args[2], bytes_of(owner));
      !read)
    return failed(read.error());
  if (owner == INT_MIN) return {Fail{EINVAL}, as_the_kernel};
  return own_on_behalf(*file, owner < 0 ? F_OWNER_PGRP : F_OWNER_PID, owner < 0 ? -owner : owner);
}

Verdict DescriptorCalls::own_on_behalf(const UniqueFd& file, int type, pid_t owner) {
  if (type != F_OWNER_TID && type != F_OWNER_PID && type != F_OWNER_PGRP)
    return {Fail{EINVAL}, as_the_kernel};
  const auto key = key_of(owner);
  if (owner != 0 && key.pid == 0) return {Fail{ESRCH}, no_such_process};
  // What the kernel remembers with an owner is who set it (sigio_perm), and that is the supervisor, outside
  // of the sandbox's Landlock domain. So only a group that the sandbox's own process leads; and the real uid,
  // which stays when credentials are assumed, must not be one that may signal more than the target may.
  if (type == F_OWNER_PGRP && owner != 0 && key.pid != owner) return {Fail{ESRCH}, no_such_process};
  const auto acting = act_as_caller(context_, notification_);
  if (!acting || ::getuid() != ::geteuid())
    return {Fail{acting ? EPERM : acting.error().number}, "not with the target's rights"};
  const OwnerEx wanted{type, owner};
  if (::fcntl(file.get(), F_SETOWN_EX, &wanted) != 0) return {Fail{errno}, as_the_kernel};
  // The number may have gone to another process just before the kernel looked it up.
  if (key_of(owner) != key) {
    const OwnerEx nobody{type, 0};
    static_cast<void>(::fcntl(file.get(), F_SETOWN_EX, &nobody));
    return {Fail{ESRCH}, no_such_process};
  }
  return {Return{0}, "an owner of the sandbox's own"};
}

// -- locks and terminals --------------------------------------------------------------------------

Verdict DescriptorCalls::tell_lock() {
  const auto& args = notification_.data.args;
  const auto file = capture();
  if (!file) return failed(file.error());
  struct flock wanted {};
  if (const auto read = process_.read_memory(notification_, args[2], bytes_of(wanted)); !read)
    return failed(read.error());
  auto told = wanted;
  const int command = int_argument(notification_, 1);
  if (::fcntl(file->get(), command, &told) != 0) return {Fail{errno}, as_the_kernel};
  // A process's own locks are not in its way, but they are in the supervisor's.
  if (command == F_GETLK && told.l_type != F_UNLCK && told.l_pid == process_.key().pid) {
    const auto locks = kernel::read_record_locks();
    if (!locks) return {Fail{ENOLCK}, "there are too many locks to look through"};
    const auto other = other_lock(*locks, wanted, told, process_.key().pid, *file);
    told = other.value_or(wanted);
    if (!other) told.l_type = F_UNLCK;
  }
  // As locks_translate_pid() has it. Negative: an open file's lock, or another machine's.
  if (told.l_type != F_UNLCK && told.l_pid > 0 && !is_member(told.l_pid)) told.l_pid = 0;
  return write(args[2], bytes_of(told));
}

kernel::Result<pid_t> DescriptorCalls::ask_terminal(const kernel::Result<kernel::ProcStat>& caller,
                                                    pid_t kernel::ProcStat::*own) const {
  const auto terminal = capture();
  if (!terminal) return terminal.error();
  if (is_master(*terminal)) {
    pid_t number = 0;
    if (::ioctl(terminal->get(), word_argument(notification_, 1), &number) != 0)
      return kernel::Error::last("ask a terminal");
    return number;
  }
  if (!caller || !is_terminal_of(*caller, *terminal)) return kernel::Error{ENOTTY, "ask a terminal"};
  return (*caller).*own;
}

Verdict DescriptorCalls::tell_session_of_terminal() {
  const auto caller = kernel::read_proc_stat(process_.key().pid);
  auto session = ask_terminal(caller, &kernel::ProcStat::session);
  if (!session) return failed(session.error());
  // The caller's, or, by a pseudoterminal's master, another process's.
  const bool is_own = (caller && *session == caller->session) || is_member(*session);
  if (!is_own || *session == context_.jobs.foreign_session()) *session = 0;
  return write(notification_.data.args[2], bytes_of(*session));
}

Verdict DescriptorCalls::tell_group_of_terminal() {
  auto group = ask_terminal(kernel::read_proc_stat(process_.key().pid), &kernel::ProcStat::foreground_group);
  // Continue safety: an unprivileged supervisor cannot look into the undumpable, which has to do job control.
  // The number of a job is all that it may be told.
  if (!group && group.error().number == EPERM) return {Continue{}};
  if (!group) return failed(group.error());
  if (*group < 0 || is_foreign_job(*group)) *group = 0;  // negative: it has none
  return write(notification_.data.args[2], bytes_of(*group));
}

Verdict DescriptorCalls::give_terminal() {
  const auto terminal = capture();
  const auto caller = kernel::read_proc_stat(process_.key().pid);
  pid_t group = 0;
  const bool is_read =
      process_.read_memory(notification_, notification_.data.args[2], bytes_of(group)).has_value();
  // Continue safety: it is the kernel's to refuse: no terminal, not the caller's, no address, no number. A
  // master may be of the caller's own.
  if (!terminal && terminal.error().number == EBADF) return {Continue{}};
  const bool may_be_own = !terminal || is_master(*terminal) || (caller && is_terminal_of(*caller, *terminal));
  if (!may_be_own || !is_read || group < 0) return {Continue{}};
  if (!is_own_job(group)) return {Fail{ESRCH}, "a job outside the sandbox does not exist"};
  // Continue safety: the kernel gives it to a group of the caller's session only. A number that is rewritten
  // meanwhile tells by its errno whether it is in use, and no more.
  return {Continue{}};
}

bool DescriptorCalls::is_own_job(pid_t group) const {
  if (is_own_group(context_, group)) return true;
  // One that has ended already is no member any more, and is the shell's to give the terminal to until it has
  // been waited for.
  const auto leader = kernel::read_proc_stat(group);
  return leader && is_member(leader->ppid);
}

Verdict DescriptorCalls::take_terminal() {
  if (context_.administers_system && !is_free_or_own_terminal())
    return {Fail{EPERM}, "it could be taken from a session outside the sandbox"};
  // Continue safety: whoever may not administer the system takes none that another session has
  // (tty_jobctrl.c, tiocsctty); who may, has been seen to take none, and nobody can put another in its place.
  return {Continue{}};
}

bool DescriptorCalls::is_foreign_job(pid_t group) const {
  if (group <= 0 || is_own_group(context_, group)) return false;
  // Of a job that has ended the kernel goes on telling the number, by which a shell knows to take the
  // terminal back; it is nobody's.
  return group == 1 || ::kill(-group, 0) == 0 || errno != ESRCH;
}

bool DescriptorCalls::is_free_or_own_terminal() const {
  const auto terminal = capture();
  if (!terminal || !is_alone_with_descriptors(context_, process_.key().pid)) return false;
  const auto all = kernel::read_all_pids();
  return all && std::ranges::none_of(*all, [&](pid_t pid) {
           const auto stat = kernel::read_proc_stat(pid);
           return stat && is_terminal_of(*stat, *terminal) && !is_member(pid);
         });
}

bool DescriptorCalls::is_master(const UniqueFd& terminal) {
  unsigned number = 0;
  return ::ioctl(terminal.get(), TIOCGPTN, &number) == 0;
}

bool DescriptorCalls::is_terminal_of(const kernel::ProcStat& caller, const UniqueFd& terminal) {
  struct stat device {};
  if (caller.tty_nr == 0 || ::isatty(terminal.get()) == 0 || ::fstat(terminal.get(), &device) != 0)
    return false;
  constexpr unsigned the_callers_own = 5;  // /dev/tty
  return device.st_rdev == makedev(the_callers_own, 0) || encode_device(device.st_rdev) == caller.tty_nr;
}

// -- pidfds and namespaces ------------------------------------------------------------------------

Verdict DescriptorCalls::tell_of_pidfd() {
  const auto& args = notification_.data.args;
  auto captured = capture();
  if (!captured) return failed(captured.error());
  const auto pidfd = kernel::PidFd::adopt(std::move(*captured), 0);
  if (!pidfd.inode()) return {Fail{ENOTTY}, "not a pidfd that tells anything"};
  const auto request = word_argument(notification_, 1);
  // The kernel fills in as much as the request says (fs/pidfs.c, pidfd_info), and reads the first field.
  std::vector<std::byte> answer(std::max<std::size_t>(_IOC_SIZE(request), sizeof(kernel::uapi::PidfdInfo)));
  kernel::uapi::PidfdInfo info;
  if (args[2] == 0) return {Fail{EINVAL}, as_the_kernel};
  if (const auto read = process_.read_memory(notification_, args[2], bytes_of(info.mask)); !read)
    return failed(read.error());
  std::memcpy(answer.data(), &info.mask, sizeof info.mask);
  if (::ioctl(pidfd.get(), request, answer.data()) != 0) return {Fail{errno}, as_the_kernel};
  std::memcpy(&info, answer.data(), sizeof info);
  if (info.tgid != 0 && !is_member(static_cast<pid_t>(info.tgid))) return {Fail{ESRCH}, no_such_process};
  if (!is_member(static_cast<pid_t>(info.ppid))) info.ppid = 0;  // as getppid and /proc say
  if (!kernel::shares_user_namespace(static_cast<pid_t>(notification_.pid))) {
    for (auto* const id :
         {&info.ruid, &info.rgid, &info.euid, &info.egid, &info.suid, &info.sgid, &info.fsuid, &info.fsgid})
      *id = nobodys_id;
  }
  std::memcpy(answer.data(), &info, sizeof info);
  answer.resize(_IOC_SIZE(request));
  return write(args[2], answer);
}

Verdict DescriptorCalls::translate_pid() {
  const pid_t pid = int_argument(notification_, 2);
  if (pid > 0 && !is_member(pid)) return {Fail{ESRCH}, no_such_process};
  // Continue safety: the number is in a register.
  return {Continue{}};
}

// -- what they share ------------------------------------------------------------------------------

kernel::Result<UniqueFd> DescriptorCalls::capture() const {
  auto file = process_.capture(notification_, int_argument(notification_, 0));
  // To all these calls one that is only a path is none (fdget), and that comes before all else.
  if (file && (::fcntl(file->get(), F_GETFL) & O_PATH) != 0) return kernel::Error{EBADF, "only a path"};
  return file;
}

kernel::Result<UniqueFd> DescriptorCalls::capture_socket() const {
  auto file = capture();
  if (!file) return file;
  struct stat kind {};
  if (::fstat(file->get(), &kind) != 0) return kernel::Error::last("look at a descriptor");
  if (!S_ISSOCK(kind.st_mode)) return kernel::Error{ENOTTY, "no socket"};
  return file;
}

kernel::Result<int> DescriptorCalls::read_length() {
  int length = 0;
  if (auto read = process_.read_memory(notification_, notification_.data.args[4], bytes_of(length)); !read)
    return read.error();
  if (length < 0) return kernel::Error{EINVAL, "getsockopt"};
  return length;
}

Verdict DescriptorCalls::answer_option(std::span<const std::byte> value, int length) {
  // As sk_getsockopt() does: the value first, cut to the room there is, and then its length.
  const auto written = std::min(static_cast<int>(value.size()), length);
  const auto& args = notification_.data.args;
  auto verdict = write(args[3], value.first(static_cast<std::size_t>(written)));
  if (!std::holds_alternative<Return>(verdict.answer)) return verdict;
  return write(args[4], std::as_bytes(std::span{&written, 1}));
}

Verdict DescriptorCalls::write(std::uint64_t address, std::span<const std::byte> bytes) {
  return process_.answer_in_memory(notification_, address, bytes, 0, "own processes only");
}

bool DescriptorCalls::has_own_peer(const UniqueFd& socket) const {
  // Not by the number: once the peer has ended, that may be dealt to a process of the sandbox.
  const auto pidfd = kernel::peer_pidfd(socket.get());
  const auto info = pidfd ? pidfd->info() : kernel::Result<kernel::TaskInfo>(pidfd.error());
  return info && is_member(info->tgid);
}

bool DescriptorCalls::is_member(pid_t pid) const {
  return pid > 0 && context_.members.group_of(pid).has_value();
}

index::PidKey DescriptorCalls::key_of(pid_t pid) const {
  if (!is_member(pid)) return {};
  return context_.index.find_member(pid).value_or(index::PidKey{});
}

}  // namespace proctor::actors
