#include "actors/verdict_record.hpp"

#include <fmt/format.h>

#include <string>
#include <variant>

#include "actors/sandbox_context.hpp"
#include "kernel/result.hpp"

namespace proctor::actors {
namespace {

std::string describe(const policy::Verdict& verdict) {
  if (const auto* fail = std::get_if<policy::Fail>(&verdict.answer)) return kernel::errno_name(fail->error);
  if (const auto* value = std::get_if<policy::Return>(&verdict.answer))
    return fmt::format("return {}", value->value);
  if (std::holds_alternative<policy::Replace>(verdict.answer)) return "replace";
  if (std::holds_alternative<policy::Continue>(verdict.answer)) return "continue";
  return "inject";
}

}  // namespace

void conclude(SandboxContext& context, kernel::SlotNumber slot, const index::PidKey& key,
              ProcessRecord& record, const policy::SyscallRow& row, std::string_view argument,
              const policy::Verdict& verdict) {
  if (!std::holds_alternative<policy::Continue>(verdict.answer)) {
    if (std::holds_alternative<policy::Fail>(verdict.answer)) ++record.refused;
    if (context.recorder.wants(RecordLevel::verdicts)) {
      const auto tid = static_cast<pid_t>(context.journal[slot].view().pid);
      context.recorder.record(
          RecordLevel::verdicts,
          messages::event::VerdictGiven{key, tid, std::string(row.name), std::string(argument),
                                        describe(verdict), verdict.reason});
    }
  }
  context.responder.respond(slot, verdict);
}

}  // namespace proctor::actors
