#include "other_process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

extern "C" {
#include <sys/pidfd.h>  // glibc 2.36 forgets to say that these are C
}

#include <array>
#include <cerrno>
#include <charconv>
#include <climits>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include "../vocab/bounds.hpp"
#include "code_map.hpp"
#include "path.hpp"
#include "proc.hpp"

namespace reeve::os {
namespace {

// What stands behind "KEY:" in the lines of `text`, without the blanks around it.
std::string_view field(std::string_view text, std::string_view key) {
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    const std::string_view line = text.substr(begin, end - begin);
    begin = end + 1;
    if (!line.starts_with(key)) continue;
    const std::size_t value = line.find_first_not_of(" \t", key.size());
    return value == std::string_view::npos ? std::string_view() : line.substr(value);
  }
  return {};
}

std::int64_t number_in(std::string_view text) {
  std::int64_t number = -1;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

FileVersion version_in(const struct statx& facts) {
  return {::makedev(facts.stx_dev_major, facts.stx_dev_minor), facts.stx_ino, facts.stx_size,
          facts.stx_ctime.tv_sec * 1'000'000'000 + facts.stx_ctime.tv_nsec};
}

// Of an open path, or of what stands at a path that was walked to before.
Result<FileVersion> look_at(int folder, const char* path) {
  struct statx facts{};
  const unsigned wanted = STATX_INO | STATX_SIZE | STATX_CTIME;
  if (::statx(folder, path, AT_EMPTY_PATH | AT_STATX_DONT_SYNC | AT_SYMLINK_NOFOLLOW, wanted, &facts) != 0) {
    return system_failure("statx");
  }
  return version_in(facts);
}

std::unexpected<Error> not_guarded(const std::string& what) {
  return fail(Kind::denied, code::kNotTrusted, what + " is not root's alone, from / on",
              "install it where only root can write, as /usr is");
}

bool is_kernels_own(const MappedCode& mapped) {
  return mapped.inode == 0 && (mapped.path == "[vdso]" || mapped.path == "[vsyscall]");
}

}  // namespace

Result<Fd> process_with(std::int32_t pid) {
  Fd pidfd(::pidfd_open(pid, 0));
  if (!pidfd) return system_failure("pidfd_open");
  return pidfd;
}

bool is_alive(const Fd& pidfd) {
  pollfd entry{pidfd.raw(), POLLIN, 0};
  return ::poll(&entry, 1, 0) == 0;
}

Result<ProcessFacts> facts_of(const Fd& pidfd) {
  const std::string info = REEVE_TRY(read_text("/proc/self/fdinfo/" + std::to_string(pidfd.raw())));
  ProcessFacts facts;
  facts.pid = static_cast<std::int32_t>(number_in(field(info, "Pid:")));
  // -1 once it was reaped; and what is no pidfd has no such line.
  if (facts.pid <= 0) return fail(Kind::gone, code::kClosed, "the process has ended");
  const std::string status = REEVE_TRY(read_text(proc_path(facts.pid, "status")));
  if (!is_alive(pidfd)) return fail(Kind::gone, code::kClosed, "the process has ended");
  // Its number in each namespace, from ours to its own.
  const std::string_view numbers = field(status, "NSpid:");
  facts.is_of_own_namespace = !numbers.empty() && numbers.find('\t') == std::string_view::npos;
  facts.is_traced = field(status, "TracerPid:") != "0";
  return facts;
}

// A path of the kernel's own making, without links: what stands there is what is meant.
Result<FileVersion> GuardedFiles::version_at(const std::string& path) {
  if (const auto known = known_.find(path); known != known_.end()) {
    const auto version = look_at(AT_FDCWD, path.c_str());
    if (version && *version == known->second) return *version;
    known_.erase(known);
  }
  const auto place = find(path);
  if (!place || !place->missing.empty() || !place->is_guarded) return not_guarded(path);
  const FileVersion version = REEVE_TRY(look_at(place->nearest.raw(), ""));
  if (known_.size() >= kGuardedFilesMax) known_.clear();
  known_.emplace(path, version);
  return version;
}

// By its path, which is followed anew: what /proc leads to may be served by a process, and is only looked at.
Result<RunningProgram> program_of(std::int32_t pid, GuardedFiles& guarded) {
  const std::string link = proc_path(pid, "exe");
  std::array<char, PATH_MAX> target;
  const ssize_t size = ::readlink(link.c_str(), target.data(), target.size());
  if (size < 0) return system_failure("readlink /proc/PID/exe");
  const std::string path(target.data(), static_cast<std::size_t>(size));
  const Fd runs(::open(link.c_str(), O_PATH | O_CLOEXEC));
  if (!runs) return system_failure("open /proc/PID/exe");
  const FileVersion version = REEVE_TRY(guarded.version_at(path));
  if (REEVE_TRY(look_at(runs.raw(), "")) != version) return not_guarded("its program");
  RunningProgram program{Fd(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW | O_CLOEXEC)), version};
  if (!program.file) return system_failure("open");
  if (REEVE_TRY(look_at(program.file.raw(), "")) != version) return not_guarded("its program");
  return program;
}

Result<void> check_code_of(std::int32_t pid, GuardedFiles& guarded) {
  for (const MappedCode& mapped : REEVE_TRY(mapped_code(pid))) {
    if (is_kernels_own(mapped)) continue;
    if (!mapped.path.starts_with('/')) {
      return not_guarded(mapped.path.empty() ? "code in memory of its own making" : mapped.path);
    }
    const FileVersion version = REEVE_TRY(guarded.version_at(mapped.path));
    if (version.inode != mapped.inode || version.device != mapped.device) return not_guarded(mapped.path);
  }
  return {};
}

Result<void> read_at(const Fd& file, std::uint64_t offset, std::span<std::byte> room) {
  while (!room.empty()) {
    const ssize_t got = ::pread(file.raw(), room.data(), room.size(), static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return system_failure("pread");
    if (got == 0) return fail(Kind::invalid, code::kSystem, "the file is shorter than it was");
    room = room.subspan(static_cast<std::size_t>(got));
    offset += static_cast<std::uint64_t>(got);
  }
  return {};
}

}  // namespace reeve::os
