#include "policy/filter.hpp"

#include <fcntl.h>
#include <linux/audit.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <iterator>
#include <string>
#include <vector>

#include "kernel/unique_fd.hpp"
#include "policy/reference.hpp"
#include "support/bpf_evaluator.hpp"
#include "support/catch.hpp"
#include "tests/policy/built_filter.hpp"

namespace proctor::policy {
namespace {

using proctor::tests::program_of;
using reference::call;
using reference::high_bit_33;
using test::evaluate_bpf;

constexpr std::uint32_t refused_with_enosys = SECCOMP_RET_ERRNO | ENOSYS;
constexpr std::uint32_t refused_with_eperm = SECCOMP_RET_ERRNO | EPERM;
constexpr long numbers_checked = 700;

const BpfProgram& shipped(ProcMode mode = ProcMode::strict) {
  static const BpfProgram standard = program_of(rows_of(ProcMode::private_view));
  static const BpfProgram strict = program_of(rows_of(ProcMode::strict));
  return mode == ProcMode::strict ? strict : standard;
}

/// What `program` says of a call; 0 (kill the thread) where it is not a valid program.
std::uint32_t action_of(const BpfProgram& program, const seccomp_data& data) {
  const auto outcome = evaluate_bpf(program, data);
  return outcome ? outcome->action : 0;
}

/// Compares program and rows for one call number at every combination of telling values in the first three
/// registers (no row looks at another). The number of calls that were compared.
std::size_t compare(const BpfProgram& program, std::span<const SyscallRow> rows, long number) {
  const auto values = reference::telling_values(rows, number);
  std::vector<SyscallRow> rows_of_call;
  std::ranges::copy_if(rows, std::back_inserter(rows_of_call),
                       [=](const SyscallRow& row) { return row.number == number; });
  std::size_t compared = 0;
  for (const std::uint64_t first : values) {
    for (const std::uint64_t second : values) {
      const seccomp_data data = call(number, {first, second, first ^ second, ~first, ~second, first});
      const std::uint32_t expected = reference::outcome(rows_of_call, data);
      const std::uint32_t actual = action_of(program, data);
      if (actual != expected) {
        FAIL("call " << number << "(" << std::hex << first << ", " << second << "): the program says "
                     << actual << ", the table says " << expected);
      }
      ++compared;
    }
  }
  return compared;
}

/// A program written with plain libseccomp comparisons, as one would at first.
BpfProgram naive_program(long number, scmp_arg_cmp comparison) {
  scmp_filter_ctx context = seccomp_init(SCMP_ACT_ALLOW);
  REQUIRE(context != nullptr);
  REQUIRE(seccomp_rule_add_array(context, SCMP_ACT_ERRNO(EPERM), static_cast<int>(number), 1, &comparison) ==
          0);
  const kernel::UniqueFd memory(memfd_create("naive", MFD_CLOEXEC));
  REQUIRE(seccomp_export_bpf(context, memory.get()) == 0);
  seccomp_release(context);
  BpfProgram program(BPF_MAXINSNS);
  const ssize_t bytes = pread(memory.get(), program.data(), program.size() * sizeof(sock_filter), 0);
  REQUIRE(bytes > 0);
  program.resize(static_cast<std::size_t>(bytes) / sizeof(sock_filter));
  return program;
}

}  // namespace

TEST_CASE("filter: the emitted program says what the table says, for every call and telling argument") {
  std::size_t compared = 0;
  for (long number = 0; number < numbers_checked; ++number) {
    compared += compare(shipped(), syscall_table(), number);
  }
  CHECK(compared > 200'000);
}

TEST_CASE("filter: every row is reachable") {
  for (const SyscallRow& row : syscall_table()) {
    INFO(row.name);
    std::array<std::uint64_t, 6> arguments{};
    const auto satisfy = [&](std::uint8_t argument, Condition condition, std::uint64_t value) {
      if (condition == Condition::not_zero) arguments[argument] = 4711;
      if (condition != Condition::always && condition != Condition::not_zero) arguments[argument] = value;
    };
    satisfy(row.argument, row.condition, row.value);
    satisfy(row.also.argument, row.also.condition, row.also.value);
    CHECK(action_of(shipped(), call(row.number, arguments)) == reference::outcome(row));
  }
}

TEST_CASE("filter: a call number beyond all rows is allowed, and left to the kernel") {
  for (const long number : {600L, 1000L, 0x3fffffffL}) {
    CHECK(action_of(shipped(), call(number)) == SECCOMP_RET_ALLOW);
  }
  // -1 is what a tracer makes of a call to skip it; the kernel itself answers ENOSYS.
  CHECK(action_of(shipped(), call(-1)) == SECCOMP_RET_ALLOW);
}

TEST_CASE("filter: calls of the i386 table by int 0x80 are refused") {
  for (long number = 0; number < numbers_checked; ++number) {
    seccomp_data data = call(number);
    data.arch = AUDIT_ARCH_I386;
    REQUIRE(action_of(shipped(), data) == refused_with_enosys);
  }
}

TEST_CASE("filter: calls of the x32 table are refused") {
  constexpr long x32_bit = 0x40000000;
  for (long number = 0; number < numbers_checked; ++number) {
    REQUIRE(action_of(shipped(), call(x32_bit + number)) == refused_with_enosys);
  }
  CHECK(action_of(shipped(), call(0x7fffffff)) == refused_with_enosys);
  CHECK(action_of(shipped(), call(-2)) == refused_with_enosys);
  CHECK(action_of(shipped(), call(-x32_bit)) == refused_with_enosys);
}

TEST_CASE("filter: garbage in the high word does not bring a forbidden ioctl through") {
  constexpr std::uint64_t tiocsti = 0x5412;
  const seccomp_data honest = call(SYS_ioctl, {0, tiocsti});
  const seccomp_data attack = call(SYS_ioctl, {0, tiocsti | high_bit_33});

  // The comparison one writes first looks at 64 bits, where the kernel's ioctl looks at 32: the attack
  // passes.
  const BpfProgram naive = naive_program(SYS_ioctl, {1, SCMP_CMP_EQ, tiocsti, 0});
  CHECK(action_of(naive, honest) == refused_with_eperm);
  CHECK(action_of(naive, attack) == SECCOMP_RET_ALLOW);

  CHECK(action_of(shipped(), honest) == refused_with_eperm);
  CHECK(action_of(shipped(), attack) == refused_with_eperm);
}

TEST_CASE("filter: a value in the high word alone is not taken for zero where 64 bits count") {
  const seccomp_data attack = call(SYS_ptrace, {high_bit_33, 1});

  // Only the low word looked at, as a compare of 32 bits does: this request would pass for PTRACE_TRACEME.
  const BpfProgram naive{BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
                         BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_ptrace, 0, 2),
                         BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, args)),
                         BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 1),
                         BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
                         BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF)};
  CHECK(action_of(naive, call(SYS_ptrace, {16, 1})) == SECCOMP_RET_USER_NOTIF);
  CHECK(action_of(naive, attack) == SECCOMP_RET_ALLOW);

  CHECK(action_of(shipped(), attack) == SECCOMP_RET_USER_NOTIF);
}

