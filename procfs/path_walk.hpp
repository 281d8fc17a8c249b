#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kernel/credentials.hpp"
#include "kernel/result.hpp"
#include "kernel/unique_fd.hpp"
#include "procfs/instance.hpp"
#include "procfs/members.hpp"

namespace proctor::procfs {

/// One call of the open family, with what was copied from the target once.
struct OpenRequest {
  pid_t tid = 0;
  pid_t tgid = 0;
  int dirfd = -100;  ///< AT_FDCWD
  std::string_view path;
  std::uint64_t flags = 0;  ///< O_*
  std::uint64_t mode = 0;
  std::uint64_t resolve = 0;  ///< openat2's RESOLVE_*
  bool exact = false;         ///< openat2: flags and modes that the others ignore are errors
  const kernel::Credentials* credentials = nullptr;  ///< of `tid`; null: to be read
  bool looks = false;  ///< with O_PATH: a file that only the sandbox has is injected, to be looked at
  /// With O_PATH: whatever the path leads to is injected, for a call on that object (inotify_add_watch), and
  /// every error is answered: nothing is left to the kernel, which would read the path again.
  bool captures = false;
};

/// Whether the kernel lets nobody look into this directory of procfs once its process is dead:
/// proc_pid_permission() and proc_fdinfo_permission() answer ESRCH, others find no name below. A stranger's
/// is answered alike.
[[nodiscard]] bool is_closed_by_death(const std::vector<std::string>& names);

/// What procfs' own link of this name leads to for the target; nothing for any other name.
[[nodiscard]] std::optional<std::string> own_link(const OpenRequest& request, std::string_view name);

/// What is known of where an object stands.
enum class Standing : std::uint8_t {
  elsewhere,  ///< not on procfs
  located,    ///< on a procfs of our own numbers, and its names from the root are known for certain
  unlocated,  ///< on procfs, but where, or whose, cannot be said: the kernel's Landlock decides
};

/// An open object (O_PATH) on the way, and what it was judged to be.
struct Node {
  kernel::UniqueFd fd;
  ObjectId id;
  mode_t mode = 0;
  Standing standing = Standing::elsewhere;
  std::vector<std::string> names;  ///< located: from the root of procfs, which has none
  pid_t group = 0;                 ///< located: the member whose directory it is or lies in; 0: nobody's
  /// Located: in the directory of a process that is no member, or gone. A walk goes no further down by
  /// name; it arrives at one only by a descriptor or a magic link.
  bool foreign = false;
};

/// How a walk ended.
struct Arrival {
  enum class Ending : std::uint8_t {
    kernels,  ///< nothing to judge here: the kernel answers the call itself
    error,    ///< the call fails, as the kernel would fail it
    object,   ///< arrived
    missing,  ///< not on procfs: `object` is the directory in which the last name does not exist
  };
  Ending ending = Ending::kernels;
  int error = 0;
  Node object;
  std::string name;                ///< missing: the last name
  bool must_be_directory = false;  ///< a slash followed the last name
  bool passed_magic_link = false;
};

/// The places a walk starts from. Opened with the supervisor's own rights: the target holds them already.
struct WalkStart {
  Node root;
  Node start;  ///< for a relative path; no fd otherwise

  /// Fails when the kernel does not show us the start: then there is nothing to judge.
  [[nodiscard]] static kernel::Result<WalkStart> open(const OpenRequest& request);
};

/// Walks a path as the target would, one O_PATH descriptor after the other, and judges each by what was
/// opened, never by its spelling. Runs with whatever credentials the calling thread has: the target's.
///
/// Why not openat2 and a look at the result? The result's name is text again, `self` would be ours, and a
/// foreign process would show by the error of the names below it.
///
/// - Procfs' own `self` and `thread-self` are the target's. Other links of procfs outside process
///   directories, and all links elsewhere, are followed by their text, 40 at most.
/// - Magic links (inside a process directory) are followed by the kernel, and where they lead is judged anew.
/// - An object entered otherwise than by name (a descriptor, a magic link, ".." over a mount) is found again
///   by the name the kernel gives it; only when that leads to the same object is it `located`.
/// - A process directory is judged after it was opened: it belongs to one process for good, so a member that
///   is alive afterwards is its owner, and a later process with the same number never is.
///
/// Limits: openat2's RESOLVE_NO_SYMLINKS, NO_MAGICLINKS, BENEATH and NO_XDEV end the walk with `kernels` at
/// the step they forbid: the kernel refuses that step itself, whatever comes after. RESOLVE_CACHED is not
/// heeded; nosymfollow mounts and protected_symlinks are not looked at. Names looked up in a network or FUSE
/// file system can block.
class PathWalk {
 public:
  /// `members` and `request` outlive the walk.
  PathWalk(Members& members, const OpenRequest& request, WalkStart start);

  [[nodiscard]] Arrival run();

  /// Judges an object that was not reached by a walk, such as a duplicate of the target's descriptor.
  [[nodiscard]] Node judge(kernel::UniqueFd object, const ObjectInfo& info);

 private:
  struct Component {
    std::string name;
    bool last = false;
    bool trailing_slash = false;
  };

  [[nodiscard]] bool begin();
  [[nodiscard]] std::optional<Component> next_component();
  /// Each: nothing to go on, or the end of the walk.
  [[nodiscard]] std::optional<Arrival> step(const Component& component);
  [[nodiscard]] std::optional<Arrival> step_up();
  [[nodiscard]] std::optional<Arrival> step_down(const Component& component);
  [[nodiscard]] std::optional<Arrival> follow_link(Node link, const Component& component);
  [[nodiscard]] std::optional<Arrival> follow_magic_link(const Component& component);
  [[nodiscard]] std::optional<Arrival> splice(const std::string& text);

  [[nodiscard]] kernel::Result<Node> open_child(const Node& parent, const std::string& name);
  void classify_child(const Node& parent, const std::string& name, bool mount_root, Node& child);
  void classify_jump(Node& node);
  void set_located(Node& node, std::vector<std::string> names);
  [[nodiscard]] bool locate_by_name(Node& node, const std::string& text, const Node& root);

  [[nodiscard]] bool follows_last() const;
  [[nodiscard]] bool resolves(std::uint64_t flag) const { return (request_.resolve & flag) != 0; }
  /// The end for a failing call: ours on procfs, the kernel's elsewhere.
  [[nodiscard]] Arrival failed(int error) const;

  Members& members_;
  const OpenRequest& request_;
  Node root_;
  Node current_;
  std::string rest_;          ///< what is still to be walked
  std::size_t position_ = 0;  ///< in rest_
  unsigned links_ = 0;
  unsigned steps_ = 0;
  bool trailing_slash_ = false;
  bool passed_magic_link_ = false;
};

}  // namespace proctor::procfs
