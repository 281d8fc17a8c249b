#include "cli/check.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <string_view>

#include "cli/arguments.hpp"
#include "kernel/bounded_write.hpp"
#include "kernel/probe.hpp"
#include "launch/own_limits.hpp"
#include "launch/session_end.hpp"

namespace proctor::cli {
namespace {

std::string_view name_of(kernel::Need need) {
  switch (need) {
    case kernel::Need::required:
      return "required";
    case kernel::Need::safety:
      return "safety";
    case kernel::Need::fallback:
      return "fallback";
  }
  return "?";
}

void print_json(const kernel::Capabilities& capabilities) {
  nlohmann::json features = nlohmann::json::array();
  for (const auto& feature : capabilities.features) {
    features.push_back({{"name", feature.name},
                        {"need", name_of(feature.need)},
                        {"present", feature.present},
                        {"detail", feature.detail},
                        {"since", feature.since},
                        {"without", feature.without}});
  }
  const nlohmann::json all{{"kernel", capabilities.kernel_release},
                           {"usable", capabilities.missing().empty()},
                           {"features", features}};
  fmt::print("{}\n", all.dump(2, ' ', false, nlohmann::json::error_handler_t::replace));
}

void print_table(const kernel::Capabilities& capabilities) {
  fmt::print("Linux {}\n\n", capabilities.kernel_release);
  fmt::print("{:<28} {:<9} {:<8} {:<6} {}\n", "FEATURE", "NEED", "PRESENT", "SINCE", "DETAIL");
  for (const auto& feature : capabilities.features) {
    fmt::print("{:<28} {:<9} {:<8} {:<6} {}\n", feature.name, name_of(feature.need),
               feature.present ? "yes" : "NO", feature.since, feature.detail);
    if (!feature.present) fmt::print("{:<28} without it: {}\n", "", feature.without);
  }
}

/// The last line: what it all means.
void print_conclusion(const kernel::Capabilities& capabilities) {
  const auto missing = capabilities.missing();
  if (!missing.empty()) {
    fmt::print("\nproctor cannot run here. Missing: {}\n", fmt::join(missing, ", "));
    return;
  }
  std::vector<std::string_view> unsafe;
  for (const auto& feature : capabilities.features) {
    if (feature.need == kernel::Need::safety && !feature.present) unsafe.push_back(feature.name);
  }
  if (unsafe.empty()) {
    fmt::print("\nproctor can run here.\n");
  } else {
    fmt::print("\nproctor can run here, degraded, with --accept-degraded. Missing: {}\n",
               fmt::join(unsafe, ", "));
  }
}

}  // namespace

int check(const std::vector<std::string>& arguments) {
  bool as_json = false;
  const CommandLine line{"proctor check",
                         "Try what this kernel can do. Exit status 1: proctor cannot run here.",
                         {{"--json", &as_json, "Print JSON"}},
                         {},
                         false,
                         ""};
  if (const auto status = parse(line, arguments)) return *status;

  // Or what the caller's limits do not allow would be taken for a lack of the kernel's.
  if (const auto enough = launch::check_own_limits(); !enough) {
    kernel::say("proctor check: " + enough.error().message());
    return launch::exit_proctor_failed;
  }
  const auto capabilities = kernel::probe();
  if (as_json) {
    print_json(capabilities);
  } else {
    print_table(capabilities);
    print_conclusion(capabilities);
  }
  return capabilities.missing().empty() ? 0 : 1;
}

}  // namespace proctor::cli
