#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <exception>
#include <string>
#include <string_view>
#include <vector>

#include "cli/check.hpp"
#include "cli/inspect.hpp"
#include "cli/ps.hpp"
#include "cli/run.hpp"
#include "launch/session_end.hpp"

namespace {

struct Subcommand {
  std::string_view name;
  int (*run)(const std::vector<std::string>& arguments);
  std::string_view summary;
};

constexpr std::array<Subcommand, 4> subcommands{
    {{"run", proctor::cli::run, "run a command in a sandbox"},
     {"ps", proctor::cli::ps, "list a daemon's sandboxes and their processes"},
     {"inspect", proctor::cli::inspect, "show all that a daemon knows of one sandbox"},
     {"check", proctor::cli::check, "try what this kernel can do"}}};

void print_help(std::FILE* out) {
  fmt::print(out,
             "Usage: proctor COMMAND [ARGUMENT...]\n\n"
             "A command in a proctor sandbox sees only its own processes in /proc.\n\nCommands:\n");
  for (const auto& subcommand : subcommands) {
    fmt::print(out, "  {:<9} {}\n", subcommand.name, subcommand.summary);
  }
  fmt::print(out, "\n'proctor COMMAND --help' says more; 'proctor --version' prints the version.\n");
}

int dispatch(std::vector<std::string> arguments) {
  if (arguments.empty()) {
    print_help(stderr);
    return proctor::launch::exit_proctor_failed;
  }
  const std::string first = arguments.front();
  arguments.erase(arguments.begin());
  for (const auto& subcommand : subcommands) {
    if (subcommand.name == first) return subcommand.run(arguments);
  }
  if (first == "--help" || first == "-h" || first == "help") {
    print_help(stdout);
    return 0;
  }
  if (first == "--version") {
    fmt::print("proctor {}\n", PROCTOR_VERSION);
    return 0;
  }
  fmt::print(stderr, "proctor: '{}' is not one of its commands. Try 'proctor --help'.\n", first);
  return proctor::launch::exit_proctor_failed;
}

}  // namespace

int main(int argc, char** argv) {
  // Ours throw nothing; the libraries underneath may run out of memory.
  try {
    const int status = dispatch({argv + (argc > 0 ? 1 : 0), argv + argc});
    // What was printed is not said before it is written: a full disk shows here.
    if (std::fflush(stdout) == 0) return status;
    std::fprintf(stderr, "proctor: cannot write to standard output: %s\n", std::strerror(errno));
    return proctor::launch::exit_proctor_failed;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "proctor: %s\n", error.what());
    return proctor::launch::exit_proctor_failed;
  }
}
