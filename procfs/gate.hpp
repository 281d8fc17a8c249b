#pragma once

#include <fcntl.h>
#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "kernel/credentials.hpp"
#include "kernel/result.hpp"
#include "kernel/unique_fd.hpp"
#include "policy/verdict.hpp"
#include "procfs/members.hpp"
#include "procfs/path_hints.hpp"
#include "procfs/path_walk.hpp"
#include "procfs/process_directories.hpp"
#include "procfs/view.hpp"
#include "procfs/virtual_files.hpp"

namespace proctor::procfs {

/// What the bits of open(2) and openat(2) mean to the kernel (VALID_OPEN_FLAGS); it ignores all others there.
inline constexpr std::uint64_t open_flags_known = 037777703;

/// What a getdents call on one of the target's descriptors may yield.
enum class Listing : std::uint8_t {
  kernels,  ///< not procfs, or a directory of the sandbox's own or of nobody: continue
  members,  ///< the root: list_members()
  nothing,  ///< a directory of a foreign or dead process, or one that cannot be told: ENOENT
};

/// The status flags of a file that fcntl(2) tells and that a virtual file has as it was asked for.
inline constexpr std::uint64_t status_flags = O_APPEND | O_NONBLOCK;

/// Who refuses procfs to the target when the gate leaves a call to the kernel.
enum class Backstop : std::uint8_t {
  none,      ///< nobody: a sandbox that was accepted as degraded
  landlock,  ///< the kernel
};

/// What the sealed file of a virtual file is called, and back: so a descriptor of the target tells which file
/// it was opened as. Empty: not such a name. A target can make a memfd of that name itself; what a rewind of
/// it may yield is no more than that virtual file, as whoever rewinds it may open it.
[[nodiscard]] std::string sealed_name(std::string_view path);
[[nodiscard]] std::string_view path_of_sealed_name(std::string_view name);

/// Opens on a target's behalf what it may see of procfs. The path only says where to look: the judgement
/// is made on the opened object (is it on procfs? whose pid is it?), and that object is injected.
///
/// - `self` and `thread-self` are the target's.
/// - A process outside the sandbox does not exist: ENOENT, by the same lines of code that answer for a
///   number nobody has.
/// - A virtual file (virtual_files.hpp) is made at the open, as a sealed file with what its generator says;
///   also off procfs (/etc/hostname), found by the name of the object that the path led to.
/// - A path that ends off procfs: Continue; Landlock judges, and ptrace checks where a magic link was passed.
///   But what lies in a directory without a Landlock rule (PathHints) is opened on behalf too: regular
///   files only, and never behind a magic link, where the target's own limits would be passed over.
/// - Opened with the target's credentials, capabilities included: a file of /proc keeps its opener's.
///   Limits that are no credentials are not assumed: a Landlock ruleset of the target's own does not
///   apply to its /proc, and an LSM judges the supervisor's label.
/// - Of /sys, what the sandbox does not have (sys_rules.hpp) is ENOENT, what no sandbox reads
///   (kernel/sys_paths.hpp) EACCES. Both are the kernel's refusals too: neither has a rule.
/// - O_PATH descriptors cannot be injected: Continue for the sandbox's own, ENOENT for all others.
///
/// Used within one sandbox's loop, with every signal blocked. Its threads must have adopted, before the first
/// call, the credentials they are going to keep.
///
/// Relies on the filter: no process of the sandbox gets another root directory or user namespace than it
/// started with.
class ProcGate {
 public:
  /// `members` and `views` outlive the gate. Without hints nothing off procfs is opened on behalf; without
  /// views nothing is virtual.
  explicit ProcGate(Members& members);
  ProcGate(Members& members, PathHints hints, ViewSource* views = nullptr,
           Backstop backstop = Backstop::none);

  /// Ten system calls for /proc/self/status and its like (see open_plainly), two dozen or more for other
  /// spellings; does not wait for anything but the file systems on the path. Whoever acts on the verdict with
  /// the notification's cookie is safe from a recycled `tid`.
  [[nodiscard]] policy::Verdict open(const OpenRequest& request);

