// The program behind tests/support/stage.hpp.
//
//   sandbox_stage stage      the session parent: starts the target, reaps, ends all when its fd 3 is closed
//   sandbox_stage serve FD   what the target is after an exec: goes on carrying out commands from FD
//   sandbox_stage look       opens the path at a fixed address of its memory
#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <functional>
#include <map>
#include <string>
#include <thread>

#include "kernel/landlock.hpp"
#include "kernel/message_socket.hpp"
#include "kernel/pidfd.hpp"
#include "kernel/seccomp_install.hpp"
#include "launch/tree.hpp"
#include "policy/filter.hpp"

namespace {

using namespace proctor;

constexpr int control_fd = 3;
constexpr int recycle_fd = 4;  // a socket to the stage, which may choose the next pid
char* const look_address = reinterpret_cast<char*>(0x20000000);  // NOLINT(performance-no-int-to-ptr)

std::string program;
int command_fd = -1;

[[noreturn]] void wait_for_ever() {
  for (;;) ::pause();
}

/// A call that every process actor or the snapshot decides: the caller is heard of. 0, or the errno.
int make_notified_call() { return ::getpgid(::getpid()) < 0 ? errno : 0; }

std::string answer_of(int error) { return error == 0 ? "ok" : "errno " + std::to_string(error); }

/// Forks a child that runs `body` and then waits to be killed; returns once `body` has said how it went.
std::pair<pid_t, int> child_that(const std::function<int()>& body) {
  std::array<int, 2> pipe{};
  if (::pipe2(pipe.data(), O_CLOEXEC) != 0) return {-1, errno};
  const pid_t child = ::fork();
  if (child == 0) {
    const int error = body();
    if (::write(pipe[1], &error, sizeof error) < 0) ::_exit(1);
    ::close(pipe[0]);
    ::close(pipe[1]);
    wait_for_ever();
  }
  int error = child < 0 ? errno : 0;
  ::close(pipe[1]);
  if (child > 0 && ::read(pipe[0], &error, sizeof error) != sizeof error) error = ECHILD;
  ::close(pipe[0]);
  return {child, error};
}

// -- the commands -----------------------------------------------------------------------------------

std::string read_file(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return answer_of(errno);
  std::array<char, 4096> text{};
  const auto length = ::read(fd, text.data(), text.size());
  const int error = errno;
  ::close(fd);
  if (length < 0) return answer_of(error);
  const std::string_view all(text.data(), static_cast<std::size_t>(length));
  return "read " + std::string(all.substr(0, all.find('\n')));
}

/// One child after the other in batches, each heard of, all gone at the end.
std::string churn(int count) {
  constexpr int batch = 100;
  for (int made = 0; made < count; made += batch) {
    for (int i = 0; i < batch; ++i) {
      const pid_t child = ::fork();
      if (child < 0) return answer_of(errno);
      if (child == 0) ::_exit(make_notified_call() == 0 ? 0 : 1);
    }
    for (int i = 0; i < batch; ++i) {
      int status = 0;
      if (::waitpid(-1, &status, 0) < 0) return answer_of(errno);
      if (status != 0) return "a child's call failed";
    }
  }
  return "ok";
}

/// Threads that are heard of and then wait for the end of the process.
std::string threads(int count) {
  std::array<int, 2> pipe{};
  if (::pipe2(pipe.data(), O_CLOEXEC) != 0) return answer_of(errno);
  for (int i = 0; i < count; ++i) {
    std::thread([fd = pipe[1]] {
      const int error = make_notified_call();
      if (::write(fd, &error, sizeof error) < 0) ::abort();
      wait_for_ever();
    }).detach();
  }
  int failed = 0;
  for (int i = 0; i < count; ++i) {
    int error = 0;
    if (::read(pipe[0], &error, sizeof error) != sizeof error || error != 0) ++failed;
  }
  return failed == 0 ? "ok" : std::to_string(failed) + " failed";
}

std::string exec_from_thread() {
  std::thread([] {
    make_notified_call();
    const std::string fd = std::to_string(command_fd);
    ::fcntl(command_fd, F_SETFD, 0);
    ::execl(program.c_str(), "sandbox_stage", "serve", fd.c_str(), nullptr);
    ::_exit(1);
  }).detach();
  wait_for_ever();
}

void put_path(const char* path) {
  void* const page = ::mmap(look_address, 4096, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
  if (page != look_address && errno != EEXIST) ::_exit(3);
  std::strcpy(look_address, path);
}

/// In the new program: the path at the fixed address leads to /proc here, and elsewhere in the parent.
[[noreturn]] void look() {
  put_path("/proc/self/comm");
  const int fd = ::open(look_address, O_RDONLY);
  std::array<char, 64> text{};
  const bool read = fd >= 0 && ::read(fd, text.data(), text.size() - 1) > 0;
  ::_exit(read && std::string_view(text.data()) == "sandbox_stage\n" ? 0 : 1);
}

/// The parent's address space, which the supervisor has seen the vfork child use, outlives the exec.
std::string vfork_exec() {
  put_path("/dev/null");
  const pid_t child = ::vfork();
  if (child == 0) {
    const int fd =
        ::open(look_address, O_RDONLY | O_CLOEXEC);  // NOLINT: the supervisor opens the memory here
    if (fd >= 0) ::execl(program.c_str(), "sandbox_stage", "look", nullptr);
    ::_exit(2);
  }
  int status = -1;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? "exit " + std::to_string(WEXITSTATUS(status)) : "died";
}

/// A process whose parent is gone; nobody was heard of.
std::string orphan() {
  std::array<int, 2> pipe{};
  if (::pipe2(pipe.data(), O_CLOEXEC) != 0) return answer_of(errno);
  const pid_t middle = ::fork();
  if (middle == 0) {
    const pid_t own = ::fork();
    if (own == 0) wait_for_ever();
    if (::write(pipe[1], &own, sizeof own) < 0) ::_exit(1);
    ::_exit(0);
  }
  pid_t found = -1;
  if (::read(pipe[0], &found, sizeof found) != sizeof found) found = -1;
  ::close(pipe[0]);
  ::close(pipe[1]);
  ::waitpid(middle, nullptr, 0);
  return std::to_string(found);
}

/// A child under the number of one that was heard of three times and is gone. The new one is heard of once.
std::string recycle() {
  constexpr int attempts_max = 2000;
  for (int attempt = 0; attempt < attempts_max; ++attempt) {
    const pid_t first = ::fork();
    if (first == 0) {
      for (int i = 0; i < 3; ++i) make_notified_call();
      ::_exit(0);
    }
    ::waitpid(first, nullptr, 0);
    const pid_t last = first - 1;
    char done = 0;
    if (::send(recycle_fd, &last, sizeof last, 0) < 0 || ::recv(recycle_fd, &done, 1, 0) != 1 || done != 1)
      return "no permission";
    const auto [second, error] = child_that(make_notified_call);
    if (second == first) return error == 0 ? std::to_string(second) : answer_of(error);
    ::kill(second, SIGKILL);
    ::waitpid(second, nullptr, 0);
  }
  return "others were faster";
}

/// A child that was heard of and has ended, and is not reaped.
std::string zombie() {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(make_notified_call());
  siginfo_t info{};
  ::waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOWAIT);
  return std::to_string(child);
}

/// A process that is never the same for long: each forks the next and ends.
std::string hopper() {
  const pid_t child = ::fork();
  if (child == 0) {
    ::prctl(PR_SET_NAME, "hopper");
    while (true) {
      if (::fork() > 0) ::_exit(0);
    }
  }
  return child > 0 ? "ok" : answer_of(errno);
}

std::string children(int count, const std::function<int()>& body) {
  std::string last = "ok";
  for (int i = 0; i < count; ++i) {
    const auto [child, error] = child_that(body);
    if (error != 0) return answer_of(error);
    last = std::to_string(child);
  }
  return last;
}

std::string end_child(pid_t child) {
  ::kill(child, SIGKILL);
  return ::waitpid(child, nullptr, 0) == child ? "ok" : answer_of(errno);
}

std::string carry_out(const std::string& line) {
  const auto space = line.find(' ');
  const std::string command = line.substr(0, space);
  const std::string argument = space == std::string::npos ? "" : line.substr(space + 1);
  const int number = std::atoi(argument.c_str());
  const std::map<std::string, std::function<std::string()>> commands{
      {"ask", [] { return answer_of(make_notified_call()); }},
      {"read", [&] { return read_file(argument); }},
      {"chdir", [&] { return answer_of(::chdir(argument.c_str()) == 0 ? 0 : errno); }},
      {"kill-check", [&] { return answer_of(::kill(number, 0) == 0 ? 0 : errno); }},
      {"child", [] { return children(1, make_notified_call); }},
      {"children", [&] { return children(number, make_notified_call); }},
      {"quiet-child", [] { return children(1, [] { return 0; }); }},
      {"end-child", [&] { return end_child(number); }},
      {"churn", [&] { return churn(number); }},
      {"threads", [&] { return threads(number); }},
      {"exec-from-thread", exec_from_thread},
      {"vfork-exec", vfork_exec},
      {"orphan", orphan},
      {"zombie", zombie},
      {"recycle", recycle},
      {"hopper", hopper},
      {"exit", [&]() -> std::string { ::_exit(number); }},
  };
  const auto found = commands.find(command);
  return found == commands.end() ? "no such command" : found->second();
}

[[noreturn]] void serve() {
  kernel::MessageSocket commands{kernel::UniqueFd{command_fd}};
  while (true) {
    const auto line = commands.receive();
    if (!line || !line->has_value()) ::_exit(0);
    if (!commands.send(carry_out((*line)->line))) ::_exit(0);
  }
}

// -- the two processes of the start ---------------------------------------------------------------------

[[noreturn]] void fail(const std::string& what) {
  std::fprintf(stderr, "sandbox_stage: %s\n", what.c_str());
  ::_exit(1);
}

[[noreturn]] void be_target(kernel::MessageSocket control, kernel::UniqueFd recycle) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  ::dup2(recycle.get(), recycle_fd);
  const auto filter = policy::build_filter(policy::rows_of(policy::ProcMode::private_view));
  if (!filter) fail(filter.error().message());
  auto denial = kernel::build_procfs_denial();
  if (!denial) fail(denial.error().message());
  const auto self = kernel::PidFd::open(::getpid());
  auto pair = kernel::MessageSocket::pair();
  std::array<int, 2> release{};
  if (!self || !pair || ::pipe2(release.data(), O_CLOEXEC) != 0) fail("no descriptors");
  if (!kernel::landlock_restrict_self(denial->ruleset)) fail("Landlock");
  const auto installed = kernel::install_notifying_filter(*filter);
  if (!installed) fail(installed.error().message());
  std::string line = std::to_string(::getpid()) + (denial->scopes_signals ? " 1 " : " 0 ");
  for (const auto& directory : denial->ungranted_directories) line += directory + ":";
  if (!control.send(line, {installed->listener.get(), self->get(), release[1], pair->first.fd()}))
    fail("hand-over");
  // Nothing that this process keeps open may hold the listener: its end is the sandbox's.
  ::close(installed->listener.get());
  ::close(release[1]);
  control = kernel::MessageSocket{};
  pair->first = kernel::MessageSocket{};
  char go = 0;
  if (::read(release[0], &go, 1) != 1) ::_exit(0);
  command_fd = ::fcntl(pair->second.fd(), F_DUPFD_CLOEXEC, 10);
  serve();
}

