#pragma once

#include <span>

#include "policy/filter.hpp"
#include "support/catch.hpp"

namespace proctor::tests {

/// The program of these rows; a failed test without one.
inline policy::BpfProgram program_of(std::span<const policy::SyscallRow> rows) {
  auto program = policy::build_filter(rows);
  if (!program) FAIL("build_filter: " << program.error().operation);
  return *program;
}

}  // namespace proctor::tests
