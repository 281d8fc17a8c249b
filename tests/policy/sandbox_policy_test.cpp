#include "policy/sandbox_policy.hpp"

#include <cerrno>
#include <string>
#include <utility>
#include <vector>

#include "support/catch.hpp"

namespace proctor::policy {
namespace {

using Catch::Matchers::Contains;

/// Parses text that must be refused; the sentence.
std::string refusal(std::string_view text) {
  const auto parsed = sandbox_policy_from_json(text);
  if (parsed) FAIL("was taken: " << text);
  CHECK(parsed.error().number == EINVAL);
  return parsed.error().operation;
}

}  // namespace

TEST_CASE("policy: what to_json writes, sandbox_policy_from_json reads") {
  SandboxPolicy policy;
  policy.name = "make-4711";
  policy.when_command_ends = WhenCommandEnds::linger;
  policy.accept_degraded = true;
  policy.verdict_timeout = std::chrono::milliseconds{250};
  const std::string text = to_json(policy);
  CHECK(
      text ==
      R"({"accept_degraded":true,"name":"make-4711","verdict_timeout_ms":250,"when_command_ends":"linger"})");
  const auto parsed = sandbox_policy_from_json(text);
  REQUIRE(parsed);
  CHECK(*parsed == policy);

  const auto defaults = sandbox_policy_from_json(to_json(SandboxPolicy{}));
  REQUIRE(defaults);
  CHECK(*defaults == SandboxPolicy{});
}

TEST_CASE("policy: limits travel, and what is not limited is left out") {
  SandboxPolicy policy;
  policy.limits = {536870912, 2, 64, "box"};
  const std::string text = to_json(policy);
  CHECK_THAT(
      text,
      Contains(R"("limits":{"cpus":2,"hostname":"box","memory_bytes":536870912,"processes":64},"name")"));
  const auto parsed = sandbox_policy_from_json(text);
  REQUIRE(parsed);
  CHECK(*parsed == policy);

  policy.limits = {};
  policy.limits.cpus = 1;
  CHECK_THAT(to_json(policy), Contains(R"("limits":{"cpus":1},)"));
  const auto one = sandbox_policy_from_json(to_json(policy));
  REQUIRE(one);
  CHECK(*one == policy);

  CHECK_THAT(to_json(SandboxPolicy{}), !Contains("limits"));
  const auto none = sandbox_policy_from_json(R"({"limits":{}})");
  REQUIRE(none);
  CHECK(*none == SandboxPolicy{});
}

TEST_CASE("policy: the bounds of the limits belong to the range") {
  for (const char* limits : {R"("memory_bytes":1048576)", R"("memory_bytes":1125899906842624)", R"("cpus":1)",
                             R"("cpus":8192)", R"("processes":1)", R"("processes":4194304)"}) {
    INFO(limits);
    CHECK(sandbox_policy_from_json(R"({"limits":{)" + std::string(limits) + "}}"));
  }
}

TEST_CASE("policy: limits that are none are refused with a sentence that names what is wrong") {
  const std::vector<std::pair<std::string, std::string>> cases{
      {"null", "limits must be an object, not null"},
      {"[]", "limits must be an object, not array"},
      {"512", "limits must be an object, not number"},
      {R"({"memory":1})",
       "unknown key \"limits.memory\"; known are memory_bytes, cpus, processes and hostname"},
      {R"({"limits":{}})", "unknown key \"limits.limits\""},
      {R"({"cpus":1,"cpus":2})", "key \"cpus\" is there twice"},
      {R"({"cpus":1},"limits":{"cpus":1})", "key \"limits\" is there twice"},
      {R"({"memory_bytes":"512M"})", "limits.memory_bytes must be a whole number, not string"},
      {R"({"memory_bytes":null})", "limits.memory_bytes must be a whole number, not null"},
      {R"({"memory_bytes":2e6})", "limits.memory_bytes must be a whole number"},
      {R"({"memory_bytes":1048575})",
       "limits.memory_bytes must be between 1048576 and 1125899906842624, not 1048575"},
      {R"({"memory_bytes":1125899906842625})", "must be between 1048576 and 1125899906842624"},
      {R"({"memory_bytes":18446744073709551615})", "must be between 1048576 and 1125899906842624"},
      {R"({"memory_bytes":18446744073709551616})", "limits.memory_bytes must be a whole number"},
      {R"({"cpus":0})", "limits.cpus must be between 1 and 8192, not 0"},
      {R"({"cpus":-1})", "limits.cpus must be between 1 and 8192, not -1"},
      {R"({"cpus":8193})", "limits.cpus must be between 1 and 8192, not 8193"},
      {R"({"cpus":4294967297})", "limits.cpus must be between 1 and 8192, not 4294967297"},
      {R"({"cpus":1.5})", "limits.cpus must be a whole number"},
      {R"({"cpus":true})", "limits.cpus must be a whole number, not boolean"},
      {R"({"processes":0})", "limits.processes must be between 1 and 4194304, not 0"},
      {R"({"processes":4194305})", "limits.processes must be between 1 and 4194304, not 4194305"},
      {R"({"processes":-9223372036854775808})", "limits.processes must be between 1 and 4194304"},
      {R"({"processes":[1]})", "limits.processes must be a whole number, not array"},
      {R"({"hostname":7})", "limits.hostname must be a string, not number"},
      {R"({"hostname":""})", "limits.hostname: a hostname must not be empty"},
      {R"({"hostname":"a b"})", "limits.hostname: the hostname \"a b\" must not contain \" \""},
  };
  for (const auto& [limits, words] : cases) {
    INFO(limits);
    CHECK_THAT(refusal(R"({"limits":)" + limits + "}"), Contains(words));
  }
}

TEST_CASE("policy: a key may be in two objects") {
  CHECK_THAT(refusal(R"({"name":{"cpus":1},"limits":{"cpus":1}})"), Contains("name must be a string"));
  CHECK_THAT(refusal(R"({"limits":{"cpus":1,"x":{"cpus":1}}})"), Contains("\"limits.x\""));
}

TEST_CASE("policy: a key that is left out keeps its default") {
  const auto parsed = sandbox_policy_from_json(R"({"name":"a"})");
  REQUIRE(parsed);
  CHECK(parsed->name == "a");
  CHECK_FALSE(parsed->verdict_timeout);
  CHECK_FALSE(parsed->accept_degraded);
}

TEST_CASE("policy: text that is not a policy is refused with a sentence that names what is wrong") {
  const std::vector<std::pair<std::string, std::string>> cases{
      {"", "not valid JSON"},
      {"{", "not valid JSON"},
      {R"({"name":"a"} x)", "not valid JSON"},
      {"{\"name\":\"\xff\"}", "not valid JSON"},
      {std::string(100'000, '['), "not valid JSON"},
      {"[]", "must be an object, not array"},
      {"null", "must be an object, not null"},
      {R"({"nmae":"a"})", "unknown key \"nmae\""},
      {R"({"a\nb":1})", "unknown key \"a?b\""},
      {R"({"name":"a","name":"b"})", "key \"name\" is there twice"},
      {R"({"name":1})", "name must be a string, not number"},
      {R"({"name":null})", "name must be a string, not null"},
      {R"({"name":"Make"})", "must begin with a to z or 0 to 9"},
      {R"({"when_command_ends":"never"})", "must be \"end-tree\" or \"linger\", not \"never\""},
      {R"({"when_command_ends":0})", "when_command_ends must be"},
      {R"({"accept_degraded":1})", "accept_degraded must be true or false, not number"},
      {R"({"accept_degraded":"true"})", "accept_degraded must be true or false, not string"},
      {R"({"verdict_timeout_ms":"5000"})", "verdict_timeout_ms must be a whole number"},
      {R"({"verdict_timeout_ms":5000.0})", "verdict_timeout_ms must be a whole number"},
      {R"({"verdict_timeout_ms":9})", "must be between 10 and 600000, not 9"},
      {R"({"verdict_timeout_ms":-5000})", "must be between 10 and 600000, not -5000"},
      {R"({"verdict_timeout_ms":600001})", "must be between 10 and 600000"},
      // 2^64 - 1 and 2^63 + 5000: would be -1, or in range, after a careless conversion.
      {R"({"verdict_timeout_ms":18446744073709551615})", "must be between 10 and 600000"},
      {R"({"verdict_timeout_ms":9223372036854780808})", "must be between 10 and 600000"},
      {R"({"verdict_timeout_ms":18446744073709551616})", "must be a whole number"},
  };
  for (const auto& [text, words] : cases) {
    INFO(text.substr(0, 200));
    CHECK_THAT(refusal(text), Contains(words));
  }
}

TEST_CASE("policy: the bounds of the verdict timeout belong to the range") {
  CHECK(sandbox_policy_from_json(R"({"verdict_timeout_ms":10})"));
  CHECK(sandbox_policy_from_json(R"({"verdict_timeout_ms":600000})"));
}

TEST_CASE("policy: names") {
  for (const std::string& name : {std::string("a"), std::string("0"), std::string("make-4711"),
                                  std::string("a.b_c-d"), std::string(63, 'x')}) {
    INFO(name);
    CHECK(validate_name(name));
  }
  const std::vector<std::pair<std::string, std::string>> cases{
      {"", "must not be empty"},
      {std::string(64, 'x'), "64 bytes"},
      {"-a", "must begin with"},
      {".", "must begin with"},
      {"..", "must begin with"},
      {"Abc", "must begin with"},
      {"a/b", "must not contain \"/\""},
      {"a b", "must not contain \" \""},
      {std::string("a\0b", 3), "must not contain"},
      {"a\n", "must not contain"},
      {"\xc3\xa4", "must begin with"},
      {"aB", "must not contain \"B\""},
  };
  for (const auto& [name, words] : cases) {
    INFO(name);
    const auto valid = validate_name(name);
    REQUIRE_FALSE(valid);
    CHECK(valid.error().number == EINVAL);
    CHECK_THAT(valid.error().operation, Contains(words));
    for (const char c : valid.error().operation) CHECK((c >= ' ' && c <= '~'));
  }
}

TEST_CASE("policy: hostnames") {
  for (const std::string& hostname : {std::string("a"), std::string("7"), std::string("Build-7.example.org"),
                                      std::string("_a_"), std::string(64, 'x')}) {
    INFO(hostname);
    CHECK(validate_hostname(hostname));
  }
  const std::vector<std::pair<std::string, std::string>> cases{
      {"", "must not be empty"},
      {std::string(65, 'x'), "65 bytes, at most 64"},
      {"-a", "must not begin or end with"},
      {"a-", "must not begin or end with"},
      {".a", "must not begin or end with"},
      {"a.", "must not begin or end with"},
      {".", "must not begin or end with"},
      {"a/b", "must not contain \"/\""},
      {"a b", "must not contain \" \""},
      {"a\n", "must not contain"},
      {std::string("a\0b", 3), "must not contain"},
      {"\xc3\xa4", "must not contain"},
  };
  for (const auto& [hostname, words] : cases) {
    INFO(hostname);
    const auto valid = validate_hostname(hostname);
    REQUIRE_FALSE(valid);
    CHECK(valid.error().number == EINVAL);
    CHECK_THAT(valid.error().operation, Contains(words));
    for (const char c : valid.error().operation) CHECK((c >= ' ' && c <= '~'));
  }
}

TEST_CASE(
    "policy: a name or hostname that is no UTF-8 does not break the writer, and the reader refuses it") {
  SandboxPolicy policy;
  policy.name = "a\xff";
  CHECK_THAT(refusal(to_json(policy)), Contains("must not contain"));
  policy.name = "a";
  policy.limits.hostname = "a\xff";
  CHECK_THAT(refusal(to_json(policy)), Contains("limits.hostname"));
}

}  // namespace proctor::policy
