#include "program.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <stdexcept>
#include <thread>

#include "kernel/proc_stat.hpp"

namespace proctor::test {
namespace {

constexpr int patience_ms = 20'000;

void set_stream(int fd, int target) {
  if (fd < 0) fd = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  ::dup2(fd, target);
}

}  // namespace

Program::Program(const Start& start) {
  std::vector<char*> argv;
  for (const auto& argument : start.argv) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  // The test framework's signal handlers must not run in the child, however early a signal comes.
  sigset_t all;
  sigset_t before;
  ::sigfillset(&all);
  ::sigprocmask(SIG_SETMASK, &all, &before);
  pid_ = ::fork();
  if (pid_ != 0) {
    ::sigprocmask(SIG_SETMASK, &before, nullptr);
    if (pid_ < 0) throw std::runtime_error("fork");
    return;
  }
  for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGSEGV, SIGFPE, SIGABRT, SIGILL})
    ::signal(signal, SIG_DFL);
  ::sigprocmask(SIG_SETMASK, &before, nullptr);
  set_stream(start.in, 0);
  set_stream(start.out, 1);
  set_stream(start.err, 2);
  // An entry that this user may not search would rightly turn "not found" into "not allowed".
  ::setenv("PATH", "/usr/bin:/bin", 1);
  if (start.before_exec) start.before_exec();
  ::execvp(argv[0], argv.data());
  ::_exit(99);
}

Program::~Program() {
  if (reaped_) return;
  ::kill(pid_, SIGKILL);
  (void)wait();
}

int Program::wait() {
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  reaped_ = true;
  return status;
}

int Program::wait_change(int options, int& status) const {
  siginfo_t info{};
  while (::waitid(P_PID, static_cast<id_t>(pid_), &info, options) < 0 && errno == EINTR) {
  }
  status = info.si_status;
  return info.si_code;
}

Pipe::Pipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) throw std::runtime_error("pipe2");
  read.reset(ends[0]);
  write.reset(ends[1]);
}

std::string read_all(const kernel::UniqueFd& fd) {
  std::string text;
  char buffer[4096];
  for (;;) {
    pollfd entry{fd.get(), POLLIN, 0};
    if (::poll(&entry, 1, patience_ms) != 1) return text + "<no end of file>";
    const auto got = ::read(fd.get(), buffer, sizeof buffer);
    if (got <= 0) return text;
    text.append(buffer, static_cast<std::size_t>(got));
  }
}

std::string read_line(const kernel::UniqueFd& fd) {
  std::string line;
  char byte = 0;
  for (;;) {
    pollfd entry{fd.get(), POLLIN, 0};
    if (::poll(&entry, 1, patience_ms) != 1) return line + "<no line>";
    if (::read(fd.get(), &byte, 1) != 1 || byte == '\n') return line;
    line += byte;
  }
}

Outcome run_program(Start start) {
  Pipe out;
  Pipe err;
  start.out = out.write.get();
  start.err = err.write.get();
  Program program(start);
  out.write.reset();
  err.write.reset();
  Outcome outcome;
  std::thread reader([&] { outcome.err = read_all(err.read); });
  outcome.out = read_all(out.read);
  reader.join();
  outcome.status = program.wait();
  return outcome;
}

bool eventually(const std::function<bool()>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(patience_ms);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));  // between two looks, until the deadline
  }
  return true;
}

bool is_running(pid_t pid) {
  const auto stat = kernel::read_proc_stat(pid);
  return stat && stat->state != 'Z' && stat->state != 'X';
}

}  // namespace proctor::test