TEST_CASE("filter: namespace flags are refused in any company") {
  constexpr std::uint64_t thread_flags = 0x003d0f00;  // what pthread_create asks for
  constexpr std::uint64_t new_user = 0x10000000;
  CHECK(action_of(shipped(), call(SYS_clone, {thread_flags})) == SECCOMP_RET_ALLOW);
  CHECK(action_of(shipped(), call(SYS_clone, {17})) == SECCOMP_RET_ALLOW);
  constexpr std::uint64_t vfork_flags = 0x4100, files = 0x400;
  CHECK(action_of(shipped(), call(SYS_clone, {vfork_flags | 17})) == SECCOMP_RET_ALLOW);
  // Two processes with one table of descriptors.
  CHECK(action_of(shipped(), call(SYS_clone, {files | 17})) == SECCOMP_RET_USER_NOTIF);
  CHECK(action_of(shipped(), call(SYS_clone, {files | new_user | 17})) == refused_with_eperm);
  CHECK(action_of(shipped(), call(SYS_clone, {thread_flags | new_user})) == refused_with_eperm);
  CHECK(action_of(shipped(), call(SYS_clone, {new_user | 17 | high_bit_33})) == refused_with_eperm);
  CHECK(action_of(shipped(), call(SYS_unshare, {new_user | 0x400})) == refused_with_eperm);
  CHECK(action_of(shipped(), call(SYS_unshare, {0x400})) == SECCOMP_RET_ALLOW);
  CHECK(action_of(shipped(), call(SYS_clone3)) == refused_with_enosys);
}

