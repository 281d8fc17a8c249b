#include "procfs/gate.hpp"

#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <sys/fsuid.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <utility>

#include "kernel/file_text.hpp"
#include "kernel/namespaces.hpp"
#include "kernel/sealed_file.hpp"
#include "kernel/sys_paths.hpp"
#include "procfs/file_rules.hpp"
#include "procfs/sys_rules.hpp"

namespace proctor::procfs {
namespace {

using policy::Verdict;

constexpr std::string_view sealed_prefix = "proctor:";

/// The longest file of the kernel's that is read to be told.
constexpr std::size_t host_bytes_max = std::size_t{16} << 20U;

constexpr std::uint64_t temporary_flag = O_TMPFILE & ~O_DIRECTORY;

Verdict fails(int error, const char* reason) { return {policy::Fail{error}, reason}; }
Verdict nothing_there() { return fails(ENOENT, "nothing of that name on the sandbox's /proc"); }

// Continue safety: used only where the kernel refuses procfs by itself. Landlock denies every file of
// procfs to the target whatever the path has become by then; directories and O_PATH descriptors tell
// nothing, because listings and calls relative to them are judged again.
Verdict kernel_decides() { return {policy::Continue{}, ""}; }

/// Reading, and what changes nothing about which object is opened. No combination of them is refused.
constexpr std::uint64_t plain_flags =
    O_RDONLY | O_CLOEXEC | O_DIRECTORY | O_LARGEFILE | O_NOCTTY | O_NONBLOCK;

/// What lies below /proc of a path that says what it means: "PID/...", with the target's own numbers for self
/// and thread-self, and no name that is empty, "." or "..". Nothing for any other request.
std::optional<std::string> plain_path(const OpenRequest& request) {
  constexpr std::string_view prefix = "/proc/";
  if ((request.flags & ~plain_flags) != 0 || request.resolve != 0) return std::nullopt;
  if (!request.path.starts_with(prefix)) return std::nullopt;
  const auto below = request.path.substr(prefix.size());
  const std::string first{below.substr(0, below.find('/'))};
  auto path = own_link(request, first).value_or(first).append(below.substr(first.size()));
  const std::string bounded = "/" + path + "/";
  for (const char* detour : {"//", "/./", "/../"})
    if (bounded.find(detour) != std::string::npos) return std::nullopt;
  return path;
}

bool has(const OpenRequest& request, std::uint64_t flag) { return (request.flags & flag) == flag; }

bool writes(const OpenRequest& request) {
  return (request.flags & O_ACCMODE) != O_RDONLY || has(request, O_TRUNC);
}

/// The errno for which the kernel refuses the flags whatever the path: it looks at them first, then at
/// the path, and an empty one is ENOENT.
int refusal_of_flags(const OpenRequest& request) {
  if ((request.flags & ~plain_flags) == 0 && request.resolve == 0 && (!request.exact || request.mode == 0)) {
    return 0;
  }
  open_how how{};
  how.flags = request.flags;
  how.mode = request.mode;
  if (!request.exact) {
    how.flags &= open_flags_known;
    how.mode = (how.flags & (O_CREAT | temporary_flag)) != 0 ? how.mode & 07777U : 0;
  }
  how.resolve = request.resolve;
  if (::syscall(SYS_openat2, AT_FDCWD, "", &how, sizeof how) >= 0 || errno == ENOENT) return 0;
  return errno;
}

/// Opens what lies below a directory of procfs, on this procfs and by names alone.
kernel::Result<kernel::UniqueFd> look_up(int directory, const std::string& path, std::uint64_t flags) {
  open_how how{};
  how.flags = flags | O_CLOEXEC;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV;
  kernel::UniqueFd fd(static_cast<int>(::syscall(SYS_openat2, directory, path.c_str(), &how, sizeof how)));
  if (!fd) return kernel::Error::last("open " + path);
  return fd;
}

/// Opens the very object that was judged: a descriptor's link leads nowhere else, not even when its name has
/// come to mean another object.
kernel::UniqueFd reopen(const Node& object, std::uint64_t flags) {
  const std::string path = "/proc/self/fd/" + std::to_string(object.fd.get());
  return kernel::UniqueFd(::open(path.c_str(), static_cast<int>(flags) | O_CLOEXEC | O_NOCTTY));
}

Verdict inject(kernel::UniqueFd fd, const OpenRequest& request) {
  return {policy::Inject{std::make_shared<const kernel::UniqueFd>(std::move(fd)), has(request, O_CLOEXEC)},
          ""};
}

bool is_on_procfs(const kernel::UniqueFd& fd) {
  struct statfs info {};
  return ::fstatfs(fd.get(), &info) == 0 && info.f_type == PROC_SUPER_MAGIC;
}

/// Whether a file lies where the ruleset closes every mount.
bool is_closed(const kernel::UniqueFd& fd) {
  return is_on_procfs(fd) || kernel::is_on_refused_file_system(fd.get());
}

/// Whether a file that the machine does not have is there for the sandbox: not beside the machine's devices.
bool may_be_missing(std::string_view name) { return !name.starts_with("/sys/devices/"); }

/// Whether a file is of the user whose credentials this thread has. O_CREAT on another's is what
/// protected_regular (proc_sys_fs(5)) judges by the flag that is not passed on.
bool is_owned_by_caller(const Node& object) {
  struct stat info {};
  if (::fstat(object.fd.get(), &info) != 0) return false;
  const auto nobody = static_cast<uid_t>(-1);  // asks, and changes nothing
  return info.st_uid == static_cast<uid_t>(::setfsuid(nobody));
}

/// What a file would be called that is not there; empty where none can be.
std::string name_of_missing(const Arrival& arrival) {
  if (arrival.must_be_directory || arrival.passed_magic_link || !S_ISDIR(arrival.object.mode)) return {};
  std::string name = name_of_descriptor(arrival.object.fd.get());
  if (!name.empty()) name += name == "/" ? arrival.name : "/" + arrival.name;
  return name;
}

/// The row's name of a located file: process, thread and descriptor stand for all of them.
std::string table_path(const std::vector<std::string>& names, pid_t group) {
  std::string path = "/proc";
  for (std::size_t i = 0; i < names.size(); ++i) {
    const bool is_pid = group != 0 && i == 0;
    const bool is_tid = group != 0 && i == 2 && names[1] == "task";
    const bool is_fd = group != 0 && (i == 2 || i == 4) && names[i - 1] == "fdinfo";
    path += is_pid ? "/PID" : is_tid ? "/TID" : is_fd ? "/FD" : "/" + names[i];
  }
  return path;
}

std::string absolute_name(const std::vector<std::string>& names) { return table_path(names, 0); }

/// Whether a task lives in another pid namespace than we do, as in a container that was handed over.
bool in_nested_pids(pid_t tid) { return !kernel::shares_namespace(tid, "pid").value_or(true); }

/// A stranger's object that the target holds already, by a descriptor it was given: answered as if its
/// process were dead.
Verdict answer_foreign(const OpenRequest& request, const Arrival& arrival) {
  const Node& object = arrival.object;
  const bool is_closed = S_ISDIR(object.mode) && is_closed_by_death(object.names);
  if (is_closed && !has(request, O_PATH) && !has(request, O_CREAT)) {
    return fails(ESRCH, "no such process in the sandbox");
  }
  // Continue safety: a file is refused by Landlock; a directory opens, as a dead one's does, and its listing
  // and what is opened below it are judged again.
  return kernel_decides();
}

}  // namespace

std::string sealed_name(std::string_view path) { return std::string(sealed_prefix).append(path); }

std::string_view path_of_sealed_name(std::string_view name) {
  return name.starts_with(sealed_prefix) ? name.substr(sealed_prefix.size()) : std::string_view();
}

ProcGate::ProcGate(Members& members) : ProcGate(members, PathHints({})) {}

ProcGate::ProcGate(Members& members, PathHints hints, ViewSource* views, Backstop backstop)
    : members_(members), hints_(std::move(hints)), views_(views), backstop_(backstop) {}

Verdict ProcGate::cannot_tell() const {
  return backstop_ == Backstop::landlock ? kernel_decides() : fails(EACCES, "it could not be judged");
}

const kernel::Credentials* ProcGate::own_credentials() {
  if (!own_credentials_) {
    auto own = kernel::read_credentials(::gettid());
    if (!own) return nullptr;
    own_credentials_ = std::move(*own);
  }
  return &*own_credentials_;
}

kernel::Result<kernel::Credentials> ProcGate::credentials_of(pid_t tid) {
  shares_user_namespace_ = shares_user_namespace_ || kernel::shares_user_namespace(tid);
  return kernel::read_credentials(tid, shares_user_namespace_);
}

const VirtualFile* ProcGate::find_virtual(std::string_view path) const {
  const auto* const file = views_ == nullptr ? nullptr : find_virtual_file(sys_row_path(path));
  return file != nullptr && is_told(*file, views_->limits()) ? file : nullptr;
}

ProcGate::Answer ProcGate::serve_virtual(const VirtualFile& file, std::string name,
                                         const kernel::UniqueFd& host) {
  Told told{&file, std::move(name), {}};
  if (host) {
    auto read = kernel::read_all(host, host_bytes_max);
    if (!read) return fails(read.error().number, "as the kernel would");
    told.host = *std::move(read);
  }
  return told;
}

Verdict ProcGate::make(const OpenRequest& request, const Told& told) {
  View view = views_->look(told.file->detail);
  view.reader = request.tid;
  const std::string text = told.file->generate(view, told.host);
  if (!request.looks && !views_->admit_file(text.size()))
    return fails(ENFILE, "the sandbox holds too many virtual files");
  auto sealed = kernel::make_sealed_file(sealed_name(told.name), text);
  if (!sealed) return fails(sealed.error().number, "no room for a virtual file");
  // They change nothing for such a file, but F_GETFL tells them.
  if (const auto kept = request.flags & status_flags; kept != 0)
    (void)::fcntl(sealed->get(), F_SETFL, static_cast<int>(kept));
  return inject(*std::move(sealed), request);
}

std::optional<ProcGate::Answer> ProcGate::open_plainly(const OpenRequest& request, const std::string& path) {
  const auto names = split_path(path);
  const auto root = own_procfs_root();
  if (!root || names.empty()) return std::nullopt;
  const auto pid = pid_of_name(names.front());
  return pid ? open_of_process(request, *root, *pid, path, names)
             : open_of_system(request, *root, path, names);
}

std::optional<ProcGate::Answer> ProcGate::open_of_system(const OpenRequest& request, int root,
                                                         const std::string& path,
                                                         const std::vector<std::string>& names) {
  const auto* const file = find_virtual("/proc/" + path);
  if (file == nullptr || has(request, O_DIRECTORY)) return std::nullopt;
  if (shows_another_namespace(names, request.tid)) return std::nullopt;
  const auto host = look_up(root, path, O_RDONLY);
  if (!host) return std::nullopt;
  return serve_virtual(*file, "/proc/" + path, *host);
}

std::optional<ProcGate::Answer> ProcGate::open_of_process(const OpenRequest& request, int root, pid_t pid,
                                                          const std::string& path,
                                                          const std::vector<std::string>& names) {
  const std::string below = names.size() > 1 ? path.substr(names.front().size() + 1) : ".";
  const auto serve_found = [&](pid_t group, kernel::UniqueFd file) -> Answer {
    const auto* const told = find_virtual(table_path(names, group));
    if (told != nullptr) return serve_virtual(*told, "/proc/" + path, file);
    return inject(std::move(file), request);
  };
  if (const auto* const kept = directories_.find(pid); kept != nullptr) {
    auto file = look_up(kept->directory.get(), below, request.flags);
    if (file) return serve_found(kept->group, *std::move(file));
    // Of nobody any more is everything ENOENT; then somebody else may have the number.
    const bool is_missing = file.error().number == ENOENT;
    if (is_missing && ::faccessat(kept->directory.get(), "stat", F_OK, 0) == 0) return nothing_there();
  }
  auto directory = look_up(root, names.front(), O_PATH | O_DIRECTORY);
  if (!directory) return std::nullopt;
  // After the directory was opened: it belongs to one process for good, so a member that is alive now is its
  // owner (PathWalk).
  const auto group = members_.group_of(pid);
  if (!group) return nothing_there();
  const auto& process = directories_.keep({pid, *group, *std::move(directory)});
  auto file = look_up(process.directory.get(), below, request.flags);
  if (file) return serve_found(process.group, *std::move(file));
  // Not there; or the process died after it was judged. To walk now could only meet another one under its
  // number.
  if (file.error().number == ENOENT) return nothing_there();
  if (file.error().number == ESRCH) return fails(ESRCH, "the process has ended");
  return std::nullopt;
}

Verdict ProcGate::open(const OpenRequest& request) {
  auto answer = open_as_target(request);
  if (const auto* const told = std::get_if<Told>(&answer)) return make(request, *told);
  return std::get<Verdict>(std::move(answer));
}

ProcGate::Answer ProcGate::open_as_target(const OpenRequest& request) {
  if (const int error = refusal_of_flags(request)) return fails(error, "flags that the kernel refuses");
  if (request.credentials != nullptr) return open_as(request, *request.credentials);
  const auto theirs = credentials_of(request.tid);
  return theirs ? open_as(request, *theirs) : cannot_tell();
}

ProcGate::Answer ProcGate::open_as(const OpenRequest& request, const kernel::Credentials& theirs) {
  const kernel::Credentials* own = own_credentials();
  if (own == nullptr) return cannot_tell();
  if (const auto path = plain_path(request)) {
    sees_own_procfs_ = sees_own_procfs_ || sees_own_procfs(request.tid);
    const auto assumed = kernel::AssumedCredentials::assume(theirs, *own);
    if (!assumed) return cannot_tell();
    if (sees_own_procfs_)
      if (auto answer = open_plainly(request, *path)) return *std::move(answer);
  }
  // What belongs to the supervisor's own rights comes first: the start is the target's already.
  auto start = WalkStart::open(request);
  if (!start) return cannot_tell();
  const auto assumed = kernel::AssumedCredentials::assume(theirs, *own);
  if (!assumed) return cannot_tell();

  Arrival arrival = PathWalk(members_, request, std::move(*start)).run();
  return request.captures ? capture(request, std::move(arrival)) : answer(request, arrival);
}

ProcGate::Answer ProcGate::answer(const OpenRequest& request, const Arrival& arrival) {
  switch (arrival.ending) {
    case Arrival::Ending::kernels:
      return kernel_decides();
    case Arrival::Ending::error:
      return fails(arrival.error, "nothing of that name on the sandbox's /proc");
    case Arrival::Ending::missing:
      return serve_missing(request, arrival);
    case Arrival::Ending::object:
      break;
  }
  switch (arrival.object.standing) {
    case Standing::elsewhere:
      return serve_elsewhere(request, arrival);
    case Standing::unlocated:
      return cannot_tell();
    case Standing::located:
      break;
  }
  return serve(request, arrival);
}

Verdict ProcGate::capture(const OpenRequest& request, Arrival arrival) const {
  Node& object = arrival.object;
  switch (arrival.ending) {
    case Arrival::Ending::kernels:
      return fails(EACCES, "where the path leads cannot be told");
    case Arrival::Ending::error:
      return fails(arrival.error, "nothing of that name for the sandbox");
    case Arrival::Ending::missing:
      return fails(ENOENT, "nothing of that name");
    case Arrival::Ending::object:
      break;
  }
  if (arrival.must_be_directory && !S_ISDIR(object.mode)) return fails(ENOTDIR, "not a directory");
  if (object.standing == Standing::elsewhere) {
    if (is_hidden(name_of_descriptor(object.fd.get())))
      return fails(ENOENT, "the sandbox has no such device or group");
    return inject(std::move(object.fd), request);
  }
  if (object.foreign) return nothing_there();
  if (object.standing == Standing::unlocated || object.group == 0)
    return fails(EACCES, "it is not the sandbox's alone: what others do with it would be told");
  return inject(std::move(object.fd), request);
}

ProcGate::Answer ProcGate::serve(const OpenRequest& request, const Arrival& arrival) {
  const Node& object = arrival.object;
  if (object.foreign) return answer_foreign(request, arrival);
  const bool is_directory = S_ISDIR(object.mode);
  if (!is_directory && (arrival.must_be_directory || has(request, O_DIRECTORY))) {
    return fails(ENOTDIR, "not a directory");
  }
  if (has(request, O_PATH)) return kernel_decides();
  if (has(request, O_CREAT | O_EXCL)) return fails(EEXIST, "exists already");
  if (has(request, O_CREAT) && is_directory) return fails(EISDIR, "is a directory");
  if (!is_directory && !S_ISREG(object.mode)) return kernel_decides();
  const std::string path = table_path(object.names, object.group);
  const auto* const told = is_directory || writes(request) ? nullptr : find_virtual(path);
  if (!is_directory && told == nullptr) {
    const FileRule rule = judge_use(object.names, object.group, writes(request));
    if (rule.error != 0) return fails(rule.error, rule.reason);
  }
  if (!is_directory && object.group == 0 && shows_another_namespace(object.names, request.tid))
    return fails(EACCES, "shows a namespace that is not the target's");
  const std::uint64_t flags =
      request.flags & open_flags_known & ~std::uint64_t{O_CREAT | O_EXCL | O_NOFOLLOW};
  kernel::UniqueFd fd = reopen(object, flags);
  if (!fd) {
    // The target may be allowed what is refused to another process with its credentials: its own fd
    // directory when it is not dumpable, for one.
    if (is_directory && (errno == EACCES || errno == EPERM)) return kernel_decides();
    return fails(errno, "refused with the target's credentials");
  }
  // Our own mistake, if ever; nothing off procfs may leave here.
  const auto info = examine(fd.get());
  if (!info || info->id != object.id || !is_on_procfs(fd))
    return fails(EACCES, "not the object that was judged");
  if (told != nullptr) return serve_virtual(*told, absolute_name(object.names), fd);
  return inject(std::move(fd), request);
}

bool ProcGate::is_hidden(std::string_view name) const {
  return views_ != nullptr && name.starts_with("/sys/") &&
         is_hidden_in_sys(name, views_->look(ViewDetail::plain));
}

ProcGate::Answer ProcGate::serve_elsewhere(const OpenRequest& request, const Arrival& arrival) {
  const std::string name = name_of_descriptor(arrival.object.fd.get());
  if (is_hidden(name)) return fails(ENOENT, "the sandbox has no such device or group");
  // Only a regular file: a FIFO, a terminal or a device may block the one thread that answers, and whatever
  // is refused here is the kernel's to refuse, with the right errno.
  const bool servable =
      S_ISREG(arrival.object.mode) && !arrival.must_be_directory && !arrival.passed_magic_link;
  if (!servable || has(request, O_PATH) || has(request, O_DIRECTORY) || has(request, O_CREAT | O_EXCL)) {
    return kernel_decides();
  }
  if (const auto* const refused = kernel::find_refused_sys_path(name)) return fails(EACCES, refused->reason);
  if (lists_cgroup_processes(name)) return fails(EACCES, "lists processes outside the sandbox");
  if (writes(request) && is_machines_in_sys(name)) return fails(EACCES, "not the sandbox's to set");
  if (const auto* const told = writes(request) ? nullptr : find_virtual(name); told != nullptr) {
    const kernel::UniqueFd host = reopen(arrival.object, O_RDONLY | O_NONBLOCK);
    if (!host) return kernel_decides();
    return serve_virtual(*told, name, host);
  }
  if (!hints_.without_rule(name)) return kernel_decides();
  if (has(request, O_CREAT) && !is_owned_by_caller(arrival.object)) return kernel_decides();
  // O_NONBLOCK: a lease that somebody holds on the file would be waited for.
  const std::uint64_t flags =
      (request.flags & open_flags_known & ~std::uint64_t{O_CREAT | O_NOFOLLOW}) | O_NONBLOCK;
  kernel::UniqueFd fd = reopen(arrival.object, flags);
  if (!fd || is_closed(fd)) return kernel_decides();
  if (!has(request, O_NONBLOCK)) {
    const int status = ::fcntl(fd.get(), F_GETFL);
    if (status < 0 || ::fcntl(fd.get(), F_SETFL, status & ~O_NONBLOCK) != 0) return kernel_decides();
  }
  return inject(std::move(fd), request);
}

ProcGate::Answer ProcGate::serve_missing(const OpenRequest& request, const Arrival& arrival) {
  if (has(request, O_PATH) && !request.looks) return kernel_decides();
  const std::string name = name_of_missing(arrival);
  if (name.empty()) return kernel_decides();
  const bool reads = !writes(request) && !has(request, O_DIRECTORY) && may_be_missing(name);
  const auto* const told = reads ? find_virtual(name) : nullptr;
  if (told != nullptr) return serve_virtual(*told, name, kernel::UniqueFd());
  return has(request, O_CREAT) ? create_elsewhere(request, arrival, name) : kernel_decides();
}

Verdict ProcGate::create_elsewhere(const OpenRequest& request, const Arrival& arrival,
                                   const std::string& name) const {
  const Node& directory = arrival.object;
  if (!hints_.without_rule(name)) return kernel_decides();
  if (is_machines_in_sys(name)) return fails(EACCES, "not the sandbox's to set");

  const auto theirs = kernel::read_umask(request.tid);
  const auto ours = kernel::read_umask(::gettid());
  if (!theirs || !ours) return kernel_decides();
  const mode_t mode = static_cast<mode_t>(request.mode) & 07777U & ~*theirs;
  // O_EXCL: what somebody has made since then was not looked at.
  const auto flags =
      static_cast<int>(request.flags & open_flags_known) | O_EXCL | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY;
  kernel::UniqueFd fd(::openat(directory.fd.get(), arrival.name.c_str(), flags, mode));
  if (!fd || is_closed(fd)) return kernel_decides();
  // Our umask was applied as well: give back what only it took.
  if ((mode & *ours) != 0) (void)::fchmod(fd.get(), mode);
  return inject(std::move(fd), request);
}

Listing ProcGate::judge_listing(pid_t tid, pid_t tgid, const kernel::UniqueFd& directory) {
  const auto info = examine(directory.get());
  if (!info) return Listing::nothing;
  if (!is_procfs_device(tid, info->id.device)) return Listing::kernels;
  OpenRequest request;
  request.tid = tid;
  request.tgid = tgid;
  request.path = "/";
  auto start = WalkStart::open(request);
  kernel::UniqueFd copy(::fcntl(directory.get(), F_DUPFD_CLOEXEC, 0));
  if (!start || !copy) return Listing::nothing;
  const Node node = PathWalk(members_, request, std::move(*start)).judge(std::move(copy), *info);
  if (node.standing == Standing::elsewhere) return Listing::kernels;
  if (node.standing == Standing::unlocated) {
    return in_nested_pids(tid) && is_of_nested_pids(directory.get()) ? Listing::kernels : Listing::nothing;
  }
  if (node.foreign) return Listing::nothing;
  return node.names.empty() ? Listing::members : Listing::kernels;
}

}  // namespace proctor::procfs
