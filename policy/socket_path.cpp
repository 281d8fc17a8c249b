#include "policy/socket_path.hpp"

#include <sys/un.h>

#include <algorithm>

namespace proctor::policy {

bool is_absolute_path(std::string_view text, std::size_t bytes_max) {
  return text.size() > 1 && text.size() <= bytes_max && text.front() == '/' && text.back() != '/' &&
         std::none_of(text.begin(), text.end(), [](char c) {
           const auto byte = static_cast<unsigned char>(c);
           return byte < 0x20 || byte == 0x7f;
         });
}

bool is_socket_path(std::string_view text) {
  return is_absolute_path(text, sizeof(sockaddr_un::sun_path) - 1);
}

std::optional<std::string> default_socket_path(uid_t user, const char* xdg_runtime_dir) {
  if (user == 0) return "/run/proctor/proctord.sock";
  if (xdg_runtime_dir == nullptr) return std::nullopt;
  std::string path = std::string(xdg_runtime_dir) + "/proctor/proctord.sock";
  if (!is_socket_path(path)) return std::nullopt;
  return path;
}

}  // namespace proctor::policy
