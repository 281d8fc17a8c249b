#include "policy/socket_path.hpp"

#include <string>

#include "support/catch.hpp"

using namespace proctor::policy;

TEST_CASE("default socket: root's, the user's, or none") {
  CHECK(default_socket_path(0, nullptr) == "/run/proctor/proctord.sock");
  CHECK(default_socket_path(0, "/run/user/7") == "/run/proctor/proctord.sock");
  CHECK(default_socket_path(7, "/run/user/7") == "/run/user/7/proctor/proctord.sock");
  CHECK_FALSE(default_socket_path(7, nullptr).has_value());
  CHECK_FALSE(default_socket_path(7, "relative").has_value());
  CHECK_FALSE(default_socket_path(7, ("/" + std::string(107, 'x')).c_str()).has_value());
}

TEST_CASE("socket path: absolute, of a length that the kernel takes, without control characters") {
  CHECK(is_socket_path("/run/x"));
  CHECK(is_socket_path("/" + std::string(106, 'x')));
  for (const std::string& bad : {std::string(), std::string("/"), std::string("run/x"), std::string("/run/"),
                                 std::string("/run/\nx"), "/" + std::string(107, 'x')})
    CHECK_FALSE(is_socket_path(bad));
}
