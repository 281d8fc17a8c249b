#include "actors/control.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <utility>
#include <variant>

#include "actors/description_json.hpp"
#include "kernel/namespaces.hpp"
#include "kernel/pidfd.hpp"
#include "launch/standing.hpp"

namespace proctor::actors {
namespace {

using launch::Reply;
using messages::ConnectionId;

constexpr std::chrono::seconds list_timeout{5};  // the supervisor waits a second for each sandbox
/// How long the last events of a sandbox may take to be written.
constexpr std::chrono::seconds end_timeout{3};
/// How long session parents may take to end their trees when the daemon stops.
constexpr std::chrono::seconds stop_grace{5};
/// A reply that its reader does not take for so long ends the connection.
constexpr int reply_timeout_ms = 1000;

/// The descriptors of an attach request, in this order.
enum AttachFd : std::size_t { listener_fd, pidfd_fd, release_fd, attach_fds };

void drop(ControlSelf self, ConnectionId id);

void reply(ControlSelf self, ConnectionId id, const std::string& line, const std::vector<int>& fds = {}) {
  const auto found = self->state.connections.find(id);
  if (found == self->state.connections.end()) return;
  if (!found->second.socket.send(line, fds, reply_timeout_ms)) drop(self, id);
}

void reply(ControlSelf self, ConnectionId id, const Reply& message) {
  reply(self, id, launch::to_json(message));
}

void add(ControlSelf self, kernel::MessageSocket socket) {
  const int fd = socket.fd();
  const ConnectionId id = self->state.next_connection++;
  const messages::control_actor handle{self};
  self->state.connections[id].socket = std::move(socket);
  self->state.setup.loop->watch(
      fd, [handle, id](short) { caf::anon_send(handle, messages::ConnectionReadable{id}); });
}

/// Lets go of a connection. A session parent that leaves without a word has died: its tree ends.
void drop(ControlSelf self, ConnectionId id) {
  auto& connections = self->state.connections;
  const auto found = connections.find(id);
  if (found == connections.end()) return;
  const auto& connection = found->second;
  if (connection.attached && !connection.session_ended && connection.sandbox)
    self->send(connection.sandbox, messages::EndSandbox{"its session parent is gone"});
  self->state.setup.loop->unwatch(connection.socket.fd());
  connections.erase(found);
}

/// Why a connection is refused; null: it is welcome.
const char* refusal_of(ControlSelf self, const kernel::MessageSocket& socket) {
  const auto peer = socket.peer();
  if (!peer || (peer->uid != ::geteuid() && peer->uid != 0))
    return "this supervisor serves its own user and root only";
  if (self->state.connections.size() >= connections_max) return "too many connections";
  const auto process = socket.peer_process();
  if (!process) return "the supervisor cannot tell who asks (is it out of descriptors?)";
  switch (launch::standing_of(*process)) {
    case launch::Standing::sandboxed:
      return "a sandboxed process cannot talk to its supervisor";
    case launch::Standing::unknown:
      return "the supervisor cannot tell whether a sandboxed process asks: one that started it has ended or "
             "is hidden";
    case launch::Standing::outside:
      break;
  }
  return nullptr;
}

void accept(ControlSelf self) {
  auto& state = self->state;
  auto accepted = state.setup.server->accept();
  if (!accepted) return;  // EAGAIN, or a peer that has left again
  if (const char* const why = refusal_of(self, *accepted); why != nullptr) {
    static_cast<void>(accepted->send(launch::to_json(Reply{launch::Refused{why}}), {}, 0));
    return;
  }
  add(self, *std::move(accepted));
}

/// The end of a session: its parent hears of it when every line about it is written. The sandbox's thread has
/// handed in its last events when the supervisor calls it gone, and they are written before the flush.
void say_ended(ControlSelf self, ConnectionId id) {
  auto done = [self, id] {
    reply(self, id, Reply{launch::Ended{}});
    if (!self->state.setup.server) self->quit();  // embedded: that was all
  };
  if (!self->state.setup.introspection) return done();
  auto flush = [self, done] {
    self->request(self->state.setup.introspection, end_timeout, messages::FlushRecord{})
        .then([done](messages::RecordFlushed) { done(); }, [done](const caf::error&) { done(); });
  };
  const messages::AwaitSandboxGone gone{self->state.connections.at(id).sandbox_name};
  self->request(self->state.setup.supervisor, end_timeout, gone)
      .then([flush](const messages::SandboxGone&) { flush(); }, [flush](const caf::error&) { flush(); });
}

/// Why an actor ended, for a person to read.
std::string sentence_of(const caf::error& reason) {
  const auto& context = reason.context();
  return context.match_elements<std::string>() ? context.get_as<std::string>(0) : caf::to_string(reason);
}

/// A sandbox has ended: as its session parent wanted, or the parent is told to end what is left.
void sandbox_down(ControlSelf self, const caf::down_msg& down) {
  for (auto& [id, connection] : self->state.connections) {
    if (!connection.sandbox || connection.sandbox.address() != down.source) continue;
    connection.sandbox = nullptr;
    if (connection.session_ended)
      say_ended(self, id);
    else
      reply(self, id, Reply{launch::EndSession{"the sandbox has ended: " + sentence_of(down.reason)}});
    return;
  }
}

// -- requests -----------------------------------------------------------------------------------------

/// Whether who connected may attach the sandbox below `init`: its own child's, or, embedded, where the
/// connection is a socket pair, its own.
bool may_attach(pid_t peer, pid_t init) {
  if (peer == init) return true;
  const auto process = kernel::PidFd::open(init);
  const auto info = process ? process->info() : kernel::Result<kernel::TaskInfo>(process.error());
  return info && info->ppid == peer;
}

/// What a request is answered with; one overload a kind.
struct Handle {
  ControlSelf self;
  ConnectionId id;
  std::vector<kernel::UniqueFd>& fds;

