#include <string>
#include <vector>

#include "launch/embedded_session.hpp"
#include "launch/front_channel.hpp"
#include "launch/session_protocol.hpp"
#include "launch/target.hpp"
#include "support/catch.hpp"

using namespace proctor;
using namespace proctor::launch;

namespace {

AttachRequest an_attach() {
  AttachRequest attach;
  attach.policy.name = "make-1";
  attach.policy.when_command_ends = policy::WhenCommandEnds::linger;
  attach.policy.verdict_timeout = std::chrono::milliseconds(1234);
  attach.command = {"make", "-j8", "two words"};
  attach.target = 4711;
  attach.init = 4710;
  attach.landlocked = true;
  attach.signals_scoped = true;
  attach.ungranted_directories = {"/"};
  attach.degraded = {"no Landlock"};
  return attach;
}

/// `text` with the first `from` replaced.
std::string with(std::string text, const std::string& from, const std::string& to) {
  const auto at = text.find(from);
  REQUIRE(at != std::string::npos);
  return text.replace(at, from.size(), to);
}

}  // namespace

TEST_CASE("session protocol: every request survives the round trip") {
  const auto attach = parse_request(to_json(Request(an_attach())));
  REQUIRE(attach);
  const auto* read = std::get_if<AttachRequest>(&*attach);
  REQUIRE(read != nullptr);
  CHECK(read->policy == an_attach().policy);
  CHECK(read->command == an_attach().command);
  CHECK(read->target == 4711);
  CHECK(read->init == 4710);
  CHECK(read->landlocked);
  CHECK(read->signals_scoped);
  CHECK(read->ungranted_directories == an_attach().ungranted_directories);
  CHECK(read->degraded == an_attach().degraded);

  const auto ended = parse_request(to_json(Request(CommandEnded{256})));
  REQUIRE(ended);
  CHECK(std::get<CommandEnded>(*ended).status == 256);
  const auto over = parse_request(to_json(Request(SessionEnded{})));
  REQUIRE(over);
  CHECK(std::holds_alternative<SessionEnded>(*over));
  const auto list = parse_request(to_json(Request(ListRequest{})));
  REQUIRE(list);
  CHECK(std::holds_alternative<ListRequest>(*list));
  const auto inspect = parse_request(to_json(Request(InspectRequest{"make-1"})));
  REQUIRE(inspect);
  CHECK(std::get<InspectRequest>(*inspect).name == "make-1");
}

TEST_CASE("session protocol: every reply survives the round trip") {
  const auto armed = parse_reply(to_json(Reply(Armed{"make-1"})));
  REQUIRE(armed);
  CHECK(std::get<Armed>(*armed).name == "make-1");
  const auto refused = parse_reply(to_json(Reply(Refused{"no \"room\"\nleft"})));
  REQUIRE(refused);
  CHECK(std::get<Refused>(*refused).reason == "no \"room\"\nleft");
  const auto ended = parse_reply(to_json(Reply(Ended{})));
  REQUIRE(ended);
  CHECK(std::holds_alternative<Ended>(*ended));
  const auto end = parse_reply(to_json(Reply(EndSession{"stopping"})));
  REQUIRE(end);
  CHECK(std::get<EndSession>(*end).reason == "stopping");
}

TEST_CASE("session protocol: a message is one line whatever the command line holds") {
  auto attach = an_attach();
  attach.command = {"printf", "a\nb", std::string("\xff\xfe\0z", 4)};
  const auto line = to_json(Request(attach));
  CHECK(line.find('\n') == std::string::npos);
  const auto parsed = parse_request(line);
  REQUIRE(parsed);
  CHECK(std::get<AttachRequest>(*parsed).command.at(1) == "a\nb");
}

