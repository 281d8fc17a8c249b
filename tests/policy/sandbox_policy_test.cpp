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

TEST_CASE("policy: a key that is left out keeps its default") {
  const auto parsed = sandbox_policy_from_json(R"({"name":"a"})");
  REQUIRE(parsed);
  CHECK(parsed->name == "a");
  CHECK(parsed->verdict_timeout == SandboxPolicy{}.verdict_timeout);
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

TEST_CASE("policy: a name that is no UTF-8 does not break the writer, and the reader refuses it") {
  SandboxPolicy policy;
  policy.name = "a\xff";
  CHECK_THAT(refusal(to_json(policy)), Contains("must not contain"));
}

}  // namespace proctor::policy
