#include <sstream>
#include <string>

#include "kernel/result.hpp"
#include "policy/syscall_table.hpp"
#include "support/catch.hpp"
#include "support/generated_page.hpp"

// docs/syscalls.md is written from the table, by this test.
namespace proctor::policy {
namespace {

std::string hexadecimal(std::uint64_t value) {
  std::ostringstream text;
  text << "0x" << std::hex << value;
  return text.str();
}

std::string in_words(const ArgumentTest& test) {
  const std::string argument = "argument " + std::to_string(test.argument);
  switch (test.condition) {
    case Condition::always:
      return "";
    case Condition::not_zero:
      return argument + " is not 0";
    case Condition::low_word_equals:
      return argument + " is " + (test.value < 100 ? std::to_string(test.value) : hexadecimal(test.value));
    case Condition::any_bit_of:
      return argument + " has a bit of " + hexadecimal(test.value);
    case Condition::masked_equals:
      return argument + " & " + hexadecimal(test.mask) + " is " + hexadecimal(test.value);
  }
  return "";
}

std::string when(const SyscallRow& row) {
  const std::string first = in_words({row.argument, row.condition, row.value, row.mask});
  const std::string second = in_words(row.also);
  if (first.empty() && second.empty()) return "always";
  if (first.empty() || second.empty()) return first + second;
  return second + " and " + first;
}

std::string line(const SyscallRow& row, bool with_error) {
  std::string text = "| " + std::string(row.name) + " | " + when(row) + " | ";
  if (with_error) text += kernel::errno_name(row.error) + " | ";
  return text + std::string(row.reason) + " |\n";
}

template <class Wanted>
std::string lines(bool with_error, Wanted wanted) {
  std::string text;
  for (const SyscallRow& row : syscall_table()) {
    if (wanted(row)) text += line(row, with_error);
  }
  return text;
}

std::string page() {
  std::string text = R"(# System calls that are not simply allowed

Written from the table in `policy/syscall_table.cpp` by its test; to write it anew, run that test with
`PROCTOR_UPDATE_DOCS=1`. Every call that is not here is allowed, without asking anybody. Arguments count from
0; numbers are compared on the bits that the kernel uses, so garbage in the high half of a register changes
nothing. Calls of other architectures (32-bit programs, `int 0x80`, x32) fail with ENOSYS.

## Asked about
The supervisor is asked, and answers from what it opened or knows itself.

| call | when | reason |
|---|---|---|
)";
  text += lines(false, [](const SyscallRow& row) {
    return row.action == Action::notify && row.handler != Handler::pid_argument && !row.strict;
  });
  text += R"(
## Asked about with --proc=strict only
Otherwise the kernel answers these by itself, and tells whether a process with some number exists.

| call | when | reason |
|---|---|---|
)";
  text += lines(false, [](const SyscallRow& row) { return row.strict; });
  text += R"(
## About another process
The supervisor lets the kernel go on when the process belongs to the sandbox; else the call fails as it would
for a pid that does not exist. About oneself (pid 0) nobody is asked.

| call | when | error | reason |
|---|---|---|---|
)";
  text += lines(true, [](const SyscallRow& row) { return row.handler == Handler::pid_argument; });
  text += R"(
## Refused
The kernel refuses these itself, without the supervisor.

| call | when | error | reason |
|---|---|---|---|
)";
  text += lines(true, [](const SyscallRow& row) { return row.action == Action::refuse; });
  return text;
}

}  // namespace

TEST_CASE("docs: syscalls.md is what the table says (PROCTOR_UPDATE_DOCS=1 writes it anew)") {
  tests::check_generated("docs/syscalls.md", page());
}

}  // namespace proctor::policy
