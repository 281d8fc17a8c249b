// Prints what it was given by its caller, without reading /proc: signal mask, ignored signals, open
// descriptors, umask. With "queued" it waits for SIGUSR1 and prints the value that came with it, and from
// whom.
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>

namespace {

void report_signals() {
  sigset_t mask;
  ::sigprocmask(SIG_SETMASK, nullptr, &mask);
  std::printf("blocked:");
  for (int signal = 1; signal < NSIG; ++signal) {
    if (::sigismember(&mask, signal) == 1) std::printf(" %d", signal);
  }
  std::printf("\nignored:");
  for (int signal = 1; signal < NSIG; ++signal) {
    struct sigaction action {};
    if (::sigaction(signal, nullptr, &action) == 0 && action.sa_handler == SIG_IGN)
      std::printf(" %d", signal);
  }
  sigset_t pending;
  ::sigpending(&pending);
  std::printf("\npending:");
  for (int signal = 1; signal < NSIG; ++signal) {
    if (::sigismember(&pending, signal) == 1) std::printf(" %d", signal);
  }
}

void report_descriptors() {
  std::printf("\ndescriptors:");
  for (int fd = 0; fd < 256; ++fd) {
    if (::fcntl(fd, F_GETFD) >= 0) std::printf(" %d", fd);
  }
  std::printf("\numask: %o\n", ::umask(0));
}

int report_queued_value() {
  sigset_t only;
  ::sigemptyset(&only);
  ::sigaddset(&only, SIGUSR1);
  ::sigprocmask(SIG_BLOCK, &only, nullptr);
  std::puts("ready");
  std::fflush(stdout);
  siginfo_t info{};
  if (::sigwaitinfo(&only, &info) != SIGUSR1) return 1;
  std::printf("value %d from %d\n", info.si_value.sival_int, info.si_pid);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc > 1 && std::strcmp(argv[1], "queued") == 0) return report_queued_value();
  report_signals();
  report_descriptors();
  return 0;
}
