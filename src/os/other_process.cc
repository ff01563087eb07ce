#include "other_process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
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
#include "uapi.hpp"

namespace reeve::os {
namespace {

std::int64_t number_in(std::string_view text) {
  std::int64_t number = -1;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

FileVersion version_in(const struct statx& facts) {
  return {::makedev(facts.stx_dev_major, facts.stx_dev_minor), facts.stx_ino, facts.stx_size,
          facts.stx_ctime.tv_sec * 1'000'000'000 + facts.stx_ctime.tv_nsec};
}

enum class Links { stay, follow };

// Of an open path, of what stands at a path that was walked to before, or of what the kernel's own link leads to.
Result<FileVersion> look_at(int folder, const char* path, Links links = Links::stay) {
  struct statx facts{};
  const unsigned wanted = STATX_INO | STATX_SIZE | STATX_CTIME;
  const int how = AT_EMPTY_PATH | AT_STATX_DONT_SYNC | (links == Links::stay ? AT_SYMLINK_NOFOLLOW : 0);
  if (::statx(folder, path, how, wanted, &facts) != 0) {
    return system_failure("statx");
  }
  return version_in(facts);
}

std::unexpected<Error> not_guarded(const std::string& what) {
  return fail(Kind::denied, code::kNotTrusted, what + " is not root's alone, from / on",
              "install it where only root can write, as /usr is");
}

// In the caller's pid namespace.
Result<std::int32_t> pid_of(const Fd& pidfd) {
  uapi::PidfdInfo info;
  // Of a process whose parent is outside of that namespace it knows nothing.
  if (::ioctl(pidfd.raw(), uapi::kPidfdGetInfo, &info) == 0 && (info.mask & uapi::kInfoPid) != 0) {
    return static_cast<std::int32_t>(info.pid);
  }
  const std::string text = REEVE_TRY(read_text("/proc/self/fdinfo/" + std::to_string(pidfd.raw())));
  const auto pid = static_cast<std::int32_t>(number_in(field_in(text, "Pid:")));
  // -1 once it was reaped; and what is no pidfd has no such line.
  if (pid <= 0) return fail(Kind::gone, code::kClosed, "the process has ended");
  return pid;
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

std::string program_name(std::int32_t pid) {
  std::array<char, PATH_MAX> path{};
  const ssize_t size = ::readlink(proc_path(pid, "exe").c_str(), path.data(), path.size());
  std::string_view whole(path.data(), size > 0 ? static_cast<std::size_t>(size) : 0);
  if (whole.starts_with("/memfd:")) return {};
  constexpr std::string_view kReplaced = " (deleted)";
  if (whole.ends_with(kReplaced)) whole.remove_suffix(kReplaced.size());
  return std::string(whole.substr(whole.rfind('/') + 1));
}

std::string own_program_name() {
  const std::string name = program_name(::getpid());
  return name.empty() ? std::string(program_invocation_short_name) : name;
}

bool is_alive(const Fd& pidfd) {
  pollfd entry{pidfd.raw(), POLLIN, 0};
  return ::poll(&entry, 1, 0) == 0;
}

Result<ProcessFacts> facts_of(const Fd& pidfd) {
  ProcessFacts facts;
  facts.pid = REEVE_TRY(pid_of(pidfd));
  const std::string status = REEVE_TRY(read_text(proc_path(facts.pid, "status")));
  if (!is_alive(pidfd)) return fail(Kind::gone, code::kClosed, "the process has ended");
  // Its number in each namespace, from ours to its own.
  const std::string_view numbers = field_in(status, "NSpid:");
  facts.is_of_own_namespace = !numbers.empty() && numbers.find('\t') == std::string_view::npos;
  facts.is_traced = field_in(status, "TracerPid:") != "0";
  return facts;
}

// A path of the kernel's own making, without links: what stands there is what is meant.
Result<void> GuardedFiles::check(const std::string& path, const std::function<bool(const FileVersion&)>& is_meant) {
  if (const auto known = known_.find(path); known != known_.end()) {
    if (now() - known->second.looked_at < kGuardedFor && is_meant(known->second.version)) return {};
    const Time start = now();
    const auto version = look_at(AT_FDCWD, path.c_str());
    if (version && *version == known->second.version) {
      known->second.looked_at = start;
      return is_meant(*version) ? Result<void>() : not_guarded(path);
    }
    known_.erase(known);
  }
  const Time start = now();
  const auto place = find(path);
  if (!place || !place->missing.empty() || !place->is_guarded) return not_guarded(path);
  const FileVersion version = REEVE_TRY(look_at(place->nearest.raw(), ""));
  if (known_.size() >= kGuardedFilesMax) known_.clear();
  known_.emplace(path, Known{version, start});
  return is_meant(version) ? Result<void>() : not_guarded(path);
}

// By its path, which is followed anew: what /proc leads to may be served by a process, and is only looked at.
Result<RunningProgram> program_of(std::int32_t pid, GuardedFiles& guarded) {
  const std::string link = proc_path(pid, "exe");
  std::array<char, PATH_MAX> target;
  const ssize_t size = ::readlink(link.c_str(), target.data(), target.size());
  if (size < 0) return system_failure("readlink /proc/PID/exe");
  RunningProgram program{std::string(target.data(), static_cast<std::size_t>(size)),
                         REEVE_TRY(look_at(AT_FDCWD, link.c_str(), Links::follow))};
  REEVE_TRY(guarded.check(program.path, [&](const FileVersion& version) { return version == program.version; }));
  return program;
}

Result<Fd> open_program(const RunningProgram& program) {
  Fd file(::open(program.path.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW | O_CLOEXEC));
  if (!file) return system_failure("open");
  if (REEVE_TRY(look_at(file.raw(), "")) != program.version) return not_guarded("its program");
  return file;
}

Result<void> check_code_of(std::int32_t pid, GuardedFiles& guarded) {
  for (const MappedCode& mapped : REEVE_TRY(mapped_code(pid))) {
    if (is_kernels_own(mapped)) continue;
    if (!mapped.path.starts_with('/')) {
      return not_guarded(mapped.path.empty() ? "code in memory of its own making" : mapped.path);
    }
    REEVE_TRY(guarded.check(mapped.path, [&](const FileVersion& version) {
      return version.inode == mapped.inode && version.device == mapped.device;
    }));
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