TEST_CASE("filter: a program too long for one jump still says what its rows say") {
  std::vector<SyscallRow> rows;
  for (long number = 0; number < 240; ++number) {
    SyscallRow row{.name = "synthetic", .number = number, .action = Action::refuse, .reason = "test"};
    row.error = static_cast<int>(1 + number % 100);
    row.argument = static_cast<std::uint8_t>(number % 2);
    switch (number % 4) {
      case 0:
        break;
      case 1:
        row.condition = Condition::low_word_equals;
        row.value = static_cast<std::uint64_t>(number) * 3;
        break;
      case 2:
        row.condition = Condition::any_bit_of;
        row.value = 0x20040000 | static_cast<std::uint64_t>(number % 8);
        break;
      default:
        row.condition = Condition::not_zero;
        row.action = Action::notify;
        break;
    }
    rows.push_back(row);
  }
  // One call whose own tests span more than a jump's 255 instructions.
  SyscallRow wide{.name = "wide", .number = 240, .action = Action::refuse, .error = 5, .reason = "test"};
  wide.condition = Condition::low_word_equals;
  for (std::uint64_t value = 10; value < 1500; value += 5) {
    wide.value = value;
    rows.push_back(wide);
  }

  const BpfProgram program = program_of(rows);
  CHECK(program.size() > 1024);
  std::size_t compared = 0;
  for (long number = 0; number < 239; ++number) compared += compare(program, rows, number);
  CHECK(compared > 50'000);
  for (std::uint64_t value = 0; value < 1600; ++value) {
    for (const std::uint64_t garbage : {std::uint64_t{0}, high_bit_33, reference::high_word}) {
      const seccomp_data data = call(240, {value | garbage});
      REQUIRE(action_of(program, data) == reference::outcome(rows, data));
    }
  }
}

TEST_CASE("filter: common calls are decided in a few instructions and without their arguments") {
  // Without a look at an argument the kernel caches the "allow" for the call number and does not run the
  // program at all; where it cannot, the instructions count.
  std::size_t most = 0;
  for (const long number :
       {SYS_read,           SYS_write,  SYS_close,      SYS_futex, SYS_mmap,    SYS_munmap,  SYS_readv,
        SYS_newfstatat,     SYS_fstat,  SYS_epoll_wait, SYS_poll,  SYS_recvmsg, SYS_sendmsg, SYS_rt_sigaction,
        SYS_rt_sigprocmask, SYS_brk,    SYS_exit_group, SYS_wait4, SYS_fork,    SYS_vfork,   SYS_exit,
        SYS_getpid,         SYS_preadv, SYS_pwrite64,   SYS_dup2}) {
    INFO("call " << number);
    const auto outcome = evaluate_bpf(shipped(ProcMode::private_view), call(number));
    REQUIRE(outcome);
    CHECK(outcome->action == SECCOMP_RET_ALLOW);
    CHECK_FALSE(outcome->arguments_were_read);
    most = std::max(most, outcome->instructions);
  }
  CHECK(most <= 20);
}

TEST_CASE("filter: a file is asked about where it is read again from its beginning, and nowhere else") {
  for (const std::uint64_t position : {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{1} << 32U}) {
    const auto expected = position == 0 ? SECCOMP_RET_USER_NOTIF : SECCOMP_RET_ALLOW;
    CHECK(action_of(shipped(), call(SYS_pread64, {3, 0, 0, position})) == expected);
    CHECK(action_of(shipped(), call(SYS_lseek, {3, position, SEEK_SET})) == expected);
    CHECK(action_of(shipped(), call(SYS_lseek, {3, position, SEEK_CUR})) == SECCOMP_RET_ALLOW);
  }
}

TEST_CASE("filter: a mode's rows are in force, and those of the other mode are not") {
  for (const long number : {SYS_newfstatat, SYS_stat, SYS_access, SYS_statx}) {
    CHECK(action_of(shipped(ProcMode::private_view), call(number)) == SECCOMP_RET_ALLOW);
    CHECK(action_of(shipped(ProcMode::strict), call(number)) == SECCOMP_RET_USER_NOTIF);
  }
  for (const long number : {SYS_openat, SYS_readlink})
    for (const auto mode : {ProcMode::private_view, ProcMode::strict})
      CHECK(action_of(shipped(mode), call(number)) == SECCOMP_RET_USER_NOTIF);
  const auto rows = rows_of(ProcMode::private_view);
  for (long number = 0; number < numbers_checked; number += 7)
    compare(shipped(ProcMode::private_view), rows, number);
}

TEST_CASE("filter: netlink sockets that tell of other processes are refused, others are not") {
  constexpr std::uint32_t refused = SECCOMP_RET_ERRNO | EPROTONOSUPPORT;
  const auto netlink = [](std::uint64_t protocol, std::uint64_t family = 16) {
    return action_of(shipped(), call(SYS_socket, {family, 2, protocol}));
  };
  CHECK(netlink(4) == refused);
  CHECK(netlink(11) == refused);
  CHECK(netlink(11 | high_bit_33) == refused);
  CHECK(netlink(0) == SECCOMP_RET_ALLOW);
  CHECK(netlink(11, 2) == SECCOMP_RET_ALLOW);
}

TEST_CASE("filter: of lseek only the way back to the beginning is asked about") {
  const auto seek = [](std::uint64_t offset, std::uint64_t whence) {
    return action_of(shipped(), call(SYS_lseek, {3, offset, whence}));
  };
  CHECK(seek(0, SEEK_SET) == SECCOMP_RET_USER_NOTIF);
  CHECK(seek(0, (std::uint64_t{1} << 32U) | SEEK_SET) == SECCOMP_RET_USER_NOTIF);
  CHECK(seek(0, SEEK_CUR) == SECCOMP_RET_ALLOW);
  CHECK(seek(0, SEEK_END) == SECCOMP_RET_ALLOW);
  CHECK(seek(1, SEEK_SET) == SECCOMP_RET_ALLOW);
  CHECK(seek(std::uint64_t{1} << 32U, SEEK_SET) == SECCOMP_RET_ALLOW);
}

TEST_CASE("filter: rows that make no sense are refused with a sentence") {
  const SyscallRow good{.name = "getuid", .number = SYS_getuid, .action = Action::refuse, .error = EPERM};
  REQUIRE(build_filter(std::span(&good, 1)));
  const auto refused_with = [](SyscallRow row, const std::string& words) {
    const auto built = build_filter(std::span(&row, 1));
    REQUIRE_FALSE(built);
    CHECK(built.error().number == EINVAL);
    CHECK_THAT(built.error().operation,
               Catch::Matchers::Contains("getuid") && Catch::Matchers::Contains(words));
  };
  SyscallRow row = good;
  row.number = -1;
  refused_with(row, "number is missing");
  row = good;
  row.error = 0;
  refused_with(row, "errno");
  row = good;
  row.error = 4096;
  refused_with(row, "errno");
  row = good;
  row.argument = 6;
  refused_with(row, "arguments 0 to 5");
  row = good;
  row.condition = row.also.condition = Condition::not_zero;
  refused_with(row, "one register");
}

TEST_CASE("filter: rows that libseccomp would silently choose between are refused") {
  const SyscallRow always{.name = "getuid", .number = SYS_getuid, .action = Action::refuse, .error = EPERM};
  SyscallRow sometimes = always;
  sometimes.error = ENOSYS;
  sometimes.condition = Condition::low_word_equals;
  sometimes.value = 5;
  SyscallRow otherwise = sometimes;
  otherwise.error = EACCES;
  for (const auto& rows : {std::vector{always, always}, std::vector{always, sometimes},
                           std::vector{sometimes, always}, std::vector{sometimes, otherwise}}) {
    const auto built = build_filter(rows);
    REQUIRE_FALSE(built);
    CHECK(built.error().number == EEXIST);
    CHECK_THAT(built.error().operation, Catch::Matchers::Contains("getuid"));
  }
}

TEST_CASE("filter: more rows than the kernel takes are an error, not a shorter filter") {
  std::vector<SyscallRow> rows;
  SyscallRow row{.name = "many", .number = 1, .action = Action::refuse, .error = EPERM};
  row.condition = Condition::low_word_equals;
  for (row.value = 0; row.value < BPF_MAXINSNS; ++row.value) rows.push_back(row);
  const auto built = build_filter(rows);
  REQUIRE_FALSE(built);
  CHECK(built.error().number == E2BIG);
}

}  // namespace proctor::policy
