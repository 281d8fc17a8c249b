#include "policy/filter.hpp"

#include <seccomp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <bit>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "kernel/unique_fd.hpp"

namespace proctor::policy {
namespace {

using kernel::Error;
using kernel::Result;

struct ReleaseContext {
  void operator()(scmp_filter_ctx context) const noexcept { seccomp_release(context); }
};
using Context = std::unique_ptr<std::remove_pointer_t<scmp_filter_ctx>, ReleaseContext>;

constexpr std::uint64_t low_word = 0xffffffff;
constexpr unsigned arguments_max = 6;
constexpr int errno_max = 4095;
constexpr int program_bytes_max = BPF_MAXINSNS * int{sizeof(sock_filter)};

/// libseccomp returns a negative errno.
Error failure(int code, std::string operation) { return {code < 0 ? -code : code, std::move(operation)}; }

/// One libseccomp rule: tests that must all hold.
using Comparisons = std::vector<scmp_arg_cmp>;

/// The alternatives, one rule each, that together are `test`.
std::vector<Comparisons> alternatives(const ArgumentTest& test) {
  const unsigned argument = test.argument;
  switch (test.condition) {
    case Condition::always:
      return {{}};
    case Condition::not_zero:
      return {{scmp_arg_cmp{argument, SCMP_CMP_NE, 0, 0}}};
    case Condition::low_word_equals:
      return {{scmp_arg_cmp{argument, SCMP_CMP_MASKED_EQ, low_word, test.value & low_word}}};
    case Condition::masked_equals:
      return {{scmp_arg_cmp{argument, SCMP_CMP_MASKED_EQ, test.mask, test.value & test.mask}}};
    case Condition::any_bit_of:
      break;
  }
  // There is no "masked and not zero": one rule for each bit.
  std::vector<Comparisons> bits;
  for (std::uint64_t left = test.value; left != 0; left &= left - 1) {
    const std::uint64_t bit = std::uint64_t{1} << static_cast<unsigned>(std::countr_zero(left));
    bits.push_back({scmp_arg_cmp{argument, SCMP_CMP_MASKED_EQ, bit, bit}});
  }
  return bits;
}

Result<void> check(const SyscallRow& row) {
  const std::string what = "filter row of " + std::string(row.name);
  if (row.number < 0) return Error{EINVAL, what + ": a call number is missing"};
  if (row.argument >= arguments_max || row.also.argument >= arguments_max) {
    return Error{EINVAL, what + ": a call has arguments 0 to 5"};
  }
  if (row.condition != Condition::always && row.also.condition != Condition::always &&
      row.argument == row.also.argument) {
    return Error{EINVAL, what + ": two tests of one register"};
  }
  if (row.action == Action::refuse && (row.error <= 0 || row.error > errno_max)) {
    return Error{EINVAL, what + ": an errno is between 1 and 4095"};
  }
  return {};
}

/// An unconditional row beside another one of the same call: libseccomp would take both, and silently keep
/// one of them.
Result<void> check_overlaps(std::span<const SyscallRow> rows) {
  std::map<long, bool> only_row_of_call;  // false: other rows may follow
  for (const SyscallRow& row : rows) {
    const bool unconditional = row.condition == Condition::always && row.also.condition == Condition::always;
    const auto [seen, first] = only_row_of_call.try_emplace(row.number, unconditional);
    if (!first && (unconditional || seen->second)) {
      return Error{EEXIST, "filter row of " + std::string(row.name) + ": another row covers the whole call"};
    }
  }
  return {};
}

Result<void> add_row(const Context& context, const SyscallRow& row) {
  if (auto checked = check(row); !checked) return checked;
  if (row.action == Action::allow) return {};
  const std::uint32_t action =
      row.action == Action::notify ? SCMP_ACT_NOTIFY : SCMP_ACT_ERRNO(static_cast<std::uint32_t>(row.error));
  const ArgumentTest first{row.argument, row.condition, row.value, row.mask};
  for (const Comparisons& left : alternatives(first)) {
    for (const Comparisons& right : alternatives(row.also)) {
      Comparisons both = left;
      both.insert(both.end(), right.begin(), right.end());
      const int code = seccomp_rule_add_array(context.get(), action, static_cast<int>(row.number),
                                              static_cast<unsigned>(both.size()), both.data());
      // EEXIST: the same test again, perhaps with another action. Which one would win, libseccomp does not
      // say.
      if (code < 0) return failure(code, "add filter row of " + std::string(row.name));
    }
  }
  return {};
}

Result<Context> new_context() {
  // By itself libseccomp asks the running kernel what it can do, on which the program would then depend.
  // Level 5 has user notifications (Linux 5.0); whether the kernel takes the program is seen when it is
  // installed.
  constexpr unsigned api_level_notify = 5;
  if (const int code = seccomp_api_set(api_level_notify); code < 0) {
    return failure(code, "set libseccomp's API level");
  }
  Context context(seccomp_init(SCMP_ACT_ALLOW));
  if (!context) return Error{ENOMEM, "create a libseccomp context"};
  // On another architecture only x86-64 numbers are known here: the table means nothing there.
  if (seccomp_arch_native() != SCMP_ARCH_X86_64) return Error{ENOTSUP, "build a filter: not x86-64"};
  if (const int code = seccomp_attr_set(context.get(), SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_ERRNO(ENOSYS));
      code < 0) {
    return failure(code, "set the action for foreign architectures");
  }
  constexpr std::uint32_t binary_tree = 2;
  if (const int code = seccomp_attr_set(context.get(), SCMP_FLTATR_CTL_OPTIMIZE, binary_tree); code < 0) {
    return failure(code, "ask libseccomp for a binary tree");
  }
  return context;
}

/// Two sockets, of which the first takes more than a whole program at once, and never waits.
Result<std::pair<kernel::UniqueFd, kernel::UniqueFd>> open_channel() {
  int ends[2] = {-1, -1};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) != 0)
    return Error::last("make a socket pair");
  std::pair channel{kernel::UniqueFd(ends[0]), kernel::UniqueFd(ends[1])};
  // In the socket's own measure, with which data counts double at most: socket(7).
  constexpr int room_wanted = 4 * program_bytes_max;
  int room = room_wanted;
  socklen_t size = sizeof room;
  (void)::setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &room, size);
  if (::getsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &room, &size) != 0 || room < room_wanted)
    return Error{ENOBUFS, "make room for the filter in a socket (net.core.wmem_max)"};
  return channel;
}