void reap(int) {
  const int saved = errno;
  while (::waitpid(-1, nullptr, WNOHANG) > 0) {
  }
  errno = saved;
}

int be_stage() {
  // No PR_SET_PDEATHSIG: should the test die, its end of the control socket closes, and all is ended in
  // order.
  ::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
  std::array<int, 2> recycle{};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, recycle.data()) != 0) fail("socketpair");
  const pid_t target = ::fork();
  if (target < 0) fail("fork");
  if (target == 0) {
    ::close(recycle[0]);
    be_target(kernel::MessageSocket{kernel::UniqueFd{control_fd}}, kernel::UniqueFd{recycle[1]});
  }
  ::close(recycle[1]);
  struct sigaction action {};
  action.sa_handler = reap;
  ::sigaction(SIGCHLD, &action, nullptr);
  reap(0);
  std::array<pollfd, 2> polled{{{control_fd, POLLIN, 0}, {recycle[0], POLLIN, 0}}};
  while (polled[0].revents == 0) {
    if (::poll(polled.data(), polled.size(), -1) < 0) polled[0].revents = polled[1].revents = 0;
    pid_t last = 0;
    if ((polled[1].revents & POLLIN) != 0 && ::recv(recycle[0], &last, sizeof last, 0) == sizeof last) {
      std::ofstream next("/proc/sys/kernel/ns_last_pid");
      next << last << std::flush;
      const char done = next.good() ? 1 : 0;
      if (::send(recycle[0], &done, 1, MSG_NOSIGNAL) < 0) polled[1].fd = -1;
    } else if (polled[1].revents != 0) {
      polled[1].fd = -1;  // the target is gone
    }
  }
  ::signal(SIGCHLD, SIG_DFL);
  launch::end_tree();
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view mode = argc > 1 ? argv[1] : "";
  program = "/proc/self/exe";
  std::array<char, 4096> path{};
  if (mode == "look") look();
  if (const auto length = ::readlink("/proc/self/exe", path.data(), path.size()); length > 0)
    program.assign(path.data(), static_cast<std::size_t>(length));
  if (mode == "stage") return be_stage();
  if (mode == "serve" && argc > 2) {
    command_fd = std::atoi(argv[2]);
    ::fcntl(command_fd, F_SETFD, FD_CLOEXEC);
    // The answer to the command that led here.
    if (::send(command_fd, "ok\n", 3, MSG_NOSIGNAL) != 3) return 1;
    serve();
  }
  std::fprintf(stderr, "sandbox_stage is part of the tests\n");
  return 2;
}
