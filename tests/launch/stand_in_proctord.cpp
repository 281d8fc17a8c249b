// Stands in for proctord in an embedded session: the real session parent with the stand-in supervisor on
// another thread. PROCTOR_TEST_MANNERS chooses how the supervisor behaves.
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <string_view>
#include <thread>

#include "launch/embedded_session.hpp"
#include "launch/harden.hpp"
#include "launch/session_parent.hpp"
#include "stand_in.hpp"

using namespace proctor;

int main(int argc, char** argv) {
  launch::harden_supervisor();
  constexpr std::string_view option = "--session=";
  if (argc != 2 || !std::string_view(argv[1]).starts_with(option)) return 2;
  const auto session = launch::parse_embedded_session(std::string_view(argv[1]).substr(option.size()));
  if (!session) return 2;
  const char* chosen = std::getenv("PROCTOR_TEST_MANNERS");
  const auto manners =
      chosen != nullptr && std::strcmp(chosen, "refuses") == 0 ? test::Manners::refuses : test::Manners::good;
  std::thread([&] {
    (void)test::serve_session(kernel::MessageSocket(kernel::UniqueFd(session->supervisor_fd)), manners);
  }).detach();
  ::_exit(launch::run_session_parent(*session));
}
