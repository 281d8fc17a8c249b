#include "kernel/credentials.hpp"

#include <linux/capability.h>
#include <linux/seccomp.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <optional>

#include "kernel/namespaces.hpp"
#include "kernel/pidfd.hpp"
#include "kernel/status_text.hpp"

namespace proctor::kernel {

namespace {

/// One thread's capability sets, capget(2).
class CapabilitySets {
 public:
  /// 0: the calling thread's.
  [[nodiscard]] bool read(pid_t tid = 0) noexcept {
    header_ = {_LINUX_CAPABILITY_VERSION_3, tid};
    return ::syscall(SYS_capget, &header_, data_.data()) == 0;
  }

  [[nodiscard]] std::uint64_t effective() const noexcept {
    return data_[0].effective | std::uint64_t{data_[1].effective} << 32U;
  }
  [[nodiscard]] std::uint64_t permitted() const noexcept {
    return data_[0].permitted | std::uint64_t{data_[1].permitted} << 32U;
  }

  /// Makes `wanted`, as far as it is permitted, the effective set; inheritable and permitted stay.
  [[nodiscard]] bool make_effective(std::uint64_t wanted) noexcept {
    data_[0].effective = static_cast<std::uint32_t>(wanted) & data_[0].permitted;
    data_[1].effective = static_cast<std::uint32_t>(wanted >> 32U) & data_[1].permitted;
    header_ = {_LINUX_CAPABILITY_VERSION_3, 0};
    return ::syscall(SYS_capset, &header_, data_.data()) == 0;
  }

