#include "config/numbers.hpp"

#include <string>
#include <utility>
#include <vector>

#include "support/catch.hpp"

namespace proctor::config {

TEST_CASE("integers: plain decimal digits, nothing else") {
  CHECK(parse_integer("0") == 0);
  CHECK(parse_integer("18446744073709551615") == UINT64_MAX);
  for (const char* text :
       {"", "00", "010", "0x10", "-1", "+1", "1.0", "1e3", " 1", "1 ", "18446744073709551616"}) {
    INFO(text);
    CHECK_FALSE(parse_integer(text).has_value());
  }
}

TEST_CASE("byte sizes: bytes, or a unit of 1024 or of 1000") {
  const std::vector<std::pair<std::string, std::uint64_t>> cases{
      {"0", 0},
      {"1", 1},
      {"4096", 4096},
      {"7B", 7},
      {"1K", 1024},
      {"1k", 1024},
      {"1Ki", 1024},
      {"1KiB", 1024},
      {"1kB", 1000},
      {"1KB", 1000},
      {"512M", 536870912},
      {"512m", 536870912},
      {"512MiB", 536870912},
      {"512MB", 512000000},
      {"2G", 2147483648},
      {"2g", 2147483648},
      {"3T", 3298534883328},
      {"3TB", 3000000000000},
      {"16777215T", (UINT64_MAX >> 40U << 40U)},
      {"18446744073709551615", UINT64_MAX},
  };
  for (const auto& [text, bytes] : cases) {
    INFO(text);
    CHECK(parse_byte_size(text) == bytes);
  }
}

TEST_CASE("byte sizes: what only resembles one is refused, and so is one that overflows") {
  for (const char* text : {"",
                           "K",
                           "M512",
                           "512 M",
                           " 512M",
                           "512M ",
                           "512X",
                           "512P",
                           "-1",
                           "-1M",
                           "+1M",
                           "0x10",
                           "1.5G",
                           "1,5G",
                           "1e3",
                           "010",
                           "010M",
                           "00",
                           "512Mi ",
                           "512MM",
                           "512mb",
                           "512iB",
                           "512BB",
                           "512Bi",
                           "5b",
                           "5\nM",
                           "5M\n",
                           "5\xc2",
                           "16777216T",
                           "99999999T",
                           "18446744073709551616"}) {
    INFO(text);
    CHECK_FALSE(parse_byte_size(text).has_value());
  }
  CHECK_FALSE(parse_byte_size(std::string("5\0M", 3)).has_value());
}

}  // namespace proctor::config