/// Through sockets: seccomp_export_bpf_mem came only with libseccomp 2.6, and a file, even a memfd, must not
/// be longer than RLIMIT_FSIZE allows.
Result<BpfProgram> export_program(const Context& context) {
  auto channel = open_channel();
  if (!channel) return channel.error();
  const auto& [into, out] = *channel;
  if (const int code = seccomp_export_bpf(context.get(), into.get()); code < 0) {
    return failure(code, "export the filter");
  }
  BpfProgram program(BPF_MAXINSNS + 1);
  const ssize_t got = ::recv(out.get(), program.data(), program.size() * sizeof(sock_filter), 0);
  if (got < 0) return Error::last("read the filter");
  if (got > program_bytes_max) return Error{E2BIG, "export the filter: too many instructions"};
  const auto bytes = static_cast<std::size_t>(got);
  if (bytes == 0 || bytes % sizeof(sock_filter) != 0) return Error{EIO, "export the filter: odd size"};
  program.resize(bytes / sizeof(sock_filter));
  return program;
}

}  // namespace

Result<BpfProgram> build_filter(std::span<const SyscallRow> rows) {
  auto context = new_context();
  if (!context) return context.error();
  if (auto checked = check_overlaps(rows); !checked) return checked.error();
  for (const SyscallRow& row : rows) {
    if (auto added = add_row(*context, row); !added) return added.error();
  }
  return export_program(*context);
}

}  // namespace proctor::policy
