#include "procfs/file_rules.hpp"

#include "procfs/instance.hpp"
#include "support/catch.hpp"

namespace proctor::tests {

using procfs::judge_use;
using procfs::pid_of_name;

TEST_CASE("file rules: every refusal says why") {
  for (const auto& row : procfs::refused_system_files()) {
    CHECK(row.error != 0);
    CHECK(std::string_view(row.reason) != "");
  }
  for (const auto& row : procfs::own_file_writes())
    CHECK((row.error == 0) == (std::string_view(row.reason) == ""));
}

TEST_CASE("file rules: a refused name is refused at the root only") {
  CHECK(judge_use({"kcore"}, 0, false).error == EACCES);
  CHECK(judge_use({"sys", "kernel", "kcore"}, 0, false).error == 0);
  CHECK(judge_use({"7", "kcore"}, 7, false).error == 0);
  CHECK(judge_use({}, 0, false).error == 0);
}

TEST_CASE("file rules: writing is allowed by the name's place, not by the name") {
  CHECK(judge_use({"7", "comm"}, 7, true).error == 0);
  CHECK(judge_use({"7", "task", "8", "comm"}, 7, true).error == 0);
  CHECK(judge_use({"7", "attr", "comm"}, 7, true).error == EACCES);
  CHECK(judge_use({"7", "net", "x", "comm"}, 7, true).error == EACCES);
  CHECK(judge_use({"7", "uid_map"}, 7, true).error == EPERM);
  CHECK(judge_use({"7", "uid_map"}, 7, false).error == 0);
  CHECK(judge_use({"comm"}, 0, true).error == EACCES);
  CHECK(judge_use({"sys", "kernel", "comm"}, 0, true).error == EACCES);
}

TEST_CASE("file rules: a pid is what the kernel takes for one") {
  CHECK(pid_of_name("1") == 1);
  CHECK(pid_of_name("4194304") == 4194304);
  for (const char* name :
       {"", "0", "01", "-1", "+1", " 1", "1 ", "1x", "4294967297", "99999999999999999999", "self"}) {
    CAPTURE(name);
    CHECK_FALSE(pid_of_name(name).has_value());
  }
}

}  // namespace proctor::tests
