#include "actors/process.hpp"

#include "actors/sandbox_context.hpp"
#include "actors/verdict_record.hpp"
#include "policy/syscall_table.hpp"

namespace proctor::actors {

messages::process_actor::behavior_type process(ProcessSelf self, SandboxContext* context, index::PidKey key,
                                               index::PidKey parent,
                                               std::shared_ptr<const kernel::PidFd> pidfd,
                                               std::shared_ptr<ProcessRecord> record) {
  auto& state = self->state;
  state.process = std::make_unique<ProcessState>(*context, key, record, std::move(pidfd));
  state.parent = parent;
  context->recorder.record(RecordLevel::lifecycle,
                           messages::event::ProcessRegistered{key, parent, record->command});
  return {
      [self, context, record](messages::Decide decide) {
        const kernel::JournalSlot& slot = context->journal[decide.slot];
        if (slot.cookie == 0) return;  // its deadline has passed meanwhile
        const auto* const row = policy::notify_row(slot.view().data.nr);
        auto& process = *self->state.process;
        const auto verdict = process.decide(slot.view(), *row);
        conclude(*context, decide.slot, process.key(), *record, *row, process.argument(), verdict);
      },
      [self, context, record](const messages::ProcessExited& exited) {
        context->recorder.record(
            RecordLevel::lifecycle,
            messages::event::ProcessExited{self->state.process->key(), self->state.parent, record->command,
                                           exited.status, record->notifications, record->refused});
        self->quit();
      },
  };
}

}  // namespace proctor::actors
