#pragma once

#include <atomic>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "kernel/message_socket.hpp"
#include "kernel/unique_fd.hpp"
#include "launch/session_protocol.hpp"

namespace proctor::test {

/// How a stand-in supervisor behaves.
enum class Manners {
  good,      ///< arms, continues every notification, closes the books
  refuses,   ///< answers an attach request with Refused
  vanishes,  ///< closes all at an attach request
  dies,      ///< arms, releases, and closes all once somebody has changed directory
  ends,      ///< arms, releases, then asks for the end of the session
};

/// What a stand-in has seen; complete once its session is over.
struct Record {
  std::optional<launch::AttachRequest> attach;
  std::optional<int> command_status;
  bool session_ended = false;  ///< SessionEnded came before the end of the connection
};

/// Serves one session on `connection`, on the calling thread, until it closes: the smallest supervisor that
/// speaks the session protocol. Never judges: every notified call continues.
[[nodiscard]] Record serve_session(kernel::MessageSocket connection, Manners manners);

/// A daemon for one session: a socket in a directory of its own, and a thread that serves it.
class StandInDaemon {
 public:
  explicit StandInDaemon(Manners manners = Manners::good);
  StandInDaemon(const StandInDaemon&) = delete;
  StandInDaemon& operator=(const StandInDaemon&) = delete;
  ~StandInDaemon();

  [[nodiscard]] std::string socket() const { return directory_ / "socket"; }

  /// Waits for the end of the session.
  [[nodiscard]] const Record& record();

 private:
  std::filesystem::path directory_;
  std::unique_ptr<kernel::ServerSocket> server_;
  kernel::UniqueFd stop_;
  Record record_;
  std::thread thread_;
};

}  // namespace proctor::test
