#include <fcntl.h>
#include <sys/inotify.h>

#include <cerrno>
#include <string>
#include <variant>

#include "actors/call_arguments.hpp"
#include "actors/process_state.hpp"
#include "actors/sandbox_context.hpp"
#include "kernel/credentials.hpp"

// ProcessState's handler of inotify_add_watch.
namespace proctor::actors {

using policy::Continue;
using policy::Fail;
using policy::Return;
using policy::Verdict;

Verdict ProcessState::watch(const seccomp_notif& notification) {
  const auto mask = word_argument(notification, 2);
  const auto queue = capture(notification, int_argument(notification, 0));
  if (!queue && queue.error().number != EBADF) return {Fail{EACCES}, "the target cannot be looked at"};
  // What the kernel refuses whatever the path; an empty one it looks at last.
  if (::inotify_add_watch(queue ? queue->get() : -1, "", mask) >= 0 || errno != ENOENT)
    return {Fail{errno}, as_the_kernel};
  const auto path = read_path(notification, notification.data.args[1]);
  if (!path) {
    auto verdict = unreadable(path.error());
    if (!std::holds_alternative<Continue>(verdict.answer)) return verdict;
    return {Fail{EACCES}, "the path cannot be read"};
  }
  argument_ = *path;
  if (path->empty()) return {Fail{ENOENT}, as_the_kernel};

  auto request = name_request(notification, AT_FDCWD, *path, (mask & IN_DONT_FOLLOW) == 0);
  request.captures = true;
  auto verdict = ask_gate(notification, request);
  // The kernel would read the path again, and that may lead to /proc by then.
  if (std::holds_alternative<Continue>(verdict.answer))
    return {Fail{EACCES}, "where the path leads cannot be told"};
  const auto* const object = std::get_if<policy::Inject>(&verdict.answer);
  if (object == nullptr) return verdict;
  const auto acting = act_as_caller(context_, notification);
  if (!acting) return {Fail{acting.error().number}, "not with the target's rights"};
  const auto name = "/proc/self/fd/" + std::to_string(object->fd->get());
  const int added = ::inotify_add_watch(queue->get(), name.c_str(), mask & ~std::uint32_t{IN_DONT_FOLLOW});
  if (added < 0) return {Fail{errno}, as_the_kernel};
  return {Return{added}, "added for the caller"};
}

}  // namespace proctor::actors
