#include "kernel/probe.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <span>
#include <sstream>
#include <utility>

#include "kernel/block_signals.hpp"
#include "kernel/landlock.hpp"
#include "kernel/listener.hpp"
#include "kernel/message_socket.hpp"
#include "kernel/proc_stat.hpp"
#include "kernel/remote_memory.hpp"
#include "kernel/seccomp_install.hpp"
#include "kernel/uapi.hpp"

namespace proctor::kernel {

namespace {

/// How long one step of a child may take; far more than it needs, so that a loaded machine is not taken
/// for a kernel that cannot.
constexpr int step_timeout_ms = 10'000;
/// The call that the child's filter notifies of. Nothing else in it makes that call.
constexpr long notified_call = SYS_getppid;
constexpr std::int64_t first_answer = 471'100;
constexpr std::int64_t second_answer = 471'200;

struct Row {
  std::string_view name;
  Need need;
  std::string_view since;
  std::string_view without;
};

constexpr std::array rows{
    Row{"seccomp-notify", Need::required, "5.0", "no sandbox: no call can be handed to the supervisor"},
    Row{"seccomp-add-fd", Need::required, "5.9",
        "no sandbox: what the supervisor opens cannot be handed to a target"},
    Row{"seccomp-wait-killable", Need::required, "5.19",
        "no sandbox: a signal could undo a call that the supervisor is acting on"},
    Row{"seccomp-sync-wake-up", Need::fallback, "6.6",
        "supervisor and target run on different CPUs: a notification costs about ten times as much"},
    Row{"landlock", Need::safety, "5.13",
        "the kernel does not close /proc itself: a path changed after its check reaches foreign processes"},
    Row{"landlock-refer", Need::fallback, "5.19",
        "with Landlock in force every rename and link across directories fails (EXDEV)"},
    Row{"landlock-signal-scope", Need::fallback, "6.12",
        "signals to process groups are refused; whoever takes great pains can signal a process of its own "
        "user under the number of a child that has just ended"},
    Row{"pidfd-open", Need::required, "5.3", "no sandbox: a recycled pid could be taken for a target"},
    Row{"pidfd-getfd", Need::required, "5.6",
        "no sandbox: a call's descriptors cannot be taken for what they are in the target"},
    Row{"pidfd-thread", Need::fallback, "6.9",
        "threads are told apart by /proc; descriptors of a thread that unshared them are refused"},
    Row{"pidfd-get-info", Need::fallback, "6.13",
        "parents and thread groups are read from /proc, ten times slower"},
    Row{"pidfd-exit-info", Need::fallback, "6.15",
        "the exit status of a process that others reap may be missing in the record"},
    Row{"remote-memory-read", Need::required, "3.2", "no sandbox: paths cannot be read from a target"},
    Row{"remote-memory-write", Need::required, "3.2", "no sandbox: listings cannot be written to a target"},
    Row{"proc-children", Need::fallback, "3.5",
        "children are found by a scan of every process of the machine"},
};

/// Collects what was found, by the rows' names.
class Report {
 public:
  Report() {
    for (const Row& row : rows) {
      features_.push_back({.name = row.name,
                           .need = row.need,
                           .present = false,
                           .detail = "not tried: an earlier step failed",
                           .since = row.since,
                           .without = row.without});
    }
  }

  void set(std::string_view name, bool present, std::string detail) {
    const auto feature =
        std::find_if(features_.begin(), features_.end(), [name](const Feature& f) { return f.name == name; });
    feature->present = present;
    feature->detail = std::move(detail);
  }
  void missing(std::string_view name, const Error& error) { set(name, false, error.message()); }

  [[nodiscard]] std::vector<Feature> take() { return std::move(features_); }

 private:
  std::vector<Feature> features_;
};

/// All signals blocked on this thread: an interrupted ADDFD cannot be repaired.
class BlockedSignals {
 public:
  BlockedSignals() = default;
  BlockedSignals(const BlockedSignals&) = delete;
  BlockedSignals& operator=(const BlockedSignals&) = delete;
  ~BlockedSignals() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

