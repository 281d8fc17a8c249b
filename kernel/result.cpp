#include "kernel/result.hpp"

#include <fmt/format.h>

#include <cstring>

namespace proctor::kernel {

std::string Error::message() const {
  // strerrordesc_np knows no locale and has no shared buffer, unlike strerror.
  const char* const description = ::strerrordesc_np(number);
  return fmt::format("{}: {} ({})", operation, description != nullptr ? description : "Unknown error",
                     errno_name(number));
}

std::string errno_name(int number) {
  const char* const name = ::strerrorname_np(number);
  return name != nullptr ? std::string{name} : fmt::format("errno {}", number);
}

}  // namespace proctor::kernel
