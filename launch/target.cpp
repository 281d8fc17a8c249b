#include "launch/target.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <utility>

#include "kernel/cpus.hpp"
#include "kernel/landlock.hpp"
#include "kernel/scarcity.hpp"
#include "kernel/seccomp_install.hpp"
#include "launch/command_search.hpp"
#include "launch/session_end.hpp"
#include "policy/filter.hpp"

namespace proctor::launch {
namespace {

using kernel::UniqueFd;

kernel::Result<std::pair<UniqueFd, UniqueFd>> open_pipe() {
  int ends[2] = {-1, -1};
  if (::pipe2(ends, O_CLOEXEC) != 0) return kernel::Error::last("make a pipe");
  return std::pair{UniqueFd(ends[0]), UniqueFd(ends[1])};
}

/// Most of a message that travels through an exec report: with the exit code it stays below PIPE_BUF, so
/// that it is written and read in one piece.
constexpr std::size_t report_bytes_max = 4000;

bool is_directory(const std::string& file) {
  struct stat status {};
  return ::stat(file.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
}

TargetFailure describe_exec_failure(int error, const std::string& command) {
  const bool names_file = command.find('/') != std::string::npos;
  if (error == ENOENT && names_file && ::access(command.c_str(), F_OK) == 0) {
    return {exit_not_found, fmt::format("{}: the interpreter that it names is not there", command)};
  }
  if (command.empty()) return {exit_not_found, "'', an empty name, cannot be found"};
  if (error == ENOENT || error == ENOTDIR) return {exit_not_found, fmt::format("{}: not found", command)};
  if (error == EACCES && names_file && is_directory(command)) {
    return {exit_not_executable, fmt::format("{}: is a directory", command)};
  }
  return {exit_not_executable,
          kernel::Error{error, fmt::format("{}: cannot be executed", command)}.message()};
}

/// The code that runs in the forked target, from its first instruction to its exec. Each step either works
/// or ends the process with a report.
class TargetProcess {
 public:
  TargetProcess(const TargetPlan& plan, UniqueFd report) noexcept : plan_(plan), report_(std::move(report)) {}

  [[noreturn]] void run(pid_t parent, const SignalState& signals, kernel::MessageSocket& supervisor,
                        const std::vector<std::string>& candidates) {
    die_with(parent);
    signals.restore();
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) fail("cannot set no_new_privs", errno);
    keep_to_stated_cpus();
    AttachRequest request;
    const auto filter = policy::build_filter(policy::rows_of(plan_.policy.proc));
    if (!filter) fail(filter.error().operation, filter.error().number);
    shut_procfs(request);
    const UniqueFd release = attach(std::move(request), *filter, supervisor);
    wait_for(release);
    const int error = execute_command(candidates, plan_.command);
    fail(describe_exec_failure(error, plan_.command.front()));
  }

 private:
  /// Nobody would answer this target's notifications once its parent is gone.
  static void die_with(pid_t parent) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    if (::getppid() != parent) ::_exit(exit_proctor_failed);  // it died before the line above
  }

  /// As many CPUs as CMD is told it has, of those that it could run on; its children inherit that. Which ones
  /// depends on the process id, so that small sandboxes do not all crowd the first.
  void keep_to_stated_cpus() {
    const auto& stated = plan_.policy.limits.cpus;
    if (!stated) return;
    const auto allowed = kernel::allowed_cpus(0);
    if (!allowed) fail(allowed.error().operation, allowed.error().number);
    if (*stated >= allowed->size()) return;
    std::vector<unsigned> chosen;
    const auto first = static_cast<std::size_t>(::getpid());
    for (std::size_t i = 0; i < *stated; ++i) chosen.push_back((*allowed)[(first + i) % allowed->size()]);
    if (const auto done = kernel::set_allowed_cpus(0, chosen); !done)
      fail(done.error().operation, done.error().number);
  }

  /// Has the kernel keep procfs shut, or notes that it does not.
  void shut_procfs(AttachRequest& request) {
    auto denial = kernel::build_procfs_denial();
    if (!denial) {
      // What a limit of the caller's has caused is no lack of the kernel's, and is not to be accepted as one.
      if (kernel::is_for_want_of_room(denial.error()))
        fail("no room to prepare the Landlock rules that keep /proc shut; " + denial.error().operation,
             denial.error().number);
      if (!plan_.policy.accept_degraded) {
        fail(
            "this kernel cannot keep /proc shut with Landlock, see 'proctor check'; --accept-degraded starts "
            "all the same; " +
                denial.error().operation,
            denial.error().number);
      }
      request.degraded.emplace_back("no Landlock: the supervisor alone, not the kernel, keeps /proc shut");
      return;
    }
    const auto restricted = kernel::landlock_restrict_self(denial->ruleset);
    if (!restricted) fail("cannot put Landlock in force, see 'proctor check'", restricted.error().number);
    request.landlocked = true;
    request.signals_scoped = denial->scopes_signals;
    request.ungranted_directories = std::move(denial->ungranted_directories);
  }

