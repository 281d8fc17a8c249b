#include <chrono>
#include <string>
#include <vector>

#include "config/load_helpers.hpp"

namespace proctor::config {

using testing::accepted;
using testing::refused;
using namespace std::chrono_literals;
using Messages = std::vector<std::string>;

namespace {

const std::string timeout_expected = "; expected a duration from 100ms to 5min (units: ns us ms s min h)";

std::string timeout_message(const std::string& what) {
  return "f:2: sandbox.verdict-timeout: " + what + timeout_expected;
}

/// The only message about a [sandbox] verdict-timeout.
std::string about_timeout(const std::string& value) {
  const Messages messages = refused("[sandbox]\nverdict-timeout = " + value + "\n");
  INFO(value);
  REQUIRE(messages.size() == 1);
  return messages.front();
}

std::string only_message(const std::string& text) {
  const Messages messages = refused(text);
  for (const auto& message : messages) UNSCOPED_INFO(message);
  REQUIRE(messages.size() == 1);
  return messages.front();
}

}  // namespace

TEST_CASE("file: every option is read") {
  const DaemonConfig config = accepted(
      "; a comment\n"
      "[proctord] ; another\n"
      "socket = \"/run/x y.sock\"\n"
      "sandboxes-max=3\n"
      "\n"
      "\t[ sandbox ]\n"
      "  verdict-timeout = 1500ms ; and another\n"
      "processes-max = 4\npending-max = 5\naccept-degraded = true\n"
      "[introspection]\nfile = \"/var/log/a\\\"b;c\"\nlevel = 'all'\nsample-interval = 2min\n"
      "rotate-bytes = 65536\nrotate-files = 6\n"
      "[scheduler]\npolicy = 'sharing'\nmax-threads = 8");
  CHECK(config.proctord.socket == "/run/x y.sock");
  CHECK(config.proctord.sandboxes_max == 3);
  CHECK(config.sandbox.verdict_timeout == 1500ms);
  CHECK(config.sandbox.processes_max == 4);
  CHECK(config.sandbox.pending_max == 5);
  CHECK(config.sandbox.accept_degraded);
  CHECK(config.introspection.file == "/var/log/a\"b;c");
  CHECK(config.introspection.level == policy::RecordLevel::all);
  CHECK(config.introspection.sample_interval == 2min);
  CHECK(config.introspection.rotate_bytes == 65536);
  CHECK(config.introspection.rotate_files == 6);
  CHECK(config.scheduler.max_threads == 8);
}

TEST_CASE("file: what it does not say stays at its default") {
  DaemonConfig expected;
  expected.proctord.socket = "/run/t.sock";
  CHECK(accepted("; nothing\n") == expected);
  CHECK(accepted("\n") == expected);
  CHECK(accepted("[sandbox]\n") == expected);
}

TEST_CASE("file: a section may come twice, a key may not") {
  CHECK(accepted("[sandbox]\nprocesses-max = 7\n[proctord]\n[sandbox]\npending-max = 8\n")
            .sandbox.pending_max == 8);
  CHECK(refused("[sandbox]\nprocesses-max = 7\n\n[proctord]\n[sandbox]\nprocesses-max = 7\n") ==
        Messages{"f:6: sandbox.processes-max is set a second time; expected it only once (line 2)"});
  CHECK(refused("[sandbox]\nprocesses-max = x\nprocesses-max = 7\n").size() == 2);
}

TEST_CASE("durations: each mistake is named, with what was meant") {
  CHECK(about_timeout("10m") == timeout_message("`10m` is not a duration: m is no unit, write 10min"));
  CHECK(about_timeout("10 min") == timeout_message("`10 min` is not a duration: write 10min"));
  CHECK(about_timeout("5sec") == timeout_message("`5sec` is not a duration: write 5s"));
  CHECK(about_timeout("5") == timeout_message("`5` is not a duration: a unit is missing: 5s or 5ms"));
  CHECK(about_timeout("\"5s\"") == timeout_message("`\"5s\"` is quoted"));
  CHECK(about_timeout("'5s'") == timeout_message("`'5s'` is quoted"));
  CHECK(about_timeout("-5s") == timeout_message("`-5s` is negative"));
  CHECK(about_timeout("+5s") == timeout_message("`+5s` has a sign"));
  CHECK(about_timeout("05s") ==
        timeout_message("`05s` begins with a zero, which CAF reads as an octal number"));
  CHECK(about_timeout("0x5s") == timeout_message("`0x5s` is not a duration"));
  CHECK(about_timeout("1.5s") == timeout_message("`1.5s` is not a duration"));
  CHECK(about_timeout("true") == timeout_message("`true` is not a duration"));
  CHECK(about_timeout("[5s]") == timeout_message("`[5s]` is a list, a map or a <uri>"));
  CHECK(about_timeout("{a = 5s}") == timeout_message("`{a = 5s}` is a list, a map or a <uri>"));
  CHECK(about_timeout("<http://5s>") == timeout_message("`<http://5s>` is a list, a map or a <uri>"));
  CHECK(about_timeout("5s 6s") == timeout_message("`5s 6s` is not a duration"));
  CHECK(about_timeout("5s, ; c") == timeout_message("`5s,` is not a duration"));
  CHECK(about_timeout("") == timeout_message("the value is missing"));
  CHECK(about_timeout("; 5s") == timeout_message("the value is missing"));
}

TEST_CASE("durations: range and overflow") {
  CHECK(accepted("[sandbox]\nverdict-timeout = 100ms").sandbox.verdict_timeout == 100ms);
  CHECK(accepted("[sandbox]\nverdict-timeout = 300000000us").sandbox.verdict_timeout == 5min);
  CHECK(about_timeout("99ms") == timeout_message("`99ms` is out of range"));
  CHECK(about_timeout("0s") == timeout_message("`0s` is out of range"));
  CHECK(about_timeout("300001ms") == timeout_message("`300001ms` is out of range"));
  CHECK(about_timeout("100000001ns") == timeout_message("`100000001ns` is not in whole milliseconds"));
  // CAF multiplies without looking: 64 bits of nanoseconds make this many hours 176512 ms, which is in range.
  CHECK(about_timeout("160127986751h") == timeout_message("`160127986751h` is out of range"));
  CHECK(about_timeout("9223372036854775807min") ==
        timeout_message("`9223372036854775807min` is out of range"));
  CHECK(about_timeout("99999999999999999999s") == timeout_message("`99999999999999999999s` is out of range"));
  CHECK(accepted("[introspection]\nsample-interval = 0s").introspection.sample_interval == 0s);
  CHECK(accepted("[introspection]\nsample-interval = 1s").introspection.sample_interval == 1s);
  CHECK(refused("[introspection]\nsample-interval = 999ms").size() == 1);
}

TEST_CASE("numbers: each mistake is named") {
  const auto about = [](const std::string& value) {
    return only_message("[proctord]\nsandboxes-max = " + value);
  };
  const std::string start = "f:2: proctord.sandboxes-max: ";
  const std::string end = "; expected a whole number of sandboxes from 1 to 32768";
  CHECK(about("0") == start + "`0` is out of range" + end);
  CHECK(about("32769") == start + "`32769` is out of range" + end);
  CHECK(about("-1") == start + "`-1` is negative" + end);
  CHECK(about("0100") == start + "`0100` begins with a zero, which CAF reads as an octal number" + end);
  CHECK(about("0x10") == start + "`0x10` is not a whole number" + end);
  CHECK(about("1e3") == start + "`1e3` is not a whole number" + end);
  CHECK(about("1.5e-2147483648") == start + "`1.5e-2147483648` is not a whole number" + end);
  CHECK(about("99999999999999999999") == start + "`99999999999999999999` is out of range" + end);
  CHECK(about("5s") == start + "`5s` is not a whole number" + end);
  CHECK(about("\"10\"") == start + "`\"10\"` is quoted" + end);
  CHECK(about("10 20") == start + "`10 20` is not a whole number" + end);
  CHECK(about("10 sandboxes-max = 20") == start + "`10 sandboxes-max = 20` is not a whole number" + end);
}

TEST_CASE("sizes: a unit is answered with the number of bytes") {
  const auto about = [](const std::string& value) {
    return only_message("[introspection]\nrotate-bytes = " + value);
  };
  const std::string start = "f:2: introspection.rotate-bytes: ";
  const std::string end = "; expected a whole number of bytes from 65536 to 1099511627776";
  CHECK(about("64MiB") == start + "`64MiB` is not a whole number: write 67108864" + end);
  CHECK(about("64M") == start + "`64M` is not a whole number: write 67108864" + end);
  CHECK(about("64 MB") == start + "`64 MB` is not a whole number: write 64000000" + end);
  CHECK(about("128k") == start + "`128k` is not a whole number: write 131072" + end);
  CHECK(about("99999999999999999T") == start + "`99999999999999999T` is not a whole number" + end);
}

TEST_CASE("strings: quotes, escapes and ends") {
  const auto about = [](const std::string& value) { return only_message("[proctord]\nsocket = " + value); };
  const std::string end = "; expected an absolute path of at most 107 bytes, in double quotes";
  const std::string open =
      ": it is not closed, or has an escape other than \\\\ \\\" \\n \\r \\t, or something follows it";
  CHECK(about("/run/x") == "f:2: proctord.socket: `/run/x` is not a string in double quotes" + end);
  CHECK(about("'x'") == "f:2: proctord.socket: `'x'` is not a string in double quotes" + end);
  CHECK(about("\"x\"") == "f:2: proctord.socket: `x` cannot be used" + end);
  CHECK(about("\"\"") == "f:2: proctord.socket: `` cannot be used" + end);
  CHECK(about("\"/run/x") == "f:2: proctord.socket: `\"/run/x` is not a string" + open + end);
  CHECK(about("\"/run/\\x\"") == "f:2: proctord.socket: `\"/run/\\x\"` is not a string" + open + end);
  CHECK(about("\"/run/x\" \"y\"") == "f:2: proctord.socket: `\"/run/x\" \"y\"` is not a string" + open + end);
  CHECK(about("\"/run/\\nx\"") == "f:2: proctord.socket: `/run/?x` cannot be used" + end);
  CHECK(accepted("[proctord]\nsocket = \"/run/\\\\x\"").proctord.socket == "/run/\\x");
  CHECK(accepted("[introspection]\nfile = \"\"").introspection.file.empty());
  CHECK(accepted("[introspection]\nfile = \"none\"").introspection.file == "none");
  CHECK(refused("[introspection]\nfile = \"None\"").size() == 1);
}

TEST_CASE("choices: a word in single quotes, and one of those there are") {
  const auto about = [](const std::string& value) {
    return only_message("[introspection]\nlevel = " + value);
  };
  const std::string end = "; expected one of 'off', 'lifecycle', 'verdicts', 'all'";
  CHECK(about("\"all\"") == "f:2: introspection.level: `\"all\"` is not a word in single quotes" + end);
  CHECK(about("all") == "f:2: introspection.level: `all` is not a word in single quotes" + end);
  CHECK(about("'everything'") == "f:2: introspection.level: `everything` is not one of the choices" + end);
  CHECK(about("'All'") == "f:2: introspection.level: `All` is not one of the choices" + end);
  CHECK(about("'much too long for an atom'") ==
        "f:2: introspection.level: `'much too long for an atom'` is not a word in single quotes" + end);
  CHECK(refused("[scheduler]\npolicy = 'stealing'") ==
        Messages{"f:2: scheduler.policy: `stealing` is not one of the choices; expected 'sharing'"});
}

TEST_CASE("choices: blanks inside the quotes are not trimmed away") {
  for (const char* value : {"' all'", "'all '", "'  all'"}) {
    INFO(value);
    CHECK(refused(std::string("[introspection]\nlevel = ") + value).size() == 1);
  }
}

TEST_CASE("true or false: no other spelling") {
  for (const char* value :
       {"yes", "1", "True", "TRUE", "\"true\"", "'true'", "truefalse", "true false", "t", "tru"}) {
    INFO(value);
    CHECK(refused(std::string("[sandbox]\naccept-degraded = ") + value).size() == 1);
  }
}

TEST_CASE("unknown: sections and keys, with what was probably meant") {
  CHECK(refused("[sandbx]\nverdict-timeout = 1s\nx = 2\n") ==
        Messages{"f:1: there is no section `sandbx`; expected sandbox (did you mean that?)"});
  CHECK(
      refused("[logger]\nverbosity = 'trace'\n") ==
      Messages{
          "f:1: there is no section `logger`; expected one of: proctord, sandbox, introspection, scheduler"});
  CHECK(refused("[sandbox.limits]\nx = 1\n") ==
        Messages{"f:1: there is no section `sandbox.limits`; expected one of: "
                 "proctord, sandbox, introspection, scheduler"});
  CHECK(refused("[sandbox]\nverdict_timeout = 1s\n") ==
        Messages{
            "f:2: there is no option `verdict_timeout` in [sandbox]; expected verdict-timeout (did you mean "
            "that?)"});
  CHECK(refused("[proctord]\nverdict-timeout = 1s\n") ==
        Messages{"f:2: there is no option `verdict-timeout` in [proctord]; expected it below [sandbox]"});
  CHECK(refused("[proctord]\nprograms = [ { name = \"x\" } ]\n") ==
        Messages{"f:2: there is no option `programs` in [proctord]; expected one of: socket, sandboxes-max"});
  CHECK(refused("verdict-timeout = 1s\n") ==
        Messages{"f:1: `verdict-timeout` stands above the first [section]; expected it below [sandbox]"});
  CHECK(refused("[global]\nverdict-timeout = 1s\n").size() == 1);
}

TEST_CASE("sections in braces, which CAF takes unchecked, are refused") {
  CHECK(
      refused("sandbox {\nverdict-timeout = 1s\n}\n") ==
      Messages{
          "f:1: `sandbox` stands above the first [section]; expected [sandbox] on a line of its own, without "
          "braces"});
  CHECK(refused("[sandbox]\nverdict-timeout { x = 1 }\n").size() == 1);
}

TEST_CASE("lines: what CAF would read as something else is refused") {
  CHECK(
      refused("[sandbox] verdict-timeout = 1s\n") ==
      Messages{
          "f:1: `verdict-timeout` stands on the line of its [section]; expected a line of its own for each"});
  CHECK(refused("[proctord] [sandbox]\nverdict-timeout = 1s\n").front() ==
        "f:1: cannot read the section header `[proctord] [sandbox]`; expected [section] alone on its line");
  CHECK(refused("[sandbox]\nverdict-timeout = 1s [proctord]\n").size() == 1);
  CHECK(refused("[sandbox\nverdict-timeout = 1s\n").front() ==
        "f:1: cannot read the section header `[sandbox`; expected [section] alone on its line");
  CHECK(refused("[]\n").size() == 1);
  CHECK(refused("[sand box]\n").size() == 1);
  CHECK(refused("[sandbox]]\n").size() == 1);
  CHECK(refused("[sandbox]\nverdict-timeout\n").size() == 1);
  CHECK(refused("[sandbox]\nverdict-timeout: 1s\n").size() == 1);
  CHECK(refused("[sandbox]\nsandbox.verdict-timeout = 1s\n").size() == 1);
  CHECK(refused("[sandbox]\nverdict-timeout =\n1s\n").size() == 2);
  CHECK(refused("# comment\n") ==
        Messages{"f:1: cannot read `# comment`; expected a comment to begin with ;"});
  CHECK(refused("[sandbox]\nverdict-timeout = 1s # comment\n").size() == 1);
}

TEST_CASE("lists and maps: one that is not closed is an error, with the line that opened it") {
  CHECK(refused("[sandbox]\nverdict-timeout = [1s, 2s\n\n") ==
        Messages{
            "f:2: the list or map of `verdict-timeout` is not closed; expected one value on the key's line"});
  CHECK(refused("[sandbox]\nverdict-timeout = {\na = 1\n") ==
        Messages{
            "f:2: the list or map of `verdict-timeout` is not closed; expected one value on the key's line"});
  CHECK(
      refused("[sandbox]\nverdict-timeout = [1s,\n[proctord]\nsandboxes-max = 0\n") ==
      Messages{
          "f:2: the list or map of `verdict-timeout` cannot be read beyond line 3; expected one value on the "
          "key's line",
          "f:4: proctord.sandboxes-max: `0` is out of range; expected a whole number of sandboxes from 1 to "
          "32768"});
  CHECK(refused("[sandbox]\nverdict-timeout = [\n1s\n]\n").size() == 1);
  CHECK(refused("[sandbox]\nverdict-timeout = \"a\n").size() == 1);
}

TEST_CASE("nesting: as deep as a file can make it, it is an error and no stack overflow") {
  for (const std::string& opener : {std::string("["), std::string("{a="), std::string("[{a=")}) {
    std::string text = "[sandbox]\nx = ";
    while (text.size() + opener.size() < file_bytes_max) text += opener;
    CHECK(refused(text) ==
          Messages{"f:2: the list or map of `x` is nested too deeply; expected one value on the key's "
                   "line"});
  }
  std::string sections = "[a";
  while (sections.size() < file_bytes_max - 2) sections += ".a";
  CHECK(refused(sections + "]").size() == 1);
}

TEST_CASE("all issues are reported, by line, the command line last") {
  const Messages messages = refused(
      "[proctord]\n"
      "sandboxes-max = 0\n"
      "what is this\n"
      "socket = \"/a\n"
      "[sandbx]\n"
      "[sandbox]\n"
      "verdict-timeout = 10m\n"
      "typo = 3\n"
      "pending-max = [1,\n"
      "[scheduler]\n"
      "max-threads = 65\n",
      {{"sandbox.verdict-timeout", "7"}, {"no.such", "1"}});
  REQUIRE(messages.size() == 10);
  const std::vector<std::string> starts{
      "f:2: ",         "f:3: ",  "f:4: ",
      "f:5: ",         "f:7: ",  "f:8: ",
      "f:9: ",         "f:11: ", "command line: --sandbox.verdict-timeout: ",
      "command line: "};
  for (std::size_t i = 0; i < starts.size(); ++i) {
    INFO(messages[i]);
    CHECK(messages[i].starts_with(starts[i]));
  }
}

TEST_CASE("a file of nothing but errors ends after a bounded number of them") {
  std::string text;
  while (text.size() < file_bytes_max - 8) text += "?\n";
  CHECK(refused(text).size() == 100);
}

TEST_CASE("text: NUL, carriage returns, other encodings, empty and huge files") {
  CHECK(refused("") ==
        Messages{"f: the file is empty; expected at least a comment: an empty file is a lost one"});
  CHECK(refused(std::string(file_bytes_max, '\n')).empty());
  CHECK(refused(std::string(file_bytes_max + 1, '\n')) ==
        Messages{"f: the file is larger than 1 MiB; expected a configuration file"});
  CHECK(refused(std::string("[sandbox]\n\0pending-max = 5\n", 27)) ==
        Messages{"f:2: there is a NUL byte; expected text"});
  CHECK(refused("[sandbox]\r\npending-max = 5\r\n") ==
        Messages{"f:1: there is a carriage return (the line ends of Windows); expected lines that end in \\n "
                 "alone"});
  CHECK(refused("\xEF\xBB\xBF[sandbox]\n") ==
        Messages{"f:1: there is a byte order mark; expected UTF-8 without one"});
  for (const char* bad : {"\xFF", "\xC0\xAF", "\xE0\x80\xAF", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\xC3",
                          "\x80", "\xF0\x80\x80\xAF", "\xC1\xBF", "\xE2\x82"}) {
    CHECK(refused(std::string("; a\n; ") + bad + "\n") ==
          Messages{"f:2: there is a byte that is not UTF-8; expected UTF-8"});
  }
  CHECK(accepted("; \xC3\xA4 \xE2\x82\xAC \xF0\x9F\x90\xA7\n[introspection]\nfile = \"/var/\xC3\xA4\"")
            .introspection.file == "/var/\xC3\xA4");
}

TEST_CASE("command line: counts more than the file, and is judged by the same rules") {
  const auto text = "[proctord]\nsocket = \"/a\"\n[sandbox]\nverdict-timeout = 1s\n";
  const std::vector<Override> good{{"sandbox.verdict-timeout", "2s"}, {"introspection.level", "off"}};
  const Loaded loaded = load_text(text, "f", good);
  REQUIRE(std::holds_alternative<DaemonConfig>(loaded));
  CHECK(std::get<0>(loaded).sandbox.verdict_timeout == 2s);
  CHECK(std::get<0>(loaded).introspection.level == policy::RecordLevel::off);
  CHECK(std::get<0>(loaded).proctord.socket == "/a");
  CHECK(
      refused(text, {{"sandbox.verdict-timeout", "10m"}}) ==
      Messages{"command line: --sandbox.verdict-timeout: `10m` is not a duration: m is no unit, write 10min; "
               "expected a duration from 100ms to 5min (units: ns us ms s min h)"});
  CHECK(
      refused(text, {{"introspection.level", "'all'"}}) ==
      Messages{"command line: --introspection.level: `'all'` is not one of the choices; expected one of off, "
               "lifecycle, verdicts, all"});
  CHECK(refused(text, {{"proctord.socket", "/a"}, {"proctord.socket", "/b"}}) ==
        Messages{"command line: --proctord.socket is given a second time; expected it only once"});
  CHECK(refused(text, {{"socket", "/a"}}) == Messages{"command line: there is no option --socket"});
}

TEST_CASE("command line: does not mend a mistake in the file") {
  CHECK(refused("[sandbox]\nverdict-timeout = 10m\n", {{"sandbox.verdict-timeout", "1s"}}).size() == 1);
}

TEST_CASE("reload: changes what may change, names what needs a restart") {
  DaemonConfig running;
  running.proctord.socket = "/a";
  DaemonConfig loaded = running;
  CHECK(reload(running, loaded).config == running);
  CHECK(reload(running, loaded).changed.empty());
  loaded.proctord.socket = "/b";
  loaded.scheduler.max_threads = 2;
  loaded.sandbox.verdict_timeout = 7s;
  loaded.introspection.level = policy::RecordLevel::off;
  loaded.introspection.sample_interval = 9s;
  const Reload result = reload(running, loaded);
  DaemonConfig expected = running;
  expected.sandbox.verdict_timeout = 7s;
  expected.introspection.level = policy::RecordLevel::off;
  expected.introspection.sample_interval = 9s;
  CHECK(result.config == expected);
  CHECK(result.changed ==
        Messages{"sandbox.verdict-timeout", "introspection.level", "introspection.sample-interval"});
  CHECK(result.needs_restart == Messages{"proctord.socket", "scheduler.max-threads"});
}

}  // namespace proctor::config
