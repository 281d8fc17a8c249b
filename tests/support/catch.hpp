#pragma once

// Catch2 as the distribution has it: v2 (Debian 12) or v3 (Debian 13, Ubuntu).
#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_all.hpp>
#else
#include <catch2/catch.hpp>
#endif

#include <cstdio>
#include <string>

namespace proctor::tests {

/// To be called by a test case that cannot run here, before it returns. Catch2 v2 cannot skip:
/// scripts/sum_tests.py counts the line.
inline void skip(const std::string& reason) {
  const std::string test{Catch::getResultCapture().getCurrentTestName()};
  std::printf("SKIPPED: %s: %s\n", test.c_str(), reason.c_str());
  std::fflush(stdout);
}

}  // namespace proctor::tests