 private:
  sigset_t before_ = block_all_signals();
};

/// A child that can be talked to; killed and reaped at the end of the scope.
class ThrowAwayChild {
 public:
  template <class Body>
  static Result<ThrowAwayChild> start(Body body) {
    auto ends = MessageSocket::pair();
    if (!ends) return ends.error();
    auto& [ours, theirs] = *ends;
    const pid_t parent = ::getpid();
    // No exit signal: the caller gets no SIGCHLD for a child it knows nothing of, and one that ignores
    // SIGCHLD does not have the child reaped, and its number recycled, under our hands.
    const long pid = ::syscall(SYS_clone, 0UL, nullptr, nullptr, nullptr, 0UL);
    if (pid < 0) return Error::last("clone");
    if (pid == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      if (::syscall(SYS_getppid) == parent) body(theirs, parent);
      ::_exit(0);
    }
    struct stat its_end {};
    ::fstat(theirs.fd(), &its_end);
    return ThrowAwayChild(static_cast<pid_t>(pid), std::move(ours), theirs.fd(), its_end.st_ino);
  }

  ThrowAwayChild(ThrowAwayChild&& other) noexcept
      : pid_(std::exchange(other.pid_, -1)),
        socket_(std::move(other.socket_)),
        its_fd_(other.its_fd_),
        its_inode_(other.its_inode_) {}
  ThrowAwayChild& operator=(ThrowAwayChild&&) = delete;
  ThrowAwayChild(const ThrowAwayChild&) = delete;
  ThrowAwayChild& operator=(const ThrowAwayChild&) = delete;
  ~ThrowAwayChild() { end(); }

  /// Kills and reaps it.
  void end() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);  // not yet reaped, so the number is still the child's
    while (::waitpid(pid_, nullptr, __WALL) < 0 && errno == EINTR) {
    }
    pid_ = -1;
  }

  [[nodiscard]] pid_t pid() const { return pid_; }
  /// Its end of the socket, as numbered in the child.
  [[nodiscard]] int its_fd() const { return its_fd_; }
  [[nodiscard]] ino_t its_inode() const { return its_inode_; }

  /// The next line it says: ENODATA when it ended without a word.
  [[nodiscard]] Result<SocketMessage> hear() {
    auto message = socket_.receive(step_timeout_ms);
    if (!message) return message.error();
    if (!*message) return Error{ENODATA, "hear from the probe's child"};
    return std::move(**message);
  }

  /// The next line as numbers.
  template <std::size_t Count>
  [[nodiscard]] Result<std::array<std::int64_t, Count>> hear_numbers() {
    const auto message = hear();
    if (!message) return message.error();
    std::istringstream text(message->line);
    std::array<std::int64_t, Count> numbers{};
    for (auto& number : numbers) text >> number;
    if (!text) return Error{EPROTO, "hear from the probe's child"};
    return numbers;
  }

 private:
  ThrowAwayChild(pid_t pid, MessageSocket socket, int its_fd, ino_t its_inode)
      : pid_(pid), socket_(std::move(socket)), its_fd_(its_fd), its_inode_(its_inode) {}

  pid_t pid_;
  MessageSocket socket_;
  int its_fd_;
  ino_t its_inode_;
};

// -- seccomp ------------------------------------------------------------------------------------------

/// What the remote memory steps read and write: at the same address in the child.
std::atomic<std::uint64_t> word{0};
constexpr std::uint64_t word_of_the_child = 0x70726f63746f7201;
constexpr std::uint64_t word_written = 0x70726f63746f7202;

/// The child of the seccomp and process steps: says "wait_killable" and its listener, makes three calls and
/// says what each returned, then waits to be killed.
void seccomp_child(MessageSocket& socket, pid_t) {
  ::prctl(PR_SET_DUMPABLE, 1);  // of a supervisor that is not: it must still be able to look into us
  ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  struct sigaction interrupts {};
  interrupts.sa_handler = [](int) {};  // without SA_RESTART
  ::sigaction(SIGUSR1, &interrupts, nullptr);
  sigset_t just_that;
  ::sigemptyset(&just_that);
  ::sigaddset(&just_that, SIGUSR1);
  ::pthread_sigmask(SIG_UNBLOCK, &just_that, nullptr);

  const std::array<sock_filter, 4> program{
      sock_filter BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      sock_filter BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, notified_call, 0, 1),
      sock_filter BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
      sock_filter BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  auto installed = install_notifying_filter(program);
  if (!installed) {
    (void)socket.send(installed.error().message());
    while (true) ::pause();  // the other steps still need this process
  }
  if (!socket.send(installed->wait_killable ? "killable" : "plain", {installed->listener.get()})) return;
  installed->listener.reset();
  for (int call = 0; call < 3; ++call) {
    errno = 0;
    const long result = ::syscall(notified_call);
    const int number = errno;
    // The second call returns a descriptor: it works if what is written arrives.
    if (call == 1 && result >= 0) (void)!::write(static_cast<int>(result), "x", 1);
    if (!socket.send(fmt::format("{} {}", result, number))) return;
  }
  while (true) ::pause();
}

