#include "launch/signals.hpp"

#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "kernel/block_signals.hpp"

namespace proctor::launch {
namespace {

/// Longest ancestry that is looked at; a deeper sender counts as an outsider.
constexpr int ancestry_max = 4096;

/// Whether `sender` descends from the session parent.
bool is_inside(pid_t sender, pid_t parent) {
  if (sender == parent) return true;
  auto process = kernel::PidFd::open(sender);
  for (int depth = 0; process && process->pid() > 1 && depth < ancestry_max; ++depth) {
    if (process->pid() == parent) return true;
    process = process->parent();
  }
  return false;
}

}  // namespace

SignalState SignalState::take_over() noexcept {
  SignalState state;
  state.mask_ = kernel::block_all_signals();
  struct sigaction by_default {};
  by_default.sa_handler = SIG_DFL;
  ::sigaction(SIGCHLD, &by_default, &state.on_child_);
  return state;
}

void SignalState::restore() const noexcept {
  ::sigaction(SIGCHLD, &on_child_, nullptr);
  ::sigprocmask(SIG_SETMASK, &mask_, nullptr);
}

kernel::Result<kernel::UniqueFd> open_signalfd() {
  sigset_t all;
  ::sigfillset(&all);
  kernel::UniqueFd fd(::signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!fd) return kernel::Error::last("open a signalfd");
  return fd;
}

void stop_self(int signal) noexcept {
  if (signal == SIGSTOP) {
    ::kill(::getpid(), SIGSTOP);
    return;
  }
  struct sigaction by_default {};
  by_default.sa_handler = SIG_DFL;
  struct sigaction before {};
  ::sigaction(signal, &by_default, &before);
  sigset_t only;
  ::sigemptyset(&only);
  ::sigaddset(&only, signal);
  ::kill(::getpid(), signal);
  ::sigprocmask(SIG_UNBLOCK, &only, nullptr);  // stops here
  ::sigprocmask(SIG_BLOCK, &only, nullptr);
  ::sigaction(signal, &before, nullptr);
}

void die_by(int signal) noexcept {
  const rlimit no_core{0, 0};
  ::setrlimit(RLIMIT_CORE, &no_core);
  struct sigaction by_default {};
  by_default.sa_handler = SIG_DFL;
  ::sigaction(signal, &by_default, nullptr);
  sigset_t only;
  ::sigemptyset(&only);
  ::sigaddset(&only, signal);
  ::kill(::getpid(), signal);
  ::sigprocmask(SIG_UNBLOCK, &only, nullptr);
}

bool is_for_command(const signalfd_siginfo& signal, pid_t parent) {
  const auto number = static_cast<int>(signal.ssi_signo);
  if (number == SIGCHLD) return false;
  if (signal.ssi_code > 0) {
    const bool leads_session = ::getsid(0) == ::getpid();
    return number == SIGALRM || number == SIGVTALRM || number == SIGPROF ||
           (leads_session && (number == SIGHUP || number == SIGCONT));
  }
  return !is_inside(static_cast<pid_t>(signal.ssi_pid), parent);
}

kernel::Result<void> forward_signal(const kernel::PidFd& target, const signalfd_siginfo& signal) {
  const auto number = static_cast<int>(signal.ssi_signo);
  siginfo_t info{};
  info.si_signo = number;
  info.si_code = SI_QUEUE;  // the only code that the kernel lets one process claim towards another
  info.si_pid = 0;          // the sender is outside, and so are we
  info.si_uid = signal.ssi_uid;
  info.si_value.sival_ptr = reinterpret_cast<void*>(signal.ssi_ptr);  // NOLINT: an opaque number
  if (::syscall(SYS_pidfd_send_signal, target.get(), number, &info, 0) != 0) {
    return kernel::Error::last("pass a signal on");
  }
  return {};
}

}  // namespace proctor::launch
