#include "kernel/credentials.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/capability.h>
#include <linux/seccomp.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <optional>

#include "kernel/pidfd.hpp"
#include "kernel/unique_fd.hpp"

namespace proctor::kernel {

namespace {

constexpr std::size_t status_bytes_max = std::size_t{1} << 20U;  // 65536 groups of 10 digits fit

/// What follows "\n<key>:" up to the end of its line. A hostile process name cannot fake a line: the
/// kernel escapes newlines in Name.
std::optional<std::string_view> line_of(std::string_view status, std::string_view key) {
  for (std::size_t at = status.find(key); at != std::string_view::npos; at = status.find(key, at + 1)) {
    const std::size_t value = at + key.size();
    if ((at != 0 && status[at - 1] != '\n') || value >= status.size() || status[value] != ':') continue;
    const std::string_view rest = status.substr(value + 1);
    const std::size_t end = rest.find('\n');
    if (end == std::string_view::npos) return std::nullopt;  // cut short
    return rest.substr(0, end);
  }
  return std::nullopt;
}

/// The numbers of a line, separated by blanks. Nothing: something else stands there.
template <class Number>
std::optional<std::vector<Number>> numbers_of(std::optional<std::string_view> line, int base) {
  if (!line) return std::nullopt;
  std::vector<Number> numbers;
  const char* at = line->data();
  const char* const end = at + line->size();
  while (true) {
    while (at != end && (*at == ' ' || *at == '\t')) ++at;
    if (at == end) return numbers;
    const auto [next, error] = std::from_chars(at, end, numbers.emplace_back(), base);
    if (error != std::errc{}) return std::nullopt;
    at = next;
  }
}

Result<std::string> read_all(const std::string& path) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return Error::last("open " + path);
  std::string text;
  std::size_t size = 0;
  while (true) {
    text.resize(size + 4096);
    const ssize_t got = ::read(fd.get(), text.data() + size, text.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return Error::last("read " + path);
    size += static_cast<std::size_t>(got);
    if (got == 0) break;
    if (size > status_bytes_max) return Error{EMSGSIZE, "read " + path};
  }
  text.resize(size);
  return text;
}

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
  const auto uids = numbers_of<uid_t>(line_of(status, "Uid"), 10);
  const auto gids = numbers_of<gid_t>(line_of(status, "Gid"), 10);
  auto groups = numbers_of<gid_t>(line_of(status, "Groups"), 10);
  const auto effective = numbers_of<std::uint64_t>(line_of(status, "CapEff"), 16);
  if (!uids || uids->size() != 4) return Error{EPROTO, "Uid of /proc/TID/status"};
  if (!gids || gids->size() != 4) return Error{EPROTO, "Gid of /proc/TID/status"};
  if (!groups) return Error{EPROTO, "Groups of /proc/TID/status"};
  if (!effective || effective->size() != 1) return Error{EPROTO, "CapEff of /proc/TID/status"};
  std::sort(groups->begin(), groups->end());
  return Credentials{.fsuid = uids->back(),
                     .fsgid = gids->back(),
                     .groups = *std::move(groups),
                     .effective_capabilities = effective->front()};
}

bool shares_user_namespace(pid_t tid) {
  struct stat ours {};
  struct stat theirs {};
  if (::stat("/proc/thread-self/ns/user", &ours) != 0) return false;
  if (::stat(fmt::format("/proc/{}/ns/user", tid).c_str(), &theirs) != 0) return false;
  return ours.st_dev == theirs.st_dev && ours.st_ino == theirs.st_ino;
}

Result<Credentials> read_credentials(pid_t tid, bool shares_namespace) {
  const auto status = read_all(fmt::format("/proc/{}/status", tid));
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
  const auto theirs = read_all(fmt::format("/proc/{}/status", tid));
  const auto ours = read_all("/proc/thread-self/status");
  if (!theirs || !ours) return false;
  for (const std::string_view name : {"Uid", "Gid", "Groups", "CapPrm", "CapEff"})
    if (line_of(*theirs, name) != line_of(*ours, name)) return false;
  return shares_user_namespace(tid);
}

std::optional<mode_t> read_umask(pid_t tid) {
  const auto status = read_all(fmt::format("/proc/{}/status", tid));
  if (!status) return std::nullopt;
  const auto mask = numbers_of<mode_t>(line_of(*status, "Umask"), 8);
  if (!mask || mask->size() != 1) return std::nullopt;
  return mask->front();
}

bool are_fixed_credentials(std::string_view status) {
  const auto is_one = [](const std::optional<std::vector<uid_t>>& ids) {
    return ids && ids->size() == 4 && std::ranges::count(*ids, ids->front()) == 4;
  };
  return is_one(numbers_of<uid_t>(line_of(status, "Uid"), 10)) &&
         is_one(numbers_of<gid_t>(line_of(status, "Gid"), 10)) &&
         numbers_of<std::uint64_t>(line_of(status, "CapPrm"), 16) == std::vector<std::uint64_t>{0} &&
         numbers_of<unsigned>(line_of(status, "NoNewPrivs"), 10) == std::vector<unsigned>{1};
}

bool has_fixed_credentials(pid_t tid) {
  const auto status = read_all(fmt::format("/proc/{}/status", tid));
  return status && are_fixed_credentials(*status);
}

bool may_be_filtered(pid_t tid) {
  const auto status = read_all(fmt::format("/proc/{}/status", tid));
  if (!status) return true;
  const auto is = [&](std::string_view name, unsigned value) {
    return numbers_of<unsigned>(line_of(*status, name), 10) == std::vector{value};
  };
  return !is("NoNewPrivs", 0) && !is("Seccomp", SECCOMP_MODE_DISABLED);
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
  const auto status = read_all(fmt::format("/proc/{}/status", tid));
  if (!status) return true;
  const auto permitted = numbers_of<std::uint64_t>(line_of(*status, "CapPrm"), 16);
  return !permitted || permitted->size() != 1 || ((permitted->front() >> capability) & 1U) != 0;
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
