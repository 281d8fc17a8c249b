#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <variant>

#include "kernel/unique_fd.hpp"

namespace proctor::policy {

/// The kernel goes on with the call. Whoever makes one says in a `// Continue safety:` comment why the
/// kernel or the registers, not the target's memory, decide.
struct Continue {};

/// The call fails with this errno (positive).
struct Fail {
  int error = 0;
};

/// The call returns this value without being made.
struct Return {
  std::int64_t value = 0;
};

/// The target gets a duplicate of this descriptor and the call returns its number.
struct Inject {
  std::shared_ptr<const kernel::UniqueFd> fd;
  bool close_on_exec = false;
};

/// The target's descriptor `number`, which it has open, becomes a duplicate of this one. Should another of
/// its threads close that number meanwhile, the duplicate is what it then finds there.
struct Replace {
  enum class Then : std::uint8_t {
    returns_zero,  ///< without being made
    goes_on,       ///< the kernel makes the call, on what then is the descriptor
  };

  std::shared_ptr<const kernel::UniqueFd> fd;
  int number = -1;
  bool close_on_exec = false;
  Then then = Then::returns_zero;
};

/// As Inject, but the target looks for the descriptor's number elsewhere than in what the call returns:
/// `tell` writes it there, once the target has it. What that gives, 0 or an errno, the call returns; after an
/// error the target has a descriptor that it does not know of, as with a kernel that cannot write either.
struct InjectAndTell {
  std::shared_ptr<const kernel::UniqueFd> fd;
  bool close_on_exec = false;
  std::function<int(int number)> tell;
};

/// The one answer to a notification, as a value. Only the responder writes it to the kernel.
struct Verdict {
  std::variant<Continue, Fail, Return, Inject, Replace, InjectAndTell> answer;
  /// Why, for the record, when it is not a plain continue: static text.
  const char* reason = "";
};

}  // namespace proctor::policy