 private:
  __user_cap_header_struct header_{};
  std::array<__user_cap_data_struct, 2> data_{};
};

constexpr std::uint8_t step_groups = 1;
constexpr std::uint8_t step_gid = 2;
constexpr std::uint8_t step_uid = 4;

/// Which steps lead from one to the other; the capabilities are always a step.
std::uint8_t steps_between(const Credentials& one, const Credentials& other) noexcept {
  return static_cast<std::uint8_t>((one.groups != other.groups ? step_groups : 0) |
                                   (one.fsgid != other.fsgid ? step_gid : 0) |
                                   (one.fsuid != other.fsuid ? step_uid : 0));
}

/// How far become() came.
struct Progress {
  std::uint8_t done = 0;
  const char* failed = nullptr;  ///< the call; errno says why
};

/// Takes the calling thread to `to` by `steps`, in whichever direction that is. Allocates nothing.
Progress become(const Credentials& to, std::uint8_t steps) noexcept {
  CapabilitySets sets;
  if (!sets.read()) return {0, "capget"};
  // The way back starts without the capabilities it needs; raising what is permitted asks for none.
  if (steps != 0 && !sets.make_effective(~std::uint64_t{0})) return {0, "capset"};
  // Groups and gid before the uid: with it the effective capabilities go (cap_emulate_setxuid()).
  std::uint8_t done = 0;
  if ((steps & step_groups) != 0) {
    if (::syscall(SYS_setgroups, to.groups.size(), to.groups.data()) != 0) return {done, "setgroups"};
    done |= step_groups;
  }
  if ((steps & step_gid) != 0) {
    if (::syscall(SYS_setresgid, -1, to.fsgid, -1) != 0) return {done, "setresgid"};
    done |= step_gid;
  }
  if ((steps & step_uid) != 0) {
    if (::syscall(SYS_setresuid, -1, to.fsuid, -1) != 0) return {done, "setresuid"};
    done |= step_uid;
  }
  // Last and exactly: whatever the change of uid made of the effective set.
  if (!sets.make_effective(to.effective_capabilities)) return {done, "capset"};
  return {done, nullptr};
}

}  // namespace

Result<Credentials> parse_credentials(std::string_view status) {
  const StatusText text(status);
  const auto uids = text.numbers<uid_t>("Uid");
  const auto gids = text.numbers<gid_t>("Gid");
  auto groups = text.numbers<gid_t>("Groups");
  const auto effective = text.number<std::uint64_t>("CapEff", 16);
  if (!uids || uids->size() != 4) return Error{EPROTO, "Uid of /proc/TID/status"};
  if (!gids || gids->size() != 4) return Error{EPROTO, "Gid of /proc/TID/status"};
  if (!groups) return Error{EPROTO, "Groups of /proc/TID/status"};
  if (!effective) return Error{EPROTO, "CapEff of /proc/TID/status"};
  std::sort(groups->begin(), groups->end());
  return Credentials{.fsuid = uids->back(),
                     .fsgid = gids->back(),
                     .groups = *std::move(groups),
                     .effective_capabilities = *effective};
}

bool shares_user_namespace(pid_t tid) { return shares_namespace(tid, "user").value_or(false); }

Result<Credentials> read_credentials(pid_t tid, bool shares_namespace) {
  const auto status = read_status(tid);
  if (!status) return status.error();
  auto credentials = parse_credentials(*status);
  if (!credentials) return credentials;
  // Asked after the status was read: a task can leave our user namespace, but not come back.
  if (credentials->effective_capabilities != 0 && !shares_namespace && !shares_user_namespace(tid)) {
    credentials->effective_capabilities = 0;
  }
  return credentials;
}

bool has_own_rights(pid_t tid) {
  const auto theirs = read_status(tid);
  const auto ours = read_own_status();
  if (!theirs || !ours) return false;
  for (const std::string_view name : {"Uid", "Gid", "Groups", "CapPrm", "CapEff"})
    if (StatusText(*theirs).line(name) != StatusText(*ours).line(name)) return false;
  return shares_user_namespace(tid);
}

std::optional<mode_t> read_umask(pid_t tid) {
  const auto status = read_status(tid);
  return status ? StatusText(*status).number<mode_t>("Umask", 8) : std::nullopt;
}

bool are_fixed_credentials(std::string_view status) {
  const StatusText text(status);
  const auto is_one = [&](std::string_view name) {
    const auto ids = text.numbers<uid_t>(name);
    return ids && ids->size() == 4 && std::ranges::count(*ids, ids->front()) == 4;
  };
  return is_one("Uid") && is_one("Gid") && text.number<std::uint64_t>("CapPrm", 16) == std::uint64_t{0} &&
         text.number<unsigned>("NoNewPrivs") == 1U;
}

bool has_fixed_credentials(pid_t tid) {
  const auto status = read_status(tid);
  return status && are_fixed_credentials(*status);
}

bool may_be_filtered(pid_t tid) {
  const auto status = read_status(tid);
  if (!status) return true;
  const StatusText text(*status);
  return text.number<unsigned>("NoNewPrivs") != 0U &&
         text.number<unsigned>("Seccomp") != unsigned{SECCOMP_MODE_DISABLED};
}

bool surely_has(pid_t tid, const PidFd& held, const Credentials& known) {
  constexpr auto bit = [](unsigned capability) { return std::uint64_t{1} << capability; };
  constexpr std::uint64_t overrides_modes = bit(CAP_DAC_OVERRIDE) | bit(CAP_DAC_READ_SEARCH);
  CapabilitySets sets;
  if (!sets.read(tid) || sets.effective() != known.effective_capabilities) return false;
  if ((sets.permitted() & bit(CAP_SETGID)) != 0 && (sets.effective() & overrides_modes) != overrides_modes)
    return false;
  const auto ids = held.quick_info();
  return ids && ids->fsuid == known.fsuid && ids->fsgid == known.fsgid;
}

bool may_be_permitted(pid_t tid, unsigned capability) {
  const auto status = read_status(tid);
  const auto permitted = status ? StatusText(*status).number<std::uint64_t>("CapPrm", 16) : std::nullopt;
  return !permitted || ((*permitted >> capability) & 1U) != 0;
}

Result<AssumedCredentials> AssumedCredentials::assume(const Credentials& target, const Credentials& current) {
  if (target == current) return AssumedCredentials(nullptr, 0);
  const std::uint8_t steps = steps_between(target, current);
  const Progress progress = become(target, steps);
  if (progress.failed == nullptr) return AssumedCredentials(&current, steps);
  const Error error = Error::last(progress.failed);
  // Back by the steps that were made, and no others: what may not be done may not be undone either.
  if (become(current, progress.done).failed != nullptr) std::abort();
  return error;
}

AssumedCredentials::AssumedCredentials(AssumedCredentials&& other) noexcept
    : restore_(std::exchange(other.restore_, nullptr)), steps_(other.steps_) {}

AssumedCredentials::~AssumedCredentials() {
  if (restore_ != nullptr && become(*restore_, steps_).failed != nullptr) std::abort();
}

}  // namespace proctor::kernel
