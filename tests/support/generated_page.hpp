#pragma once

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>

#include "support/catch.hpp"

namespace proctor::tests {

/// Compares a file of the source tree, which is written from a table, with what the table says now;
/// PROCTOR_UPDATE_DOCS=1 writes it instead. The test's target defines PROCTOR_SOURCE_DIR.
inline void check_generated(const std::string& name, const std::string& expected) {
  const std::string path = std::string(PROCTOR_SOURCE_DIR) + "/" + name;
  if (const char* update = std::getenv("PROCTOR_UPDATE_DOCS");
      update != nullptr && std::string(update) == "1") {
    std::ofstream(path) << expected;
  }
  std::ostringstream content;
  content << std::ifstream(path).rdbuf();
  INFO(name << ": run this test with PROCTOR_UPDATE_DOCS=1 to write it anew");
  CHECK(content.str() == expected);
}

}  // namespace proctor::tests