/// Receives the child's next notification; its cookie.
Result<std::uint64_t> receive_next(SeccompListener& listener) {
  pollfd waited{.fd = listener.poll_fd(), .events = POLLIN, .revents = 0};
  if (::poll(&waited, 1, step_timeout_ms) <= 0) return Error{ETIMEDOUT, "wait for a seccomp notification"};
  alignas(seccomp_notif) std::array<std::byte, notification_bytes_max> buffer{};
  if (auto received = listener.receive(buffer); !received) return received.error();
  return reinterpret_cast<const seccomp_notif*>(buffer.data())->id;
}

Result<void> answer(SeccompListener& listener, std::uint64_t cookie, std::int64_t value) {
  return listener.respond(seccomp_notif_resp{.id = cookie, .val = value, .error = 0, .flags = 0});
}

/// RECV and SEND: the child's call returns what was answered.
Result<void> try_notify(ThrowAwayChild& child, SeccompListener& listener) {
  const auto cookie = receive_next(listener);
  if (!cookie) return cookie.error();
  if (auto answered = answer(listener, *cookie, first_answer); !answered) return answered;
  const auto said = child.hear_numbers<2>();
  if (!said) return said.error();
  if ((*said)[0] != first_answer) return Error{EPROTO, fmt::format("the call returned {}", (*said)[0])};
  return {};
}

/// ADDFD: what the child writes into the injected pipe arrives.
Result<void> try_add_fd(ThrowAwayChild& child, SeccompListener& listener) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return Error::last("pipe2");
  const UniqueFd from_child(ends[0]);
  UniqueFd injected(ends[1]);
  const auto cookie = receive_next(listener);
  if (!cookie) return cookie.error();
  const auto number = listener.add_fd_and_respond(*cookie, 0, injected.get(), O_CLOEXEC);
  if (!number) {
    (void)answer(listener, *cookie, -1);  // for the next step
    (void)child.hear();
    return number.error();
  }
  injected.reset();
  const auto said = child.hear_numbers<2>();
  if (!said) return said.error();
  pollfd waited{.fd = from_child.get(), .events = POLLIN, .revents = 0};
  char byte = 0;
  if (::poll(&waited, 1, step_timeout_ms) <= 0 || ::read(from_child.get(), &byte, 1) != 1 || byte != 'x') {
    return Error{EPROTO, fmt::format("write to the injected descriptor {}", *number)};
  }
  return {};
}

/// WAIT_KILLABLE_RECV: a signal does not interrupt a call that has been received.
Result<void> try_wait_killable(ThrowAwayChild& child, SeccompListener& listener) {
  const auto cookie = receive_next(listener);
  if (!cookie) return cookie.error();
  if (::kill(child.pid(), SIGUSR1) != 0) return Error::last("kill");
  if (auto answered = answer(listener, *cookie, second_answer); !answered) return answered;
  const auto said = child.hear_numbers<2>();
  if (!said) return said.error();
  if ((*said)[0] != second_answer) {
    return Error{static_cast<int>((*said)[1]), "a received call, after a signal"};
  }
  return {};
}

void probe_seccomp(ThrowAwayChild& child, Report& report) {
  auto hello = child.hear();
  if (!hello) return report.missing("seccomp-notify", hello.error());
  // Without a descriptor, what it says is why there is none.
  if (hello->fds.size() != 1) return report.set("seccomp-notify", false, hello->line);
  auto listener = SeccompListener::adopt(std::move(hello->fds.front()));
  if (!listener) return report.missing("seccomp-notify", listener.error());

  if (auto notified = try_notify(child, *listener); !notified) {
    return report.missing("seccomp-notify", notified.error());
  }
  report.set("seccomp-notify", true, "a call was received and returned what was answered");
  if (auto added = try_add_fd(child, *listener); added) {
    report.set("seccomp-add-fd", true, "the child wrote to a descriptor that was injected into it");
  } else {
    report.missing("seccomp-add-fd", added.error());
  }
  if (hello->line != "killable") {
    report.set("seccomp-wait-killable", false, "seccomp(2) refused SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV");
  } else if (auto waited = try_wait_killable(child, *listener); waited) {
    report.set("seccomp-wait-killable", true, "a signal did not interrupt a call that had been received");
  } else {
    report.missing("seccomp-wait-killable", waited.error());
  }
  const bool synchronous = listener->synchronous_wake_up();
  report.set(
      "seccomp-sync-wake-up", synchronous,
      synchronous ? "SECCOMP_IOCTL_NOTIF_SET_FLAGS took it" : "SECCOMP_IOCTL_NOTIF_SET_FLAGS refused it");
}

