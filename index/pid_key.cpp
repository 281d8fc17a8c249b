#include "index/pid_key.hpp"

#include <fmt/format.h>

namespace proctor::index {

std::string to_string(const PidKey& key) { return fmt::format("{}@{}", key.pid, key.start_time); }

}  // namespace proctor::index
