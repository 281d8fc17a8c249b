#pragma once

// Catch2 as the distribution has it: v2 (Debian 12) or v3 (Debian 13, Ubuntu).
#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_all.hpp>
#else
#include <catch2/catch.hpp>
#endif
