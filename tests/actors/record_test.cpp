// The record: one JSON object per line as docs/introspection.md has it, and no verdict that waits for it.
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <regex>
#include <set>
#include <sstream>

#include "actors/introspection.hpp"
#include "sandbox_fixture.hpp"
#include "tests/kernel/temporary_directory.hpp"

namespace proctor::tests {
namespace {

using actors::RecordFile;
using actors::RecordLevel;
using nlohmann::json;
namespace event = messages::event;

// -- the document --------------------------------------------------------------------------------------

using FieldTypes = std::map<std::string, std::string>;

/// The tables of docs/introspection.md by their heading: `actor_started`, "Every line".
std::map<std::string, FieldTypes> documented() {
  std::ifstream file(PROCTOR_SOURCE_DIR "/docs/introspection.md");
  std::map<std::string, FieldTypes> tables;
  std::string line, heading;
  const std::regex is_heading("## (?:`([a-z_]+)`|(Every line))"),
      is_row(R"(\| `([a-z_]+)` \| ([a-z?]+) \|.*)");
  while (std::getline(file, line)) {
    std::smatch found;
    if (line.starts_with("## "))
      heading = std::regex_match(line, found, is_heading) ? found[1].str() + found[2].str() : "";
    if (!heading.empty() && std::regex_match(line, found, is_row)) tables[heading][found[1]] = found[2];
  }
  return tables;
}

bool is_of_type(const json& value, const std::string& type) {
  if (type.ends_with('?') && value.is_null()) return true;
  const auto name = type.substr(0, type.find('?'));
  if (name == "string") return value.is_string();
  if (name == "strings")
    return value.is_array() &&
           std::all_of(value.begin(), value.end(), [](const json& one) { return one.is_string(); });
  if (name == "number")
    return value.is_number_unsigned() || (value.is_number_integer() && value.get<std::int64_t>() >= 0);
  if (name == "process")
    return value.is_object() && value.size() == 2 && value.contains("pid") &&
           value["pid"].is_number_integer() && value.contains("start_time") &&
           value["start_time"].is_number_unsigned();
  if (name == "status")
    return value.is_object() && value.size() == 1 && (value.contains("exit") || value.contains("signal")) &&
           value.begin()->is_number_integer();
  return false;
}

/// What is wrong with a line, or "".
std::string fault_of(const std::string& line) {
  static const auto tables = documented();
  const json parsed = json::parse(line, nullptr, false);
  if (!parsed.is_object()) return "no JSON object";
  const auto name = parsed.value("event", "");
  if (!tables.contains(name) || name == "Every line") return "not documented: " + name;
  FieldTypes fields = tables.at("Every line");
  fields.insert(tables.at(name).begin(), tables.at(name).end());
  for (const auto& [field, value] : parsed.items()) {
    if (!fields.contains(field)) return name + " has a field that is not documented: " + field;
    if (!is_of_type(value, fields[field])) return name + "." + field + " is no " + fields[field];
    fields.erase(field);
  }
  return fields.empty() ? "" : name + " lacks " + fields.begin()->first;
}

messages::Event at_noon(messages::AnyEvent what, std::string sandbox = "make-1") {
  // 2026-01-31T12:00:00.000042Z
  return {std::chrono::system_clock::time_point{std::chrono::microseconds{1'769'860'800'000'042}},
          std::move(sandbox), std::move(what)};
}

const index::PidKey some_process{17, 4711};

/// One of each kind, with and without what may be missing.
std::vector<messages::Event> one_of_each() {
  return {at_noon(event::ActorStarted{"process", 7, 3}),
          at_noon(event::ActorStopped{"process", 7, "normal"}),
          at_noon(event::SandboxArmed{{"make", "-j2"}, {"no Landlock"}, 17}),
          at_noon(event::SandboxArmed{}),
          at_noon(event::CommandEnded{0x0300}),
          at_noon(event::CommandEnded{SIGSEGV | 0x80}),
          at_noon(event::SandboxEnded{"its command ended", 3, 12}),
          at_noon(event::ProcessRegistered{some_process, {}, "make"}),
          at_noon(event::ProcessRegistered{{18, 4712}, some_process, "cc1"}),
          at_noon(event::ProcessExec{some_process, "cc1"}),
          at_noon(event::ProcessExited{some_process, {}, "cc1", std::nullopt, 3, 1}),
          at_noon(event::ProcessExited{some_process, {16, 4000}, "cc1", 0, 3, 1}),
          at_noon(event::VerdictGiven{some_process, 19, "openat", "/proc/1/stat", "ENOENT", "foreign"}),
          at_noon(event::IndexPublished{3, 99}),
          at_noon(event::ActorSample{"process", 7, 10, 9, 1, 55, 12}),
          at_noon(event::RecordLost{5}, "")};
}

// -- the writer ---------------------------------------------------------------------------------------

/// The introspection actor over a file.
struct Writer {
  explicit Writer(RecordFile file) {
    target->actor = actors::spawn_introspection(actors.system, std::move(file), target);
    target->level = RecordLevel::all;
  }
  ~Writer() {
    caf::anon_send_exit(target->actor, caf::exit_reason::user_shutdown);
    target->actor = nullptr;
  }
  void write(std::vector<messages::Event> events) {
    target->backlog += events.size();
    caf::anon_send(
        target->actor,
        messages::EventBatch{std::make_shared<const std::vector<messages::Event>>(std::move(events))});
  }
  void write_numbered(std::uint64_t number) { write({at_noon(event::IndexPublished{number, number})}); }
  void reopen() { caf::anon_send(target->actor, messages::ReopenRecord{}); }
  /// Returns when all that was handed in is written.
  void flush() {
    self->request(target->actor, std::chrono::seconds{60}, messages::FlushRecord{})
        .receive([](messages::RecordFlushed) {},
                 [](const caf::error& error) { throw std::runtime_error(caf::to_string(error)); });
  }

  TestSystem actors;
  std::shared_ptr<actors::RecordTarget> target = std::make_shared<actors::RecordTarget>();
  caf::scoped_actor self{actors.system};
};

std::vector<std::string> lines_of(const std::string& path) {
  std::ifstream file(path);
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  return lines;
}

/// What is in a pipe.
std::string read_all(const kernel::UniqueFd& reader) {
  std::string text;
  char buffer[4096];
  for (ssize_t count = 0; (count = ::read(reader.get(), buffer, sizeof buffer)) > 0;)
    text.append(buffer, static_cast<std::size_t>(count));
  return text;
}

/// The numbers of write_numbered() in a file, all lines of which must be as documented.
std::vector<std::uint64_t> numbers_in(const std::string& path) {
  std::vector<std::uint64_t> numbers;
  for (const auto& line : lines_of(path)) {
    CHECK(fault_of(line) == "");
    const auto parsed = json::parse(line, nullptr, false);
    if (parsed.is_object() && parsed.contains("processes"))
      numbers.push_back(parsed["processes"].get<std::uint64_t>());
  }
  return numbers;
}

/// What this process writes to standard error, in its scope.
class CapturedStderr {
 public:
  explicit CapturedStderr(const std::string& path)
      : path_(path), saved_(::fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0)) {
    const kernel::UniqueFd file{::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600)};
    ::dup2(file.get(), STDERR_FILENO);
  }
  ~CapturedStderr() {
    ::dup2(saved_, STDERR_FILENO);
    ::close(saved_);
  }
  [[nodiscard]] std::vector<std::string> lines() const { return lines_of(path_); }

 private:
  std::string path_;
  int saved_;
};

/// At most so many bytes in a file for this process, with EFBIG instead of a signal: a disk that is full.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) {
    ::getrlimit(RLIMIT_FSIZE, &saved_);
    handler_ = ::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{bytes, saved_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileSizeLimit() { lift(); }
  void lift() {
    ::setrlimit(RLIMIT_FSIZE, &saved_);
    ::signal(SIGXFSZ, handler_);
  }

 private:
  rlimit saved_{};
  void (*handler_)(int) = SIG_DFL;
};

}  // namespace

TEST_CASE("record: every kind of event is a line of JSON with exactly the fields that are documented") {
  std::set<std::size_t> kinds;
  std::set<std::string> names;
  for (const auto& one : one_of_each()) {
    const auto line = actors::to_json_line(one);
    CAPTURE(line);
    CHECK(fault_of(line) == "");
    CHECK(line.find('\n') == std::string::npos);
    const auto parsed = json::parse(line);
    CHECK(parsed["time"] == "2026-01-31T12:00:00.000042Z");
    CHECK(parsed["sandbox"] == one.sandbox);
    kinds.insert(one.what.index());
    names.insert(parsed["event"]);
  }
  CHECK(kinds.size() == std::variant_size_v<messages::AnyEvent>);  // no kind was forgotten above
  auto tables = documented();
  CHECK(tables.erase("Every line") == 1);
  for (const auto& [name, fields] : tables) CHECK(names.contains(name));  // nor does the document invent one
}

TEST_CASE("record: how a process ended is told as its parent would see it") {
  const auto status_of = [](messages::AnyEvent what) {
    return json::parse(actors::to_json_line(at_noon(std::move(what))))["status"];
  };
  CHECK(status_of(event::CommandEnded{3 << 8}) == json{{"exit", 3}});
  CHECK(status_of(event::CommandEnded{SIGKILL}) == json{{"signal", SIGKILL}});
  CHECK(status_of(event::CommandEnded{SIGSEGV | 0x80}) == json{{"signal", SIGSEGV}});
  CHECK(status_of(event::ProcessExited{some_process, {}, "x", std::nullopt, 0, 0}).is_null());
}

TEST_CASE("record: whatever bytes a target puts into names and paths, a line stays one line of JSON") {
  std::string every_byte;
  for (int byte = 0; byte < 256; ++byte) every_byte += static_cast<char>(byte);
  for (const std::string& hostile :
       {every_byte, std::string("\xff\xfe\n\"}{\\"), std::string("\xed\xa0\x80"),
        std::string("a\"},{\"event\":\"sandbox_ended\"\n"), std::string(4096, '\xc3')}) {
    for (const auto& one :
         {at_noon(event::SandboxArmed{{hostile, hostile}, {}, 1}),
          at_noon(event::ProcessRegistered{some_process, {}, hostile}),
          at_noon(event::ProcessExec{some_process, hostile}),
          at_noon(event::VerdictGiven{some_process, 1, "openat", hostile, "ENOENT", "foreign"})}) {
      const auto line = actors::to_json_line(one);
      CHECK(fault_of(line) == "");
      CHECK(line.find('\n') == std::string::npos);
    }
  }
}

TEST_CASE("record: a recorder sends what its level wants, and nothing else is even made") {
  TestSystem actors;
  for (const auto& [level, expected] : std::map<RecordLevel, std::size_t>{{RecordLevel::off, 0},
                                                                          {RecordLevel::lifecycle, 1},
                                                                          {RecordLevel::verdicts, 2},
                                                                          {RecordLevel::all, 3}}) {
    const CollectedRecord record{actors.system, level};
    actors::Recorder recorder{record.target, "x"};
    for (const auto of : {RecordLevel::lifecycle, RecordLevel::verdicts, RecordLevel::all}) {
      CHECK(recorder.wants(of) == (level >= of));
      recorder.record(of, event::IndexPublished{});
    }
    recorder.flush();
    CHECK(record.target->backlog == expected);
  }
  actors::Recorder without{nullptr, "x"};
  CHECK_FALSE(without.wants(RecordLevel::lifecycle));
  without.record(RecordLevel::lifecycle, event::IndexPublished{});
  without.flush();
}

TEST_CASE("record: over its bound events are dropped and counted, and the record says so") {
  const TemporaryDirectory directory;
  Writer writer{{directory / "record.jsonl"}};
  actors::Recorder recorder{writer.target, "busy"};
  writer.target->backlog = actors::record_backlog_max - 2;  // a writer that does not get on
  for (std::uint64_t i = 1; i <= 2; ++i) recorder.record(RecordLevel::lifecycle, event::IndexPublished{i, i});
  recorder.flush();
  writer.flush();
  for (std::uint64_t i = 3; i <= 7; ++i) recorder.record(RecordLevel::lifecycle, event::IndexPublished{i, i});
  writer.target->backlog = actors::record_backlog_max;
  recorder.flush();
  CHECK(writer.target->dropped == 5);
  writer.target->backlog = 0;
  recorder.record(RecordLevel::lifecycle, event::IndexPublished{8, 8});
  recorder.flush();
  writer.flush();
  CHECK(numbers_in(directory / "record.jsonl") == std::vector<std::uint64_t>{1, 2, 8});
  const auto lines = lines_of(directory / "record.jsonl");
  REQUIRE(lines.size() == 4);
  const auto lost = json::parse(lines[2]);
  CHECK(lost["event"] == "record_lost");
  CHECK(lost["total"] == 5);
}

TEST_CASE("record: long lines that wait are bounded by their bytes") {
  TestSystem actors;
  const CollectedRecord record{actors.system, RecordLevel::all};
  actors::Recorder recorder{record.target, "busy"};
  constexpr std::uint64_t events = 10'000;  // none of which is taken off the backlog here
  const std::string path(4000, 'x');
  for (std::uint64_t i = 0; i < events; ++i)
    recorder.record(RecordLevel::verdicts,
                    event::VerdictGiven{some_process, 1, "openat", path, "ENOENT", "foreign"});
  recorder.flush();
  const std::uint64_t waiting = record.target->backlog;
  CHECK(waiting * path.size() <= actors::record_backlog_bytes_max);
  CHECK(waiting * path.size() > actors::record_backlog_bytes_max / 2);
  CHECK(record.target->dropped == events - waiting);
}

TEST_CASE("record: long lines count for as long as they wait") {
  const TemporaryDirectory directory;
  Writer writer{{directory / "record.jsonl"}};
  actors::Recorder recorder{writer.target, "busy"};
  for (int i = 0; i < 100; ++i)
    recorder.record(RecordLevel::lifecycle, event::SandboxArmed{{std::string(5000, 'x')}, {}, 17});
  recorder.flush();
  writer.flush();
  CHECK(lines_of(directory / "record.jsonl").size() == 100);
  CHECK(writer.target->backlog_bytes == 0);
}

TEST_CASE("record: what was handed in is in the file when the flush is answered, in order") {
  const TemporaryDirectory directory;
  Writer writer{{directory / "record.jsonl"}};
  std::vector<std::uint64_t> expected;
  for (std::uint64_t i = 0; i < 200; ++i) {
    writer.write_numbered(i);
    expected.push_back(i);
  }
  writer.flush();
  CHECK(numbers_in(directory / "record.jsonl") == expected);
  CHECK(writer.target->backlog == 0);
  struct stat status {};
  REQUIRE(::stat((directory / "record.jsonl").c_str(), &status) == 0);
  CHECK((status.st_mode & 0777) == 0600);
}

TEST_CASE("record: it follows its name when reopened, and until then the file") {
  const TemporaryDirectory directory;
  Writer writer{{directory / "record.jsonl"}};
  writer.write_numbered(1);
  writer.flush();
  std::filesystem::rename(directory / "record.jsonl", directory / "old");
  writer.write_numbered(2);
  writer.reopen();
  writer.write_numbered(3);
  writer.flush();
  CHECK(numbers_in(directory / "old") == std::vector<std::uint64_t>{1, 2});
  CHECK(numbers_in(directory / "record.jsonl") == std::vector<std::uint64_t>{3});
}

TEST_CASE("record: a name that cannot be opened is reported, and the record goes on in the file it had") {
  const TemporaryDirectory directory;
  std::filesystem::create_directory(directory / "logs");
  const CapturedStderr captured(directory / "stderr");
  Writer writer{{directory / "logs/record.jsonl"}};
  writer.write_numbered(1);
  writer.flush();
  std::filesystem::rename(directory / "logs", directory / "gone");
  writer.reopen();
  writer.write_numbered(2);
  writer.flush();
  CHECK(numbers_in(directory / "gone/record.jsonl") == std::vector<std::uint64_t>{1, 2});
  REQUIRE(captured.lines().size() == 1);
  CHECK(captured.lines()[0].find("ENOENT") != std::string::npos);
}

TEST_CASE("record: it is rotated by size, keeps so many files, and cuts no line") {
  const TemporaryDirectory directory;
  constexpr std::uint64_t rotate_bytes = 2000;
  Writer writer{{directory / "record.jsonl", rotate_bytes, 3}};
  constexpr std::uint64_t events = 100;
  for (std::uint64_t i = 0; i < events; i += 10) {
    std::vector<messages::Event> batch;
    for (std::uint64_t j = i; j < i + 10; ++j) batch.push_back(at_noon(event::IndexPublished{j, j}));
    writer.write(std::move(batch));
  }
  writer.flush();
  std::vector<std::uint64_t> kept;
  std::size_t files = 0;
  for (const char* name : {"record.3.jsonl", "record.2.jsonl", "record.1.jsonl", "record.jsonl"}) {
    CAPTURE(name);
    REQUIRE(std::filesystem::exists(directory / name));
    CHECK(std::filesystem::file_size(directory / name) <= rotate_bytes);
    const auto numbers = numbers_in(directory / name);
    kept.insert(kept.end(), numbers.begin(), numbers.end());
    ++files;
  }
  CHECK_FALSE(std::filesystem::exists(directory / "record.4.jsonl"));
  // The newest ones, without a gap.
  REQUIRE_FALSE(kept.empty());
  CHECK(kept.back() == events - 1);
  CHECK(kept.size() == events - kept.front());
  CHECK(kept.size() > files);
}

TEST_CASE("record: what is no regular file is written to, and neither rotated nor renamed") {
  const TemporaryDirectory directory;
  REQUIRE(::mkfifo((directory / "record").c_str(), 0600) == 0);
  const kernel::UniqueFd reader{::open((directory / "record").c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC)};
  Writer writer{{directory / "record", 100, 2}};
  for (std::uint64_t i = 0; i < 5; ++i) writer.write_numbered(i);
  writer.flush();
  CHECK(std::filesystem::is_fifo(directory / "record"));
  CHECK_FALSE(std::filesystem::exists(directory / "record.1"));
  const auto text = read_all(reader);
  CHECK(std::count(text.begin(), text.end(), '\n') == 5);
}

TEST_CASE("record: a reader that does not read costs lines, which are counted, and no line is torn") {
  const TemporaryDirectory directory;
  REQUIRE(::mkfifo((directory / "record").c_str(), 0600) == 0);
  const kernel::UniqueFd reader{::open((directory / "record").c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC)};
  Writer writer{{directory / "record"}};
  const CapturedStderr captured(directory / "stderr");
  constexpr std::uint64_t events = 200;
  const auto write_long = [&] {  // longer than what a pipe takes at once
    writer.write({at_noon(event::ProcessExec{some_process, std::string(5000, 'x')})});
  };
  for (std::uint64_t i = 0; i < events; ++i) write_long();
  writer.flush();
  const std::uint64_t lost = writer.target->dropped;
  CHECK(lost > 0);
  REQUIRE(captured.lines().size() == 1);
  CHECK(captured.lines()[0].find("EAGAIN") != std::string::npos);
  auto text = read_all(reader);
  write_long();
  writer.flush();
  text += read_all(reader);
  std::istringstream lines(text);
  std::uint64_t written = 0, said = 0;
  for (std::string line; std::getline(lines, line); ++written) {
    REQUIRE(fault_of(line) == "");
    said = std::max(said, json::parse(line).value("total", std::uint64_t{0}));
  }
  CHECK(said == lost);
  CHECK(written + lost == events + 1 + 1);  // the last one, and the line about the lost ones
}

TEST_CASE("record: on standard error it takes nothing back of what others wrote there") {
  const TemporaryDirectory directory;
  const CapturedStderr captured(directory / "stderr");
  Writer writer{{"-"}};
  writer.flush();
  REQUIRE(::write(STDERR_FILENO, "another's\n", 10) == 10);
  {
    const FileSizeLimit limit(50);  // less than a line
    writer.write_numbered(1);
    writer.flush();
  }
  REQUIRE_FALSE(captured.lines().empty());
  CHECK(captured.lines()[0] == "another's");
}

TEST_CASE("record: a line longer than the size of a file still gets one") {
  const TemporaryDirectory directory;
  Writer writer{{directory / "record.jsonl", 100, 2}};
  for (int i = 0; i < 3; ++i)
    writer.write({at_noon(event::ProcessExec{some_process, std::string(500, 'x')})});
  writer.flush();
  for (const char* name : {"record.2.jsonl", "record.1.jsonl", "record.jsonl"}) {
    const auto lines = lines_of(directory / name);
    REQUIRE(lines.size() == 1);
    CHECK(fault_of(lines[0]) == "");
  }
}

TEST_CASE("record: a full disk costs whole lines, is reported once, and the record tells how many") {
  const TemporaryDirectory directory;
  const CapturedStderr captured(directory / "stderr");
  Writer writer{{directory / "record.jsonl"}};
  writer.write_numbered(1);
  writer.flush();
  // Room for one and a half lines more.
  FileSizeLimit limit(std::filesystem::file_size(directory / "record.jsonl") * 5 / 2);
  for (std::uint64_t i = 2; i <= 6; ++i) writer.write_numbered(i);
  writer.flush();
  CHECK(writer.target->dropped == 4);
  limit.lift();
  writer.write_numbered(7);
  writer.flush();
  CHECK(numbers_in(directory / "record.jsonl") == std::vector<std::uint64_t>{1, 2, 7});
  const auto lines = lines_of(directory / "record.jsonl");
  REQUIRE(lines.size() == 4);
  const auto lost = json::parse(lines[2]);
  CHECK(lost["event"] == "record_lost");
  CHECK(lost["total"] == 4);
  REQUIRE(captured.lines().size() == 1);
  CHECK(captured.lines()[0].find("EFBIG") != std::string::npos);
}

TEST_CASE("record: with a disk that is always full verdicts are given as ever") {
  const TemporaryDirectory directory;
  const CapturedStderr captured(directory / "stderr");
  Writer writer{{"/dev/full"}};
  RunningSandbox sandbox{writer.actors.system, writer.target};
  CHECK(sandbox.stage.ask("read /proc/self/comm") == "read sandbox_stage");
  CHECK(sandbox.stage.ask("read /proc/" + std::to_string(::getpid()) + "/comm") ==
        "errno " + std::to_string(ENOENT));
  CHECK(sandbox.stage.ask("churn 100") == "ok");
  REQUIRE(sandbox.end());
  writer.flush();
  CHECK(writer.target->dropped > 400);  // a start and an end of each process and of its actor
  REQUIRE(captured.lines().size() == 1);
  CHECK(captured.lines()[0].find("ENOSPC") != std::string::npos);
}

TEST_CASE("record: every line of a real sandbox is as documented") {
  const TemporaryDirectory directory;
  Writer writer{{directory / "record.jsonl"}};
  {
    RunningSandbox sandbox{writer.actors.system, writer.target};
    REQUIRE(sandbox.stage.ask("vfork-exec") == "exit 0");
    REQUIRE(sandbox.stage.ask_number("orphan") > 0);
    REQUIRE(sandbox.stage.ask("read /proc/1/comm") == "errno " + std::to_string(ENOENT));
    caf::anon_send(sandbox.thread->actor(), messages::SandboxCommandEnded{0});
    REQUIRE(sandbox.end());
  }
  writer.flush();
  std::set<std::string> kinds;
  for (const auto& line : lines_of(directory / "record.jsonl")) {
    CAPTURE(line);
    CHECK(fault_of(line) == "");
    kinds.insert(json::parse(line)["event"]);
  }
  CHECK(kinds == std::set<std::string>{"actor_started", "actor_stopped", "command_ended", "index_published",
                                       "process_exec", "process_exited", "process_registered",
                                       "sandbox_armed", "sandbox_ended", "verdict"});
}

}  // namespace proctor::tests
