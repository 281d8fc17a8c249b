#pragma once

#include <memory>
#include <string>
#include <vector>

#include "program.hpp"
#include "stand_in.hpp"

namespace proctor::test {

/// The two ways of a session.
enum class Way { embedded, daemon };

/// `proctor run` in front of a command, with a stand-in for its supervisor.
class Sandboxed {
 public:
  explicit Sandboxed(Way way, Manners manners = Manners::good) {
    if (way == Way::daemon) daemon_ = std::make_unique<StandInDaemon>(manners);
  }

  [[nodiscard]] std::vector<std::string> argv(const std::vector<std::string>& command,
                                              const std::vector<std::string>& options = {}) const {
    std::vector<std::string> all{PROCTOR_BINARY, "run"};
    if (daemon_) {
      all.push_back("--daemon=" + daemon_->socket());
    } else {
      all.emplace_back("--embedded");
    }
    all.insert(all.end(), options.begin(), options.end());
    all.emplace_back("--");
    all.insert(all.end(), command.begin(), command.end());
    return all;
  }

  [[nodiscard]] Outcome run(const std::vector<std::string>& command,
                            const std::vector<std::string>& options = {}) const {
    return run_program({argv(command, options), -1, -1, -1, {}});
  }

  [[nodiscard]] StandInDaemon& daemon() { return *daemon_; }

 private:
  std::unique_ptr<StandInDaemon> daemon_;
};

}  // namespace proctor::test
