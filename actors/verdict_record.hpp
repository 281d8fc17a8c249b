#pragma once

#include <linux/seccomp.h>

#include <string_view>

#include "index/pid_key.hpp"
#include "kernel/journal.hpp"
#include "policy/syscall_table.hpp"
#include "policy/verdict.hpp"

namespace proctor::actors {

struct SandboxContext;
struct ProcessRecord;

/// Answers a notification and, when the verdict is no plain continue, puts it on record and counts it as
/// refused where it is.
void conclude(SandboxContext& context, kernel::SlotNumber slot, const index::PidKey& key,
              ProcessRecord& record, const policy::SyscallRow& row, std::string_view argument,
              const policy::Verdict& verdict);

}  // namespace proctor::actors