  /// Puts the filter in force and sends everything the supervisor needs; returns what to wait on. What
  /// needs a call that the filter notifies of (pidfd_open) is made before.
  UniqueFd attach(AttachRequest request, const policy::BpfProgram& filter,
                  kernel::MessageSocket& supervisor) {
    auto release = open_pipe();
    if (!release) fail(release.error().operation, release.error().number);
    const auto self = kernel::PidFd::open(::getpid());
    if (!self) fail(self.error().operation, self.error().number);
    request.policy = plan_.policy;
    request.command = command_for_record(plan_.command);
    request.target = ::getpid();
    request.init = ::getppid();

    auto installed = kernel::install_notifying_filter(filter);
    if (!installed) fail_to_install(installed.error().number);
    if (!installed->wait_killable)
      fail(
          "this kernel (before Linux 5.19) lets signals undo calls that are being judged, see 'proctor "
          "check'",
          0);
    const auto sent = supervisor.send(to_json(Request(std::move(request))),
                                      {installed->listener.get(), self->get(), release->second.get()});
    if (!sent) fail("cannot reach the supervisor", sent.error().number);
    // Close our copies now, not at exec: the end of file on `release` must mean the supervisor's.
    (void)supervisor.release();
    return std::move(release->first);
  }

  void wait_for(const UniqueFd& release) {
    char byte = 0;
    ssize_t got = 0;
    do {
      got = ::read(release.get(), &byte, 1);
    } while (got < 0 && errno == EINTR);
    if (got != 1) fail(TargetFailure{exit_proctor_failed, ""});
  }

  [[noreturn]] void fail_to_install(int error) {
    if (error == EBUSY) fail("no sandbox inside a sandbox: this process has a seccomp listener already", 0);
    fail("cannot put the seccomp filter in force, see 'proctor check'", error);
  }

  [[noreturn]] void fail(const std::string& what, int error) {
    fail(TargetFailure{exit_proctor_failed, error == 0 ? what : kernel::Error{error, what}.message()});
  }

  [[noreturn]] void fail(const TargetFailure& failure) {
    std::string report(1, static_cast<char>(failure.exit_code));
    report += failure.message.substr(0, report_bytes_max);
    (void)!::write(report_.get(), report.data(), report.size());
    ::_exit(failure.exit_code);
  }

  const TargetPlan& plan_;
  UniqueFd report_;
};

}  // namespace

kernel::Result<SpawnedTarget> spawn_target(const TargetPlan& plan, const SignalState& signals,
                                           kernel::MessageSocket& supervisor) {
  auto report = open_pipe();
  if (!report) return report.error();
  const auto candidates = find_command(plan.command.front());
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid < 0) return kernel::Error::last("fork");
  if (pid == 0) {
    TargetProcess(plan, std::move(report->second)).run(parent, signals, supervisor, candidates);
  }
  auto pidfd = kernel::PidFd::open(pid);  // our unreaped child: nobody else has its number
  if (!pidfd) return pidfd.error();       // it dies with us
  return SpawnedTarget{pid, std::move(*pidfd), std::move(report->first)};
}

std::optional<TargetFailure> read_exec_report(const UniqueFd& exec_report) {
  char bytes[report_bytes_max + 1];
  ssize_t got = 0;
  do {
    got = ::read(exec_report.get(), bytes, sizeof bytes);
  } while (got < 0 && errno == EINTR);
  if (got <= 0) return std::nullopt;
  return TargetFailure{static_cast<unsigned char>(bytes[0]),
                       std::string(bytes + 1, static_cast<std::size_t>(got) - 1)};
}

std::vector<std::string> command_for_record(const std::vector<std::string>& command) {
  std::vector<std::string> record;
  std::size_t bytes = 0;
  for (const auto& argument : command) {
    if (bytes + argument.size() > command_bytes_max) {
      record.emplace_back("...");
      break;
    }
    bytes += argument.size() + 1;
    record.push_back(argument);
  }
  return record;
}

}  // namespace proctor::launch
