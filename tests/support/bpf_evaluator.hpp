#pragma once

#include <linux/filter.h>
#include <linux/seccomp.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace proctor::test {

/// How a seccomp program ended for one call.
struct BpfOutcome {
  std::uint32_t action = 0;          ///< SECCOMP_RET_* with its data
  std::size_t instructions = 0;      ///< executed, the return included
  bool arguments_were_read = false;  ///< if not, the kernel caches an "allow" for the call number
};

/// Runs `program` on `call` as the kernel would: classic BPF, the instructions that seccomp_check_filter
/// accepts, all bounds checked. Nothing: the program is not one the kernel would take (a foreign
/// instruction, a load or jump out of bounds, no return).
[[nodiscard]] std::optional<BpfOutcome> evaluate_bpf(std::span<const sock_filter> program,
                                                     const seccomp_data& call);

}  // namespace proctor::test
