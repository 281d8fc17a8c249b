#include "kernel/sealed_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <system_error>

#include "kernel/uapi.hpp"

namespace proctor::kernel {
namespace {

constexpr mode_t readable_by_all = 0444;

/// Not executable wherever the kernel knows of that (6.3), which it otherwise asks for in its log.
UniqueFd create_memfd(const char* name) {
  UniqueFd fd(::memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL));
  if (!fd && errno == EINVAL) fd.reset(::memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING));
  return fd;
}

/// Opens what the calling process has open as `fd` anew, for reading. By a directory that is kept, for that
/// saves most of the way through /proc; the number of a process tells whether it is still the caller's.
UniqueFd open_anew(int fd) {
  thread_local pid_t owner = 0;
  thread_local UniqueFd descriptors;
  if (const pid_t caller = ::getpid(); owner != caller) {
    descriptors.reset(::open("/proc/self/fd", O_PATH | O_DIRECTORY | O_CLOEXEC));
    owner = descriptors ? caller : 0;
  }
  std::array<char, 16> name{};
  *fmt::format_to_n(name.data(), name.size() - 1, "{}", fd).out = '\0';
  return UniqueFd(::openat(descriptors.get(), name.data(), O_RDONLY | O_CLOEXEC));
}

bool write_all(int fd, std::string_view text) {
  // A memfd takes all it is given, or fails.
  return text.empty() || ::pwrite(fd, text.data(), text.size(), 0) == static_cast<ssize_t>(text.size());
}

}  // namespace

Result<UniqueFd> make_sealed_file(const std::string& name, std::string_view text) {
  const UniqueFd writable = create_memfd(name.c_str());
  if (!writable) return Error::last("memfd_create " + name);
  if (!write_all(writable.get(), text) || ::fchmod(writable.get(), readable_by_all) != 0 ||
      ::fcntl(writable.get(), F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) != 0)
    return Error::last("fill the memfd " + name);
  // Opened anew, so that whoever holds it has a descriptor for reading, as it asked for.
  auto readable = open_anew(writable.get());
  if (!readable) return Error::last("open the memfd " + name);
  return readable;
}

std::string memfd_name(int tid, int fd) {
  constexpr std::string_view prefix = "/memfd:";
  constexpr std::string_view suffix = " (deleted)";
  std::array<char, PATH_MAX> text;
  const auto path = fmt::format("/proc/{}/fd/{}", tid, fd);
  const ssize_t length = ::readlink(path.c_str(), text.data(), text.size());
  if (length <= 0) return {};
  std::string_view name(text.data(), static_cast<std::size_t>(length));
  if (!name.starts_with(prefix) || !name.ends_with(suffix)) return {};
  name.remove_prefix(prefix.size());
  name.remove_suffix(suffix.size());
  return std::string(name);
}

std::uint64_t sealed_file_cost(std::uint64_t bytes) {
  constexpr std::uint64_t page_bytes = 4096;
  constexpr std::uint64_t inode_bytes = 1280;  // shmem_inode_cache, dentry, filp on x86-64
  return (bytes + page_bytes - 1) / page_bytes * page_bytes + inode_bytes;
}

std::vector<HeldFile> sealed_files_of(int tgid, std::string_view prefix) {
  const auto name = fmt::format("/memfd:{}", prefix);
  std::vector<HeldFile> held;
  std::error_code error;
  for (std::filesystem::directory_iterator entry(fmt::format("/proc/{}/fd", tgid), error), end;
       !error && entry != end; entry.increment(error)) {
    std::error_code closed;
    struct stat info {};
    if (std::filesystem::read_symlink(entry->path(), closed).native().starts_with(name) &&
        ::stat(entry->path().c_str(), &info) == 0)
      held.push_back({info.st_ino, static_cast<std::uint64_t>(info.st_size)});
  }
  std::ifstream maps(fmt::format("/proc/{}/maps", tgid));
  for (std::string line; std::getline(maps, line);) {
    // show_map_vma() (fs/proc/task_mmu.c): addresses, permissions, offset, device, inode, name.
    std::uint64_t begin = 0;
    std::uint64_t end = 0;
    std::uint64_t inode = 0;
    int name_at = 0;
    if (std::sscanf(line.c_str(), "%lx-%lx %*s %*s %*s %lu %n", &begin, &end, &inode, &name_at) == 3 &&
        line.compare(static_cast<std::size_t>(name_at), name.size(), name) == 0)
      held.push_back({inode, end - begin});
  }
  return held;
}

bool is_close_on_exec(int tid, int fd) {
  std::ifstream info(fmt::format("/proc/{}/fdinfo/{}", tid, fd));
  for (std::string word; info >> word;) {
    unsigned long flags = 0;
    if (word == "flags:" && info >> std::oct >> flags) return (flags & O_CLOEXEC) != 0;
  }
  return true;
}

}  // namespace proctor::kernel
