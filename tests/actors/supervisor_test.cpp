// The root of the tree of actors: names, limits, and the end of everything.
#include "actors/supervisor.hpp"

#include "sandbox_fixture.hpp"

namespace proctor::tests {
namespace {

using actors::SupervisorSettings;

/// A supervisor and a voice to speak to it.
struct Office {
  explicit Office(SupervisorSettings settings = {}) {
    supervisor = actors::spawn_observed<messages::supervisor_actor, actors::supervisor_state>(
                     actors.system, 0, actors::supervisor, settings, record.target)
                     .handle;
  }
  ~Office() {
    if (!stopped) stop();
  }

  template <class Answer, class Message>
  Answer ask(Message message) {
    Answer answer;
    self->request(supervisor, std::chrono::seconds{60}, std::move(message))
        .receive([&](const Answer& got) { answer = got; },
                 [](const caf::error& error) { throw std::runtime_error(caf::to_string(error)); });
    return answer;
  }
  messages::SandboxCreated create(messages::SandboxOrder order) {
    return ask<messages::SandboxCreated>(
        messages::CreateSandbox{std::make_shared<messages::SandboxOrder>(std::move(order))});
  }
  messages::SandboxCreated create(Stage& stage, std::vector<std::string> command, std::string name = "") {
    auto order = order_of(stage, std::move(name));
    order.command = std::move(command);
    return create(std::move(order));
  }
  /// As create(), once the sandbox in the way is gone: it leaves the list before its place.
  messages::SandboxCreated create_when_free(Stage& stage, std::string name) {
    const auto order = std::make_shared<messages::SandboxOrder>(order_of(stage, std::move(name)));
    messages::SandboxCreated created;
    static_cast<void>(eventually([&] {
      created = ask<messages::SandboxCreated>(messages::CreateSandbox{order});
      return created.refusal.empty();
    }));
    return created;
  }
  std::vector<std::string> names(std::string only = "") {
    std::vector<std::string> names;
    const auto list = ask<messages::SandboxList>(messages::ListSandboxes{std::move(only)});
    for (const auto& one : *list) names.push_back(one->name);
    return names;
  }
  void stop() {
    stopped = true;
    ask<messages::SupervisorStopped>(messages::StopSupervisor{});
  }