  void operator()(launch::AttachRequest& request) const {
    auto& connection = self->state.connections.at(id);
    if (connection.attached) return refuse("this session is attached already");
    if (self->state.stopping) return refuse("the supervisor is stopping");
    if (fds.size() != attach_fds)
      return refuse(fmt::format("an attach request carries {} descriptors, not {}", std::size_t{attach_fds},
                                fds.size()));
    const auto peer = connection.socket.peer();
    if (!peer || !may_attach(peer->pid, request.init))
      return refuse(fmt::format(
          "a session is attached by its own front only; process {} is not of process {}, which asks. In "
          "another pid namespace than the daemon's use --embedded",
          request.init, peer ? peer->pid : 0));
    // Its clocks have other offsets than those of the files that are made here.
    if (!kernel::shares_namespace(request.target, "time").value_or(true))
      return refuse("the command is in another time namespace than the daemon; use --embedded");
    connection.listener.reset(::fcntl(fds[listener_fd].get(), F_DUPFD_CLOEXEC, 0));
    if (!connection.listener) return refuse("the supervisor has no descriptor left");
    connection.attached = true;
    // Without a timeout: a sandbox that is made after it would be nobody's. How long to wait for one is its
    // session parent's to say, which then closes the connection.
    self->request(self->state.setup.supervisor, caf::infinite, messages::CreateSandbox{make_order(request)})
        .then(
            [self = self, id = id](const messages::SandboxCreated& created) { attached(self, id, created); },
            [self = self, id = id](const caf::error& error) {
              attached(self, id, {{}, "the supervisor has failed: " + caf::to_string(error), {}});
            });
  }

  void operator()(const launch::CommandEnded& ended) const {
    const auto& connection = self->state.connections.at(id);
    if (!connection.sandbox) return refuse("no session is attached");
    self->send(connection.sandbox, messages::SandboxCommandEnded{ended.status});
  }

  void operator()(const launch::SessionEnded&) const {
    auto& connection = self->state.connections.at(id);
    if (!connection.attached) return refuse("no session is attached");
    if (!connection.sandbox) return say_ended(self, id);  // it is gone already
    connection.session_ended = true;
    self->send(connection.sandbox, messages::SandboxDrained{});
  }

  void operator()(const launch::ListRequest&) const {
    self->request(self->state.setup.supervisor, list_timeout, messages::ListSandboxes{})
        .then(
            [self = self, id = id](const messages::SandboxList& list) { reply(self, id, list_reply(*list)); },
            [self = self, id = id](const caf::error& error) {
              reply(self, id,
                    Reply{launch::Refused{"the supervisor did not answer: " + caf::to_string(error)}});
            });
  }

  void operator()(const launch::InspectRequest& request) const {
    const messages::ListSandboxes all{request.name, messages::DescribeSandbox::Detail::everything};
    self->request(self->state.setup.supervisor, list_timeout, all)
        .then(
            [self = self, id = id, name = request.name](const messages::SandboxList& list) {
              if (list->empty())
                reply(self, id, Reply{launch::Refused{fmt::format("there is no sandbox named {}", name)}});
              else
                reply(self, id, inspect_reply(*list->front(), self->state.setup.features));
            },
            [self = self, id = id](const caf::error& error) {
              reply(self, id,
                    Reply{launch::Refused{"the supervisor did not answer: " + caf::to_string(error)}});
            });
  }