// -- pidfds, remote memory, /proc ------------------------------------------------------------------------

/// What PIDFD_GET_INFO says, of what was asked for.
Result<uapi::PidfdInfo> pidfd_info(const UniqueFd& pidfd, std::uint64_t mask) {
  uapi::PidfdInfo info;
  info.mask = mask;
  if (::ioctl(pidfd.get(), uapi::pidfd_get_info, &info) != 0) return Error::last("ioctl(PIDFD_GET_INFO)");
  return info;
}

void probe_pidfds(ThrowAwayChild& child, Report& report) {
  UniqueFd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, child.pid(), 0)));
  if (!pidfd) return report.missing("pidfd-open", Error::last("pidfd_open"));
  report.set("pidfd-open", true, "pidfd_open(2) of the child");

  const UniqueFd taken(static_cast<int>(::syscall(SYS_pidfd_getfd, pidfd.get(), child.its_fd(), 0)));
  if (!taken) {
    report.missing("pidfd-getfd", Error::last("pidfd_getfd"));
  } else {
    struct stat status {};
    const bool right = ::fstat(taken.get(), &status) == 0 && status.st_ino == child.its_inode();
    report.set("pidfd-getfd", right,
               right ? "pidfd_getfd(2) of the child's socket" : "not the file asked for");
  }
  const UniqueFd thread(static_cast<int>(::syscall(SYS_pidfd_open, child.pid(), PIDFD_THREAD)));
  if (thread) {
    report.set("pidfd-thread", true, "pidfd_open(2) with PIDFD_THREAD");
  } else {
    report.missing("pidfd-thread", Error::last("pidfd_open(PIDFD_THREAD)"));
  }
  const auto info = pidfd_info(pidfd, PIDFD_INFO_PID);
  if (!info) {
    report.missing("pidfd-get-info", info.error());
  } else {
    const bool right = info->pid == static_cast<std::uint32_t>(child.pid()) &&
                       info->ppid == static_cast<std::uint32_t>(::getpid());
    report.set("pidfd-get-info", right,
               right ? "ioctl(PIDFD_GET_INFO) named the child and its parent"
                     : "ioctl(PIDFD_GET_INFO) named other processes");
  }
  // The last of this child: its end is what is asked about.
  child.end();
  const auto exit_info = pidfd_info(pidfd, PIDFD_INFO_EXIT);
  if (!exit_info) {
    report.missing("pidfd-exit-info", exit_info.error());
  } else {
    const bool right = (exit_info->mask & PIDFD_INFO_EXIT) != 0 && exit_info->exit_code == SIGKILL;
    report.set("pidfd-exit-info", right,
               right ? "PIDFD_INFO_EXIT told how the reaped child had ended"
                     : "PIDFD_INFO_EXIT did not tell how the child had ended");
  }
}

void probe_remote_memory(const ThrowAwayChild& child, Report& report) {
  const auto memory = RemoteMemory::open(child.pid());
  if (!memory) {
    report.missing("remote-memory-read", memory.error());
    return report.missing("remote-memory-write", memory.error());
  }
  const auto address = reinterpret_cast<std::uint64_t>(&word);
  const auto read_word = [&]() -> Result<std::uint64_t> {
    std::uint64_t value = 0;
    auto got = memory->read(address, std::as_writable_bytes(std::span(&value, 1)));
    if (!got) return got.error();
    return value;
  };
  const auto before = read_word();
  if (!before) return report.missing("remote-memory-read", before.error());
  const bool read_right = *before == word_of_the_child;
  report.set("remote-memory-read", read_right,
             read_right ? "the child's word was read" : "a word that is not the child's was read");

  const auto written = memory->write(address, std::as_bytes(std::span(&word_written, 1)));
  if (!written) return report.missing("remote-memory-write", written.error());
  const auto after = read_word();
  const bool write_right = after && *after == word_written;
  report.set("remote-memory-write", write_right,
             write_right ? "a word was written and read back" : "what was written was not read back");
}