  /// The credentials of a thread of the sandbox, for OpenRequest. Reads them from /proc each time.
  [[nodiscard]] kernel::Result<kernel::Credentials> credentials_of(pid_t tid);

  /// The calling thread's credentials, read once. Null: they cannot be read.
  [[nodiscard]] const kernel::Credentials* own_credentials();

  /// Judges a directory by itself: `directory` is a duplicate of the target's descriptor. A directory of a
  /// foreign process can be reached by a race or inherited, and must then tell nothing.
  [[nodiscard]] Listing judge_listing(pid_t tid, pid_t tgid, const kernel::UniqueFd& directory);

 private:
  /// A virtual file that was found, and read, with the target's credentials.
  struct Told {
    const VirtualFile* file = nullptr;
    std::string name;  ///< absolute, as the target could spell it
    std::string host;  ///< what the kernel shows in it; empty: it has no such file
  };
  using Answer = std::variant<policy::Verdict, Told>;

  /// For whatever keeps the gate from judging: no descriptor, no memory, credentials that cannot be had.
  [[nodiscard]] policy::Verdict cannot_tell() const;
  /// The part of open() that is done with the target's credentials.
  [[nodiscard]] Answer open_as_target(const OpenRequest& request);
  /// After the flags were looked at.
  [[nodiscard]] Answer open_as(const OpenRequest& request, const kernel::Credentials& theirs);
  /// Reads a file, or opens a directory, of a process: `path` from our own root of procfs, by one look-up
  /// that follows no link. Nothing: whatever this is, it is for a walk. Needs the target's credentials.
  [[nodiscard]] std::optional<Answer> open_plainly(const OpenRequest& request, const std::string& path);
  /// The same of a file that is made and lies in no process's directory; `names` are those of `path`.
  [[nodiscard]] std::optional<Answer> open_of_system(const OpenRequest& request, int root,
                                                     const std::string& path,
                                                     const std::vector<std::string>& names);
  /// The same of what a process has; the directories of the last few are kept open.
  [[nodiscard]] std::optional<Answer> open_of_process(const OpenRequest& request, int root, pid_t pid,
                                                      const std::string& path,
                                                      const std::vector<std::string>& names);
  /// What a walk that arrived somewhere comes to.
  [[nodiscard]] Answer answer(const OpenRequest& request, const Arrival& arrival);
  /// The answer to a request that `captures`: injects what the path led to. Of procfs that is only what is a
  /// member's own.
  [[nodiscard]] policy::Verdict capture(const OpenRequest& request, Arrival arrival) const;
  [[nodiscard]] Answer serve(const OpenRequest& request, const Arrival& arrival);
  [[nodiscard]] Answer serve_elsewhere(const OpenRequest& request, const Arrival& arrival);
  /// For a path whose last name is not there, off procfs: a file that only the sandbox has, or one to be
  /// made.
  [[nodiscard]] Answer serve_missing(const OpenRequest& request, const Arrival& arrival);
  [[nodiscard]] policy::Verdict create_elsewhere(const OpenRequest& request, const Arrival& arrival,
                                                 const std::string& name) const;
  /// Reads the kernel's file, if it has one.
  [[nodiscard]] static Answer serve_virtual(const VirtualFile& file, std::string name,
                                            const kernel::UniqueFd& host);
  /// A sealed file with the generator's text. With the supervisor's own rights: what the sandbox's processes
  /// have open, and what they use, does not depend on which of them asks.
  [[nodiscard]] policy::Verdict make(const OpenRequest& request, const Told& told);
  /// Whether there is no such thing in /sys for the sandbox.
  [[nodiscard]] bool is_hidden(std::string_view name) const;
  /// The row of a file that is made and not passed on.
  [[nodiscard]] const VirtualFile* find_virtual(std::string_view path) const;

  Members& members_;
  PathHints hints_;
  ViewSource* views_;
  Backstop backstop_;
  ProcessDirectories directories_;
  std::optional<kernel::Credentials> own_credentials_;
  /// What was once seen to be so stays so. A "no" is asked again: it may only be a process that had ended.
  bool sees_own_procfs_ = false;
  bool shares_user_namespace_ = false;
};

}  // namespace proctor::procfs