 private:
  void refuse(std::string why) const { reply(self, id, Reply{launch::Refused{std::move(why)}}); }

  [[nodiscard]] std::shared_ptr<messages::SandboxOrder> make_order(launch::AttachRequest& request) const {
    auto order = std::make_shared<messages::SandboxOrder>();
    order->policy = std::move(request.policy);
    order->command = std::move(request.command);
    order->target = request.target;
    order->init = request.init;
    order->landlocked = request.landlocked;
    order->signals_scoped = request.signals_scoped;
    order->ungranted_directories = std::move(request.ungranted_directories);
    order->degraded = std::move(request.degraded);
    order->listener = std::move(fds[listener_fd]);
    order->target_pidfd = kernel::PidFd::adopt(std::move(fds[pidfd_fd]), request.target);
    order->release = std::move(fds[release_fd]);
    return order;
  }

  static void attached(ControlSelf self, ConnectionId id, const messages::SandboxCreated& created) {
    const auto found = self->state.connections.find(id);
    if (found == self->state.connections.end()) {  // its parent died meanwhile
      if (created.sandbox) self->send(created.sandbox, messages::EndSandbox{"its session parent is gone"});
      return;
    }
    if (!created.sandbox) {
      found->second.attached = false;
      return reply(self, id, Reply{launch::Refused{created.refusal}});
    }
    found->second.sandbox = created.sandbox;
    found->second.sandbox_name = created.name;
    self->monitor(created.sandbox);
    const auto listener = std::move(found->second.listener);
    reply(self, id, launch::to_json(Reply{launch::Armed{created.name}}), {listener.get()});
  }
};

void take_request(ControlSelf self, ConnectionId id) {
  const auto found = self->state.connections.find(id);
  if (found == self->state.connections.end()) return;
  auto received = found->second.socket.try_receive();
  if (!received) {
    if (received.error().number == EAGAIN) return;
    reply(self, id, Reply{launch::Refused{received.error().message()}});
    return drop(self, id);
  }
  if (!received->has_value()) return drop(self, id);
  auto& message = **received;
  auto request = launch::parse_request(message.line);
  if (!request) return reply(self, id, Reply{launch::Refused{request.error().message()}});
  std::visit(Handle{self, id, message.fds}, *request);
}

// -- the end ------------------------------------------------------------------------------------------

void stop(ControlSelf self, const std::string& reason) {
  auto& state = self->state;
  if (std::exchange(state.stopping, true)) return;
  std::vector<ConnectionId> sessions;
  for (const auto& [id, connection] : state.connections)
    if (connection.attached) sessions.push_back(id);
  for (const ConnectionId id : sessions) reply(self, id, Reply{launch::EndSession{reason}});
  if (sessions.empty())
    self->send(self, messages::StopNow{});
  else
    self->delayed_send(self, stop_grace, messages::StopNow{});
}

void stop_now(ControlSelf self) {
  auto& state = self->state;
  auto finish = [self] {
    if (self->state.setup.server) self->state.setup.loop->unwatch(self->state.setup.server->fd());
    while (!self->state.connections.empty()) drop(self, self->state.connections.begin()->first);
    self->quit();
  };
  self->request(state.setup.supervisor, stop_grace, messages::StopSupervisor{})
      .then([finish](messages::SupervisorStopped) { finish(); }, [finish](const caf::error&) { finish(); });
}

}  // namespace

messages::control_actor::behavior_type control(ControlSelf self, ControlSetup setup,
                                               std::shared_ptr<kernel::MessageSocket> first) {
  auto& state = self->state;
  state.setup = std::move(setup);
  const messages::control_actor handle{self};
  if (state.setup.server)
    state.setup.loop->watch(state.setup.server->fd(),
                            [handle](short) { caf::anon_send(handle, messages::ConnectionWaiting{}); });
  if (first) add(self, std::move(*first));
  self->set_down_handler([self](const caf::down_msg& down) {
    sandbox_down(self, down);
    if (!self->state.stopping) return;
    for (const auto& [id, connection] : self->state.connections)
      if (connection.attached && !connection.session_ended) return;
    self->send(self, messages::StopNow{});  // the last session is gone: no need to wait out the grace
  });
  return {
      [self](messages::ConnectionWaiting) { accept(self); },
      [self](messages::ConnectionReadable readable) { take_request(self, readable.id); },
      [self](const messages::StopDaemon& order) { stop(self, order.reason); },
      [self](messages::StopNow) { stop_now(self); },
  };
}

}  // namespace proctor::actors
