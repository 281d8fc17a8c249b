#include "stand_in.hpp"

#include <linux/seccomp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <stdexcept>

#include "kernel/listener.hpp"

namespace proctor::test {
namespace {

std::filesystem::path make_directory() {
  std::string path = "/tmp/proctor-launch-XXXXXX";
  if (::mkdtemp(path.data()) == nullptr) throw std::runtime_error("mkdtemp");
  return path;
}

/// Receives one notification and lets the call go on.
/// Returns the number of the call, -1 for none.
int let_one_go_on(kernel::Listener& listener) {
  alignas(seccomp_notif) std::array<std::byte, kernel::notification_bytes_max> buffer{};
  if (!listener.receive(buffer)) return -1;
  seccomp_notif notification{};
  std::memcpy(&notification, buffer.data(), sizeof notification);
  seccomp_notif_resp response{};
  response.id = notification.id;
  response.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
  (void)listener.respond(response);
  return notification.data.nr;
}

class Server {
 public:
  Server(kernel::MessageSocket connection, Manners manners)
      : connection_(std::move(connection)), manners_(manners) {}

  Record run() {
    while (!over_) {
      std::array<pollfd, 2> entries{
          {{connection_.fd(), POLLIN, 0}, {listener_ ? listener_->poll_fd() : -1, POLLIN, 0}}};
      ::poll(entries.data(), entries.size(), -1);
      if ((entries[1].revents & POLLIN) != 0) {
        if (let_one_go_on(*listener_) == SYS_chdir && manners_ == Manners::dies) return record_;
      } else if (entries[1].revents != 0) {
        listener_.reset();
      }
      if (entries[0].revents != 0) read_request();
    }
    return record_;
  }

 private:
  void read_request() {
    auto message = connection_.try_receive();
    if (!message && message.error().number == EAGAIN) return;
    if (!message || !*message) {
      over_ = true;
      return;
    }
    auto request = launch::parse_request((*message)->line);
    if (!request) {
      reply(launch::Refused{request.error().operation});
    } else if (auto* attach = std::get_if<launch::AttachRequest>(&*request)) {
      record_.attach = std::move(*attach);
      answer_attach((*message)->fds);
    } else if (const auto* ended = std::get_if<launch::CommandEnded>(&*request)) {
      record_.command_status = ended->status;
    } else if (std::holds_alternative<launch::SessionEnded>(*request)) {
      record_.session_ended = true;
      reply(launch::Ended{});
    }
  }

  void answer_attach(std::vector<kernel::UniqueFd>& fds) {
    if (manners_ == Manners::vanishes || fds.size() != 3) {
      over_ = true;
      return;
    }
    if (manners_ == Manners::refuses) return reply(launch::Refused{"the stand-in takes nobody"});
    const kernel::UniqueFd kept(::dup(fds[0].get()));
    auto listener = kernel::SeccompListener::adopt(std::move(fds[0]));
    if (!listener) return reply(launch::Refused{listener.error().message()});
    listener_ = std::make_unique<kernel::SeccompListener>(std::move(*listener));
    (void)!::write(fds[2].get(), "x", 1);
    reply(launch::Armed{"stand-in"}, {kept.get()});
    if (manners_ == Manners::ends) reply(launch::EndSession{"the stand-in is tired"});
  }

  void reply(const launch::Reply& reply, const std::vector<int>& fds = {}) {
    (void)connection_.send(launch::to_json(reply), fds);
  }

  kernel::MessageSocket connection_;
  Manners manners_;
  std::unique_ptr<kernel::SeccompListener> listener_;
  Record record_;
  bool over_ = false;
};

}  // namespace

Record serve_session(kernel::MessageSocket connection, Manners manners) {
  return Server(std::move(connection), manners).run();
}

StandInDaemon::StandInDaemon(Manners manners)
    : directory_(make_directory()), stop_(::eventfd(0, EFD_CLOEXEC)) {
  auto server = kernel::ServerSocket::listen(directory_ / "socket");
  if (!server) throw std::runtime_error(server.error().message());
  server_ = std::make_unique<kernel::ServerSocket>(std::move(*server));
  thread_ = std::thread([this, manners] {
    std::array<pollfd, 2> entries{{{server_->fd(), POLLIN, 0}, {stop_.get(), POLLIN, 0}}};
    ::poll(entries.data(), entries.size(), -1);
    if (entries[0].revents == 0) return;
    auto connection = server_->accept();
    if (connection) record_ = serve_session(std::move(*connection), manners);
  });
}

StandInDaemon::~StandInDaemon() {
  const std::uint64_t one = 1;
  (void)!::write(stop_.get(), &one, sizeof one);
  if (thread_.joinable()) thread_.join();
  server_.reset();
  std::error_code ignored;
  std::filesystem::remove_all(directory_, ignored);
}

const Record& StandInDaemon::record() {
  if (thread_.joinable()) thread_.join();
  return record_;
}

}  // namespace proctor::test