void probe_children(const ThrowAwayChild& child, Report& report) {
  const auto children = read_children(::getpid());
  if (!children) return report.missing("proc-children", children.error());
  const bool listed = std::find(children->begin(), children->end(), child.pid()) != children->end();
  report.set("proc-children", listed,
             listed ? "/proc/PID/task/TID/children named the child"
                    : "/proc/PID/task/TID/children did not name the child");
}

// -- Landlock -----------------------------------------------------------------------------------------

/// The errno of opening `path` for reading, 0 when it opened.
int open_errno(const char* path) {
  const UniqueFd fd(::open(path, O_RDONLY | O_CLOEXEC));
  return fd ? 0 : errno;
}

/// Says the errnos of: enforcing, /proc/self/comm, /dev/null, a signal to the parent.
void landlock_child(MessageSocket& socket, pid_t parent, const ProcfsDenial& denial) {
  ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  const auto restricted = landlock_restrict_self(denial.ruleset);
  const int enforcing = restricted ? 0 : restricted.error().number;
  const int comm = open_errno("/proc/self/comm");
  const int null = open_errno("/dev/null");
  const int signal = ::kill(parent, 0) == 0 ? 0 : errno;
  (void)socket.send(fmt::format("{} {} {} {}", enforcing, comm, null, signal));
}

void probe_landlock(Report& report) {
  const auto abi = landlock_abi();
  const auto denial = abi ? build_procfs_denial() : Result<ProcfsDenial>(abi.error());
  if (!denial) {
    for (const auto* name : {"landlock", "landlock-refer", "landlock-signal-scope"}) {
      report.missing(name, denial.error());
    }
    return;
  }
  const std::string version = fmt::format("ABI {}", *abi);
  auto child = ThrowAwayChild::start(
      [&denial](MessageSocket& socket, pid_t parent) { landlock_child(socket, parent, *denial); });
  if (!child) return report.missing("landlock", child.error());
  const auto said = child->hear_numbers<4>();
  if (!said) return report.missing("landlock", said.error());
  const auto [enforcing, comm, null, signal] = *said;
  if (enforcing != 0)
    return report.missing("landlock", {static_cast<int>(enforcing), "landlock_restrict_self"});

  const bool closed = comm == EACCES && null == 0;
  report.set("landlock", closed,
             closed ? version + ": /proc/self/comm was refused, /dev/null opened"
                    : fmt::format("{}: /proc/self/comm gave {}, /dev/null {}", version,
                                  comm == 0 ? "no error" : errno_name(static_cast<int>(comm)),
                                  null == 0 ? "no error" : errno_name(static_cast<int>(null))));
  // ABI 2 is what made the ruleset with REFER possible; ABI 1 would have refused to create it.
  report.set("landlock-refer", *abi >= 2,
             *abi >= 2 ? version + ": a ruleset that grants REFER is in force" : version + " has no REFER");
  const bool scoped = denial->scopes_signals && signal == EPERM;
  report.set("landlock-signal-scope", scoped,
             scoped                   ? version + ": a signal to a process outside was refused"
             : denial->scopes_signals ? version + ": a signal to a process outside was not refused"
                                      : version + " has no scopes");
}

}  // namespace

bool Capabilities::has(std::string_view name) const {
  return std::any_of(features.begin(), features.end(),
                     [name](const Feature& feature) { return feature.name == name && feature.present; });
}

std::vector<std::string_view> Capabilities::missing() const {
  std::vector<std::string_view> names;
  for (const Feature& feature : features) {
    if (feature.need == Need::required && !feature.present) names.push_back(feature.name);
  }
  return names;
}

Capabilities probe() {
  const BlockedSignals blocked;
  Report report;
  word = word_of_the_child;
  if (auto child = ThrowAwayChild::start(seccomp_child); child) {
    word = 0;  // the child has its own copy now
    probe_seccomp(*child, report);
    probe_remote_memory(*child, report);
    probe_children(*child, report);
    probe_pidfds(*child, report);
  } else {
    for (const Row& row : rows) report.missing(row.name, child.error());
  }
  probe_landlock(report);

  utsname system{};
  ::uname(&system);
  return {.kernel_release = static_cast<const char*>(system.release), .features = report.take()};
}

}  // namespace proctor::kernel
