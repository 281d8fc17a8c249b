#include "procfs/path_walk.hpp"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <climits>
#include <utility>

namespace proctor::procfs {
namespace {

using Ending = Arrival::Ending;

constexpr unsigned links_max = 40;    // MAXSYMLINKS
constexpr unsigned steps_max = 8192;  // twice what one path of PATH_MAX bytes can need

Arrival kernels() { return {}; }

Arrival fails(int error) {
  Arrival arrival;
  arrival.ending = Ending::error;
  arrival.error = error;
  return arrival;
}

kernel::Result<Node> make_node(kernel::UniqueFd fd) {
  const auto info = examine(fd.get());
  if (!info) return info.error();
  Node node;
  node.fd = std::move(fd);
  node.id = info->id;
  node.mode = info->mode;
  return node;
}

kernel::Result<Node> open_node(int directory, const std::string& path, int flags) {
  kernel::UniqueFd fd(::openat(directory, path.c_str(), O_PATH | O_CLOEXEC | flags));
  if (!fd) return kernel::Error::last("open " + path);
  return make_node(std::move(fd));
}

Node duplicate(const Node& node) {
  Node copy;
  copy.fd = kernel::UniqueFd(::fcntl(node.fd.get(), F_DUPFD_CLOEXEC, 0));
  copy.id = node.id;
  copy.mode = node.mode;
  copy.standing = node.standing;
  copy.names = node.names;
  copy.group = node.group;
  copy.foreign = node.foreign;
  return copy;
}

/// A link's text, or a descriptor's name; nothing when it has none that fits.
std::optional<std::string> read_link(int directory, const std::string& path) {
  std::array<char, PATH_MAX> text{};
  const ssize_t length = ::readlinkat(directory, path.c_str(), text.data(), text.size());
  if (length <= 0 || static_cast<std::size_t>(length) == text.size()) return std::nullopt;
  return std::string(text.data(), static_cast<std::size_t>(length));
}

}  // namespace

bool is_closed_by_death(const std::vector<std::string>& names) {
  if (names.size() == 1) return true;
  return names.size() % 2 == 0 && (names.back() == "fdinfo" || (names.size() == 2 && names.back() == "task"));
}

std::optional<std::string> own_link(const OpenRequest& request, std::string_view name) {
  const std::string group = std::to_string(request.tgid);
  if (name == "self") return group;
  if (name == "thread-self") return group + "/task/" + std::to_string(request.tid);
  return std::nullopt;
}

kernel::Result<WalkStart> WalkStart::open(const OpenRequest& request) {
  WalkStart result;
  // Without the right to look at the target's root it is taken to be ours; a wrong guess finds other
  // objects, which are judged like any.
  auto root = open_node(AT_FDCWD, "/proc/" + std::to_string(request.tid) + "/root", O_DIRECTORY);
  if (!root) root = open_node(AT_FDCWD, "/", O_DIRECTORY);
  if (!root) return root.error();
  result.root = std::move(*root);
  const bool absolute = !request.path.empty() && request.path.front() == '/';
  if (!absolute || (request.resolve & RESOLVE_IN_ROOT) != 0) {
    auto start = open_node(AT_FDCWD, task_directory_path(request.tid, request.dirfd), O_DIRECTORY);
    if (!start) return start.error();
    result.start = std::move(*start);
  }
  return result;
}

PathWalk::PathWalk(Members& members, const OpenRequest& request, WalkStart start)
    : members_(members),
      request_(request),
      root_(std::move(start.root)),
      current_(std::move(start.start)),
      rest_(request.path) {}

Arrival PathWalk::failed(int error) const {
  return request_.captures || current_.standing == Standing::located ? fails(error) : kernels();
}

bool PathWalk::follows_last() const {
  if ((request_.flags & O_NOFOLLOW) != 0) return false;
  return (request_.flags & (O_CREAT | O_EXCL)) != (O_CREAT | O_EXCL);
}

bool PathWalk::begin() {
  classify_jump(root_);
  if (current_.fd) classify_jump(current_);
  if (resolves(RESOLVE_IN_ROOT | RESOLVE_BENEATH)) root_ = duplicate(current_);
  if (rest_.front() == '/') {
    if (resolves(RESOLVE_BENEATH)) return false;  // EXDEV
    current_ = duplicate(root_);
  }
  return static_cast<bool>(current_.fd) && static_cast<bool>(root_.fd);
}

Arrival PathWalk::run() {
  if (request_.path.empty() || request_.path.size() >= PATH_MAX) return kernels();
  if (!begin()) return kernels();
  while (auto component = next_component()) {
    if (auto end = step(*component)) return std::move(*end);
  }
  Arrival arrival;
  arrival.ending = Ending::object;
  arrival.object = std::move(current_);
  arrival.must_be_directory = trailing_slash_;
  arrival.passed_magic_link = passed_magic_link_;
  return arrival;
}

std::optional<PathWalk::Component> PathWalk::next_component() {
  const std::size_t begin = rest_.find_first_not_of('/', position_);
  if (begin == std::string::npos) return std::nullopt;
  const std::size_t end = std::min(rest_.find('/', begin), rest_.size());
  position_ = end;
  const bool last = rest_.find_first_not_of('/', end) == std::string::npos;
  trailing_slash_ = last && end < rest_.size();
  return Component{rest_.substr(begin, end - begin), last, trailing_slash_};
}

std::optional<Arrival> PathWalk::step(const Component& component) {
  // Elsewhere the kernel may still succeed; on procfs an answer of its own could tell a foreign pid from
  // a dead one.
  if (++steps_ > steps_max) return failed(ELOOP);
  if (current_.foreign && is_closed_by_death(current_.names)) return fails(ESRCH);
  if (!S_ISDIR(current_.mode)) return failed(ENOTDIR);
  if (component.name == ".") return std::nullopt;
  if (component.name == "..") return step_up();
  return step_down(component);
}

std::optional<Arrival> PathWalk::step_up() {
  if (current_.id == root_.id) return resolves(RESOLVE_BENEATH) ? std::optional(kernels()) : std::nullopt;
  auto parent = open_node(current_.fd.get(), "..", O_DIRECTORY);
  if (!parent) return failed(parent.error().number);
  if (parent->id.mount == current_.id.mount && current_.standing == Standing::located &&
      !current_.names.empty()) {
    std::vector<std::string> names = std::move(current_.names);
    names.pop_back();
    parent->standing = Standing::located;
    parent->group = names.empty() ? 0 : current_.group;
    parent->foreign = !names.empty() && current_.foreign;
    parent->names = std::move(names);
  } else {
    if (resolves(RESOLVE_NO_XDEV) && parent->id.mount != current_.id.mount) return kernels();
    classify_jump(*parent);
  }
  current_ = std::move(*parent);
  return std::nullopt;
}

std::optional<Arrival> PathWalk::step_down(const Component& component) {
  if (component.trailing_slash && component.last && (request_.flags & O_CREAT) != 0) return failed(EISDIR);
  if (current_.foreign) return fails(ENOENT);
  const bool follows = !component.last || component.trailing_slash || follows_last();
  const bool at_root = current_.standing == Standing::located && current_.names.empty();
  if (const auto text = at_root ? own_link(request_, component.name) : std::nullopt) {
    // Continue safety: the call ends at the link itself, which is the same for every process.
    if (!follows) return kernels();
    return splice(*text);
  }
  auto child = open_child(current_, component.name);
  if (!child) {
    if (child.error().number != ENOENT || !component.last || current_.standing != Standing::elsewhere) {
      return failed(child.error().number);
    }
    Arrival arrival;
    arrival.ending = Ending::missing;
    arrival.object = std::move(current_);
    arrival.name = component.name;
    arrival.must_be_directory = component.trailing_slash;
    arrival.passed_magic_link = passed_magic_link_;
    return arrival;
  }
  if (child->foreign) return fails(ENOENT);
  if (resolves(RESOLVE_NO_XDEV) && child->id.mount != current_.id.mount) return kernels();
  if (S_ISLNK(child->mode)) {
    if (!follows && child->standing != Standing::elsewhere && !request_.captures) return kernels();
    if (!follows) {
      current_ = std::move(*child);  // the last one: the walk arrives at the link itself
      return std::nullopt;
    }
    return follow_link(std::move(*child), component);
  }
  current_ = std::move(*child);
  return std::nullopt;
}

std::optional<Arrival> PathWalk::follow_link(Node link, const Component& component) {
  if (link.standing == Standing::unlocated) return kernels();
  if (link.standing == Standing::located && link.group != 0) return follow_magic_link(component);
  const auto text = read_link(link.fd.get(), "");
  if (!text) return kernels();
  return splice(*text);
}

std::optional<Arrival> PathWalk::splice(const std::string& text) {
  if (resolves(RESOLVE_NO_SYMLINKS)) return kernels();
  if (++links_ > links_max) return failed(ELOOP);
  if (text.front() == '/') {
    if (resolves(RESOLVE_BENEATH)) return kernels();
    if (resolves(RESOLVE_NO_XDEV) && current_.id.mount != root_.id.mount) return kernels();
    current_ = duplicate(root_);
    if (!current_.fd) return kernels();
  }
  rest_ = text + rest_.substr(position_);
  position_ = 0;
  return std::nullopt;
}

std::optional<Arrival> PathWalk::follow_magic_link(const Component& component) {
  constexpr std::uint64_t forbidding =
      RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_BENEATH | RESOLVE_IN_ROOT;
  if (++links_ > links_max || resolves(forbidding)) return kernels();
  auto target = open_node(current_.fd.get(), component.name, 0);
  // Not shown to us, though perhaps to the target itself: a process may always follow its own.
  if (!target) return kernels();
  if (resolves(RESOLVE_NO_XDEV) && target->id.mount != current_.id.mount) return kernels();
  classify_jump(*target);
  passed_magic_link_ = true;
  current_ = std::move(*target);
  return std::nullopt;
}

kernel::Result<Node> PathWalk::open_child(const Node& parent, const std::string& name) {
  kernel::UniqueFd fd(::openat(parent.fd.get(), name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  if (!fd) return kernel::Error::last("open " + name);
  const auto info = examine(fd.get());
  if (!info) return info.error();
  Node child;
  child.fd = std::move(fd);
  child.id = info->id;
  child.mode = info->mode;
  classify_child(parent, name, info->mount_root, child);
  return child;
}

void PathWalk::classify_child(const Node& parent, const std::string& name, bool mount_root, Node& child) {
  if (child.id.mount == parent.id.mount) {
    child.standing = parent.standing;
    if (child.standing != Standing::located) return;
    std::vector<std::string> names = parent.names;
    names.push_back(name);
    if (parent.names.empty()) {
      set_located(child, std::move(names));
    } else {
      child.names = std::move(names);
      child.group = parent.group;
      child.foreign = parent.foreign;
    }
    return;
  }
  if (!is_procfs_device(request_.tid, child.id.device)) return;
  child.standing = Standing::unlocated;
  if (is_root_of_own_pids(child.fd.get(), child.id)) {
    set_located(child, {});
  } else if (mount_root && is_own_procfs(child.id.device)) {
    // A part of procfs mounted somewhere, as container engines do with /proc/sys.
    if (auto names = names_of_mount_root(request_.tid, child.id.mount)) set_located(child, std::move(*names));
  }
}

void PathWalk::set_located(Node& node, std::vector<std::string> names) {
  node.standing = Standing::located;
  node.group = 0;
  node.foreign = false;
  if (!names.empty()) {
    if (const auto pid = pid_of_name(names.front())) {
      const auto group = members_.group_of(*pid);
      node.foreign = !group;
      node.group = group.value_or(0);
    }
  }
  node.names = std::move(names);
}

void PathWalk::classify_jump(Node& node) {
  node.standing = Standing::elsewhere;
  if (!is_procfs_device(request_.tid, node.id.device)) return;
  node.standing = Standing::unlocated;
  if (is_root_of_own_pids(node.fd.get(), node.id)) return set_located(node, {});
  const auto text = read_link(AT_FDCWD, "/proc/self/fd/" + std::to_string(node.fd.get()));
  if (!text || text->front() != '/') return;
  auto own_root = open_node(AT_FDCWD, "/", O_DIRECTORY);
  if (own_root && locate_by_name(node, *text, *own_root)) return;
  if (root_.fd && !(own_root && own_root->id == root_.id)) (void)locate_by_name(node, *text, root_);
}

bool PathWalk::locate_by_name(Node& node, const std::string& text, const Node& root) {
  Node walker = duplicate(root);
  for (const std::string& name : split_path(text)) {
    auto child = open_child(walker, name);
    if (!child || S_ISLNK(child->mode)) return false;
    walker = std::move(*child);
  }
  if (walker.standing != Standing::located || walker.id != node.id) return false;
  node.standing = Standing::located;
  node.names = std::move(walker.names);
  node.group = walker.group;
  node.foreign = walker.foreign;
  return true;
}

Node PathWalk::judge(kernel::UniqueFd object, const ObjectInfo& info) {
  Node node;
  node.fd = std::move(object);
  node.id = info.id;
  node.mode = info.mode;
  classify_jump(node);
  return node;
}

}  // namespace proctor::procfs