  TestSystem actors;
  CollectedRecord record{actors.system};
  caf::scoped_actor self{actors.system};
  messages::supervisor_actor supervisor;
  bool stopped = false;
};

}  // namespace

TEST_CASE("supervisor: a sandbox without a name gets one of its command, and no two are the same") {
  Office office;
  std::array<Stage, 4> stages;
  CHECK(office.create(stages[0], {"/usr/bin/make", "-j2"}).name == "make-1");
  CHECK(office.create(stages[1], {"/usr/bin/make"}).name == "make-2");
  CHECK(office.create(stages[2], {"My Script\xff.SH"}).name == "my-script--sh-3");
  CHECK(office.create(stages[3], {"/opt/\xc3\xa4"}).name == "sandbox-4");
  CHECK(office.names() == std::vector<std::string>{"make-1", "make-2", "my-script--sh-3", "sandbox-4"});
  CHECK(office.names("make-2") == std::vector<std::string>{"make-2"});
  CHECK(office.names("nobody").empty());
  for (auto& stage : stages) CHECK(stage.ask("ask") == "ok");  // each was released
}

TEST_CASE("supervisor: a made-up name steps aside for one that was given") {
  Office office;
  std::array<Stage, 2> stages;
  REQUIRE(office.create(stages[0], {"x"}, "make-1").name == "make-1");
  CHECK(office.create(stages[1], {"make"}).name == "make-2");
}

TEST_CASE("supervisor: a name that is taken is refused, and free again when its sandbox has ended") {
  Office office;
  std::array<Stage, 3> stages;
  const auto first = office.create(stages[0], {"true"}, "mine");
  REQUIRE(first.refusal.empty());
  const auto second = office.create(stages[1], {"true"}, "mine");
  CHECK(second.refusal == "there is a sandbox named mine already");
  CHECK(second.name.empty());
  // Its target is not let go: the order's end of the release pipe is closed, and it leaves.
  CHECK(stages[1].ask("ask").empty());

  caf::anon_send(first.sandbox, messages::EndSandbox{"enough"});
  CHECK(office.create_when_free(stages[2], "mine").name == "mine");
}

TEST_CASE("supervisor: its limit of sandboxes is said in the refusal") {
  SupervisorSettings settings;
  settings.sandboxes_max = 1;
  Office office{settings};
  std::array<Stage, 3> stages;
  const auto first = office.create(stages[0], {"true"});
  REQUIRE(first.refusal.empty());
  CHECK(office.create(stages[1], {"true"}).refusal ==
        "this supervisor has 1 sandboxes, its limit (sandboxes-max)");
  caf::anon_send(first.sandbox, messages::EndSandbox{"make room"});
  CHECK(office.create_when_free(stages[2], "next").name == "next");
}

TEST_CASE("supervisor: a degraded sandbox needs somebody's word") {
  Office office;
  std::array<Stage, 2> stages;
  auto refused = order_of(stages[0]);
  refused.degraded = {"no Landlock"};
  CHECK(office.create(std::move(refused)).refusal ==
        "the sandbox would be degraded (no Landlock); --accept-degraded accepts that");
  auto accepted = order_of(stages[1]);
  accepted.degraded = {"no Landlock"};
  accepted.policy.accept_degraded = true;
  CHECK(office.create(std::move(accepted)).refusal.empty());
  CHECK(office.ask<messages::SandboxList>(messages::ListSandboxes{})->at(0)->degraded ==
        std::vector<std::string>{"no Landlock"});
}

TEST_CASE(
    "supervisor: a sandbox may ask for a shorter verdict timeout than the supervisor's, not a longer one") {
  SupervisorSettings settings;
  settings.limits.verdict_timeout = std::chrono::minutes{1};
  Office office{settings};
  std::array<Stage, 3> stages;
  auto longer = order_of(stages[0], "longer");
  longer.policy.verdict_timeout = std::chrono::minutes{5};
  auto shorter = order_of(stages[1], "shorter");
  shorter.policy.verdict_timeout = std::chrono::milliseconds{200};
  REQUIRE(office.create(std::move(longer)).refusal.empty());
  REQUIRE(office.create(std::move(shorter)).refusal.empty());
  REQUIRE(office.create(order_of(stages[2], "unsaid")).refusal.empty());
  const auto list = office.ask<messages::SandboxList>(messages::ListSandboxes{});
  CHECK(list->at(0)->verdict_timeout_ms == 60'000);
  CHECK(list->at(1)->verdict_timeout_ms == 200);
  CHECK(list->at(2)->verdict_timeout_ms == 60'000);
}

TEST_CASE("supervisor: a target that is gone is a refusal, and the supervisor goes on") {
  Office office;
  std::array<Stage, 2> stages;
  auto order = order_of(stages[0]);
  order.release.reset();
  REQUIRE(eventually([&] { return !order.target_pidfd.info(); }));
  CHECK(office.create(std::move(order)).refusal.find("ESRCH") != std::string::npos);
  CHECK(office.create(stages[1], {"true"}).refusal.empty());
}

TEST_CASE("supervisor: it puts the counters of every actor on record while it is asked to") {
  SupervisorSettings settings;
  settings.sample_interval = std::chrono::milliseconds{20};
  Office office{settings};
  Stage stage;
  REQUIRE(office.create(stage, {"true"}, "sampled").refusal.empty());
  for (const char* kind : {"sandbox", "registry", "notification", "exit-watcher", "process"})
    CHECK(office.record.comes<messages::event::ActorSample>([&](const auto& e) { return e.kind == kind; }));
}

TEST_CASE("supervisor: its stop ends every sandbox, answers then, and leaves nothing") {
  Office office;
  std::array<Stage, 3> stages;
  const Holdings before{office.actors.system};
  for (auto& stage : stages) REQUIRE(office.create(stage, {"true"}).refusal.empty());
  office.stop();
  for (auto& stage : stages) CHECK(stage.ask("ask").empty());
  CHECK(eventually([&] { return office.actors.system.registry().running() == before.actors - 1; }));
  CHECK(eventually([&] { return Holdings{office.actors.system}.threads <= before.threads; }));
  CHECK(eventually([&] {
    return office.record.count<messages::event::SandboxEnded>(
               [](const auto& e) { return e.reason == "the supervisor stops"; }) == 3;
  }));
}

TEST_CASE("supervisor: what comes while it stops is refused") {
  constexpr int attempts_max = 20;
  for (int attempt = 0; attempt < attempts_max; ++attempt) {
    Office office;
    std::array<Stage, 2> stages;
    REQUIRE(office.create(stages[0], {"true"}).refusal.empty());
    office.stopped = true;
    caf::anon_send(office.supervisor, messages::StopSupervisor{});
    auto late = std::make_shared<messages::SandboxOrder>(order_of(stages[1]));
    std::string refusal;
    office.self
        ->request(office.supervisor, std::chrono::seconds{60}, messages::CreateSandbox{std::move(late)})
        .receive([&](const messages::SandboxCreated& answer) { refusal = answer.refusal; },
                 [](const caf::error&) {});
    office.self->wait_for(
        office.supervisor);         // and with it the sandboxes' threads, which write to the record
    if (refusal.empty()) continue;  // this thread was held up, and the supervisor has stopped already
    CHECK(refusal == "the supervisor is stopping");
    return;
  }
  FAIL("the supervisor always stopped before it could be asked");
}

}  // namespace proctor::tests
