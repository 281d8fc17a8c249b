#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>
#include <vector>

namespace proctor::procfs {

/// Whether an open must be looked at: it may lead to procfs, into /sys, or to an entry that has no Landlock
/// rule.
/// A wrong "no" is safe (the kernel then refuses procfs itself), only unhelpful: a symbolic link of the
/// user's to /proc is such a case. A wrong "yes" costs a walk.
class PathHints {
 public:
  /// `ungranted`: kernel::ProcfsDenial::ungranted_directories and the procfs mounts, absolute and
  /// canonical. What each of these directories holds **now** is taken to have a rule, save what is itself in
  /// the list, so make this right after the ruleset. A directory of procfs never has one, nor what is served
  /// of /sys (kernel/sys_paths.hpp). `told`: further files, by their absolute and canonical names, that are
  /// made by us.
  explicit PathHints(const std::vector<std::string>& ungranted, std::vector<std::string> told = {});

  /// For an absolute path, or a relative one whose start is neither on procfs nor without a rule. No system
  /// call and, but for paths with "..", "." or "//", no allocation.
  [[nodiscard]] bool may_need_service(std::string_view path) const;

  /// The same for a relative path whose start counts too: one readlink of /proc/TID/cwd or
  /// /proc/TID/fd/DIRFD. An absolute path makes no system call. A start that cannot be read is a "yes".
  [[nodiscard]] bool may_need_service(pid_t tid, int dirfd, std::string_view path) const;

  /// Whether a relative path may lead to one of the further files: it ends as one of them does. No system
  /// call.
  [[nodiscard]] bool may_be_told(std::string_view relative) const;

  /// Whether this absolute, canonical name is among the further files. No system call.
  [[nodiscard]] bool is_told(std::string_view canonical) const;

  /// Whether what bears this absolute, canonical name has no Landlock rule above it. No system call.
  [[nodiscard]] bool without_rule(std::string_view canonical) const;

 private:
  [[nodiscard]] bool canonical_may_need_service(std::string_view path) const;

  std::vector<std::string> ungranted_;  ///< ascending; "/" as ""
  std::vector<std::string> granted_;    ///< ascending: their entries that have a rule
  std::vector<std::string> told_;       ///< ascending
};

}  // namespace proctor::procfs