TEST_CASE("session protocol: what is not exactly a request is refused with a sentence") {
  const auto good = to_json(Request(an_attach()));
  const std::vector<std::string> hostile{
      "",
      "null",
      "[]",
      "{",
      "{}",
      R"({"op":1})",
      R"({"op":"attach"})",
      R"({"op":"destroy"})",
      R"({"op":"list","extra":1})",
      R"({"op":"inspect"})",
      R"({"op":"inspect","name":["a"]})",
      R"({"op":"command-ended","status":"0"})",
      R"({"op":"command-ended","status":-1})",
      R"({"op":"command-ended","status":18446744073709551615})",
      R"({"op":"command-ended","status":1e3})",
      with(good, "\"target\":4711", "\"target\":0"),
      with(good, "\"target\":4711", "\"target\":-4711"),
      with(good, "\"target\":4711", "\"target\":4294967297"),
      with(good, "\"command\":[", "\"command\":[7,"),
      with(good, "\"degraded\":[\"no Landlock\"]", "\"degraded\":{}"),
      with(good, "\"name\":\"make-1\"", "\"name\":\"../x\""),
      with(good, "\"version\":1", "\"version\":2"),
      std::string(100'000, '['),
      "{\"op\":\"inspect\",\"name\":\"\xff\"}",
  };
  for (const auto& line : hostile) {
    INFO(line.substr(0, 100));
    const auto parsed = parse_request(line);
    REQUIRE_FALSE(parsed);
    CHECK(parsed.error().number == EPROTO);
    CHECK(parsed.error().operation.size() > 10);
  }
}

TEST_CASE("session protocol: the refusal names the key") {
  const auto good = to_json(Request(an_attach()));
  CHECK(parse_request(with(good, "\"init\":4710", "\"init\":\"x\"")).error().operation.find("\"init\"") !=
        std::string::npos);
  CHECK(parse_request(with(good, "\"init\":4710", "\"innit\":4710")).error().operation.find("\"init\"") !=
        std::string::npos);
  CHECK(parse_reply(R"({"reply":"armed"})").error().operation.find("\"name\"") != std::string::npos);
  CHECK_FALSE(parse_reply(R"({"reply":"ended","x":1})"));
}

TEST_CASE("embedded session: survives the round trip, and nothing else is taken") {
  const EmbeddedSession session{5, 6, 7, 4711, 8, 9, true, "/var/log/a \"b\".jsonl"};
  const auto line = to_json(session);
  const auto parsed = parse_embedded_session(line);
  REQUIRE(parsed);
  CHECK(*parsed == session);
  for (const auto& wrong :
       {std::string("{}"), std::string("7"), with(line, "\"front_fd\":5", "\"front_fd\":-1"),
        with(line, "\"front_fd\":5", "\"front_fd\":\"5\""), with(line, "\"linger\":true", "\"linger\":1"),
        with(line, "\"front_fd\":5", "\"front_fd\":5,\"more\":1")}) {
    INFO(wrong);
    CHECK_FALSE(parse_embedded_session(wrong));
  }
}

TEST_CASE("front channel: events survive the round trip, and nothing else is taken") {
  for (const auto& event :
       {FrontEvent{FrontEvent::Kind::armed, 0, ""}, FrontEvent{FrontEvent::Kind::started, 0, ""},
        FrontEvent{FrontEvent::Kind::stopped, 20, ""}, FrontEvent{FrontEvent::Kind::continued, 0, ""},
        FrontEvent{FrontEvent::Kind::exited, 256, ""},
        FrontEvent{FrontEvent::Kind::failed, 127, "x: not found"}}) {
    const auto parsed = parse_front_event(to_json(event));
    REQUIRE(parsed);
    CHECK(parsed->kind == event.kind);
    CHECK(parsed->number == event.number);
    CHECK(parsed->message == event.message);
  }
  for (const char* wrong : {"", "{}", "[]", R"({"event":"boom"})", R"({"event":"exited"})",
                            R"({"event":"exited","status":"0"})", R"({"event":"stopped","signal":-1})"}) {
    CHECK_FALSE(parse_front_event(wrong));
  }
}

TEST_CASE("attach: a huge command line is cut off for the record") {
  const auto record = command_for_record({"echo", std::string(100'000, 'x'), "y"});
  CHECK(record == std::vector<std::string>{"echo", "..."});
  CHECK(command_for_record({"a", "b"}) == std::vector<std::string>{"a", "b"});
}
