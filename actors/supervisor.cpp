#include "actors/supervisor.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <utility>

namespace proctor::actors {
namespace {

using messages::SandboxCreated;

/// How long a sandbox may take to describe itself before the list goes without it.
constexpr std::chrono::seconds describe_timeout{1};

SandboxCreated refuse(std::string reason) { return {{}, std::move(reason), {}}; }

SandboxCreated create(SupervisorSelf self, messages::SandboxOrder& order) {
  auto& state = self->state;
  if (!state.stopping.empty()) return refuse("the supervisor is stopping");
  if (state.sandboxes.size() >= state.settings.sandboxes_max)
    return refuse(
        fmt::format("this supervisor has {} sandboxes, its limit (sandboxes-max)", state.sandboxes.size()));
  if (!order.degraded.empty() && !order.policy.accept_degraded && !state.settings.accept_degraded)
    return refuse(fmt::format("the sandbox would be degraded ({}); --accept-degraded accepts that",
                              fmt::join(order.degraded, ", ")));
  const std::string name = state.name_for(order);
  if (name.empty()) return refuse(fmt::format("there is a sandbox named {} already", order.policy.name));
  order.policy.name = name;
  SandboxLimits limits = state.settings.limits;
  if (const auto& asked = order.policy.verdict_timeout)
    limits.verdict_timeout = std::min(*asked, limits.verdict_timeout);
  auto thread = SandboxThread::start(self->system(), std::move(order), limits, state.record, self->id(),
                                     [handle = messages::supervisor_actor{self}, name] {
                                       caf::anon_send(handle, messages::SandboxGone{name});
                                     });
  if (!thread) return refuse(thread.error().message());
  auto actor = (*thread)->actor();
  state.sandboxes.emplace(name, *std::move(thread));
  return {name, {}, std::move(actor)};
}

/// Asks each sandbox and answers when all have, or had their time: of one that is too busy to say more the
/// list has at least that it is there.
struct Listing {
  caf::typed_response_promise<messages::SandboxList> promise;
  std::vector<messages::SandboxDescriptionPtr> descriptions;
  std::size_t awaited = 0;

  void one_done() {
    if (--awaited > 0) return;
    std::sort(descriptions.begin(), descriptions.end(),
              [](const auto& a, const auto& b) { return a->name < b->name; });
    promise.deliver(
        std::make_shared<const std::vector<messages::SandboxDescriptionPtr>>(std::move(descriptions)));
  }
};

caf::typed_response_promise<messages::SandboxList> list(SupervisorSelf self,
                                                        const messages::ListSandboxes& request) {
  auto listing = std::make_shared<Listing>();
  listing->promise = self->make_response_promise<messages::SandboxList>();
  listing->awaited = 1;
  for (const auto& [name, thread] : self->state.sandboxes) {
    if (!request.only.empty() && request.only != name) continue;
    ++listing->awaited;
    self->request(thread->actor(), describe_timeout, messages::DescribeSandbox{request.detail})
        .then(
            [listing](const messages::SandboxDescriptionPtr& description) {
              listing->descriptions.push_back(description);
              listing->one_done();
            },
            [listing, outline = thread->outline()](const caf::error& error) {
              // Any other error: it has ended meanwhile.
              if (error == caf::sec::request_timeout) listing->descriptions.push_back(outline);
              listing->one_done();
            });
  }
  listing->one_done();
  return listing->promise;
}

void stop_when_empty(SupervisorSelf self) {
  auto& state = self->state;
  if (state.stopping.empty() || !state.sandboxes.empty()) return;
  for (auto& promise : state.stopping) promise.deliver(messages::SupervisorStopped{});
  self->quit();
}

/// Takes a sample and has the next one taken, until the interval changes.
void sample(SupervisorSelf self) {
  const auto interval = self->state.settings.sample_interval;
  if (interval.count() == 0) return;
  for (const auto& [name, thread] : self->state.sandboxes) {
    self->request(thread->actor(), describe_timeout,
                  messages::DescribeSandbox{messages::DescribeSandbox::Detail::everything})
        .then(
            [self](const messages::SandboxDescriptionPtr& description) {
              Recorder recorder{self->state.record, description->name};
              for (const auto& actor : description->actors)
                recorder.record(
                    RecordLevel::lifecycle,
                    messages::event::ActorSample{actor.kind, actor.id, actor.messages, actor.handled,
                                                 actor.depth, actor.busy_ns / 1000, actor.longest_ns / 1000});
              recorder.flush();
            },
            [](const caf::error&) {});
  }
  self->delayed_send(self, interval, messages::TakeSample{self->state.samples});
}

}  // namespace

std::string supervisor_state::name_for(const messages::SandboxOrder& order) {
  if (!order.policy.name.empty())
    return sandboxes.contains(order.policy.name) ? std::string{} : order.policy.name;
  std::string base = order.command.empty() ? "sandbox" : order.command.front();
  base = base.substr(base.rfind('/') + 1);
  std::string made;
  for (const char c : base.substr(0, 32)) {
    const auto lower = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    made += std::isalnum(static_cast<unsigned char>(lower)) != 0 && static_cast<unsigned char>(lower) < 128
                ? lower
                : '-';
  }
  if (made.empty() || made.front() == '-') made = "sandbox";
  std::string unique;
  do unique = fmt::format("{}-{}", made, next_number++);
  while (sandboxes.contains(unique));
  return unique;
}

messages::supervisor_actor::behavior_type supervisor(SupervisorSelf self, SupervisorSettings settings,
                                                     std::shared_ptr<RecordTarget> record) {
  self->state.settings = settings;
  self->state.record = std::move(record);
  sample(self);
  return {
      [self](const messages::CreateSandbox& request) { return create(self, *request.order); },
      [self](const messages::ListSandboxes& request) { return list(self, request); },
      [self](const messages::SandboxGone& gone) {
        self->state.sandboxes.erase(gone.name);  // joins its thread, which has nothing left to do
        const auto [first, last] = self->state.awaited.equal_range(gone.name);
        for (auto waiting = first; waiting != last; ++waiting) waiting->second.deliver(gone);
        self->state.awaited.erase(first, last);
        stop_when_empty(self);
      },
      [self](const messages::AwaitSandboxGone& request) {
        auto promise = self->make_response_promise<messages::SandboxGone>();
        if (self->state.sandboxes.contains(request.name))
          self->state.awaited.emplace(request.name, promise);
        else
          promise.deliver(messages::SandboxGone{request.name});
        return promise;
      },
      [self](messages::TakeSample due) {
        if (due.series == self->state.samples) sample(self);
      },
      [self](const messages::Reconfigure& request) {
        const bool changes_samples = self->state.settings.sample_interval != request.sample_interval;
        self->state.settings.accept_degraded = request.accept_degraded;
        self->state.settings.limits.verdict_timeout = request.verdict_timeout;
        self->state.settings.sample_interval = request.sample_interval;
        if (!changes_samples) return;
        ++self->state.samples;
        sample(self);
      },
      [self](messages::StopSupervisor) {
        auto promise = self->make_response_promise<messages::SupervisorStopped>();
        self->state.stopping.push_back(promise);
        for (const auto& [name, thread] : self->state.sandboxes)
          self->send(thread->actor(), messages::EndSandbox{"the supervisor stops"});
        stop_when_empty(self);
        return promise;
      },
  };
}

}  // namespace proctor::actors
