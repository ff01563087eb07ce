#include "files.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <memory>

#include "../vocab/bounds.hpp"
#include "descriptor.hpp"
#include "path.hpp"

namespace reeve::os {
namespace {

std::unexpected<Error> refuse_folder(const std::string& path, const std::string& why) {
  return fail(Kind::denied, code::kRuntimeFolder, path + " " + why,
              "remove it, or name another folder in REEVE_RUNTIME_DIR: it must be yours alone, mode 0700, and no link");
}

Result<struct stat> facts_of(const Fd& file) {
  struct stat facts{};
  if (::fstat(file.raw(), &facts) != 0) return system_failure("fstat");
  return facts;
}

AtPath kind_of(mode_t mode) {
  if (S_ISREG(mode)) return AtPath::file;
  if (S_ISDIR(mode)) return AtPath::folder;
  return S_ISLNK(mode) ? AtPath::link : AtPath::other;
}

}  // namespace

namespace {

Result<Fd> open_real_folder(const std::string& path) {
  Fd folder(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!folder) {
    if (errno == ELOOP || errno == ENOTDIR) return refuse_folder(path, "is a symbolic link or not a folder");
    const auto failure = system_failure("open");
    return refuse_folder(path, "cannot be opened (" + failure.error().message + ")");
  }
  return folder;
}

enum class Owner { self, self_or_root };

// A real folder of that owner, whose mode has none of `forbidden`.
Result<Fd> checked_folder(const std::string& path, mode_t forbidden, const char* what_is_wrong, Owner owner) {
  Fd folder = REEVE_TRY(open_real_folder(path));
  const struct stat facts = REEVE_TRY(facts_of(folder));
  if (facts.st_uid != ::geteuid() && !(owner == Owner::self_or_root && facts.st_uid == 0)) {
    return refuse_folder(path, "belongs to user " + std::to_string(facts.st_uid) + ", not to you");
  }
  if ((facts.st_mode & forbidden) != 0) return refuse_folder(path, what_is_wrong);
  return folder;
}

Result<void> make_folder(const std::string& path, mode_t mode) {
  if (::mkdir(path.c_str(), mode) == 0 || errno == EEXIST) return {};
  const auto failure = system_failure("mkdir");
  return refuse_folder(path, "cannot be made (" + failure.error().message + ")");
}

}  // namespace

Result<Fd> private_folder(const std::string& path) {
  REEVE_TRY(make_folder(path, 0700));
  return checked_folder(path, 077, "can be entered by its group or by others", Owner::self);
}

Result<Fd> private_folder_of(const std::string& path, std::uint32_t owner) {
  REEVE_TRY(make_folder(path, 0700));
  Fd folder = REEVE_TRY(open_real_folder(path));
  struct stat facts = REEVE_TRY(facts_of(folder));
  if (facts.st_uid != owner && facts.st_uid == ::geteuid() && ::geteuid() == 0) {
    if (::fchown(folder.raw(), owner, owner) != 0) return system_failure("fchown");
    facts.st_uid = owner;
  }
  if (facts.st_uid != owner) return refuse_folder(path, "belongs to user " + std::to_string(facts.st_uid));
  if ((facts.st_mode & 077) != 0) return refuse_folder(path, "can be entered by its group or by others");
  return folder;
}

Result<Fd> shared_folder(const std::string& path) {
  return checked_folder(path, 022, "can be written to by its group or by others", Owner::self_or_root);
}

Result<void> make_shared_folder(const std::string& path) {
  REEVE_TRY(make_folder(path, 0755));
  return {};
}

Result<std::optional<Fd>> take_lock(const Fd& folder, const char* name) {
  Fd file(::openat(folder.raw(), name, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!file) return system_failure("openat");
  if (::flock(file.raw(), LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK) return std::nullopt;
    return system_failure("flock");
  }
  const std::string pid = std::to_string(::getpid()) + "\n";
  if (::ftruncate(file.raw(), 0) != 0 || ::write(file.raw(), pid.data(), pid.size()) < 0)
    return system_failure("write");
  return file;
}

void release_lock(const Fd& lock) { (void)::flock(lock.raw(), LOCK_UN); }

Result<Fd> open_folder(const std::string& path) {
  Fd folder(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder) return system_failure("open");
  return folder;
}

Result<std::vector<std::string>> names_in(const Fd& folder, std::string_view suffix, std::size_t most) {
  Fd copy = REEVE_TRY(folder.duplicate());
  const std::unique_ptr<DIR, int (*)(DIR*)> stream(::fdopendir(copy.raw()), ::closedir);
  if (!stream) return system_failure("fdopendir");
  (void)copy.release();
  ::rewinddir(stream.get());
  std::vector<std::string> names;
  while (const dirent* entry = ::readdir(stream.get())) {
    const std::string_view name = entry->d_name;
    if (name.ends_with(suffix) && names.size() < most) names.emplace_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

namespace {

Result<void> check_owner(const Fd& file, uid_t owner, const char* advice) {
  const struct stat facts = REEVE_TRY(facts_of(file));
  if (facts.st_uid != owner && facts.st_uid != 0) {
    return fail(Kind::denied, code::kBadJob, "belongs to user " + std::to_string(facts.st_uid), advice);
  }
  if ((facts.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
    return fail(Kind::denied, code::kBadJob, "can be written by its group or by others", "chmod go-w it");
  }
  return {};
}

}  // namespace

Result<void> check_trusted(const Fd& file) { return check_owner(file, ::geteuid(), "chown it to yourself"); }

Result<void> check_of_root(const Fd& file) { return check_owner(file, 0, "chown it to root"); }

Result<std::string> read_trusted_file(const Fd& folder, const std::string& name, std::size_t most,
                                      Result<void> (*check)(const Fd&)) {
  const Fd file(::openat(folder.raw(), name.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  if (!file) return system_failure("openat");
  if (!is_kind(file, DescriptorKind::file)) return fail(Kind::invalid, code::kBadJob, "is not a regular file");
  REEVE_TRY(check(file));
  std::string text(most + 1, '\0');
  std::size_t size = 0;
  while (size < text.size()) {
    const ssize_t got = ::read(file.raw(), text.data() + size, text.size() - size);
    if (got < 0) return system_failure("read");
    if (got == 0) break;
    size += static_cast<std::size_t>(got);
  }
  if (size > most) return fail(Kind::invalid, code::kTooLarge, "is larger than " + std::to_string(most) + " bytes");
  text.resize(size);
  return text;
}

Result<Fd> open_regular(const std::string& path) {
  // O_NONBLOCK: opening a pipe or a terminal that stands at the path must not wait for its other side.
  Fd file(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  if (!file) return system_failure("open");
  if (!is_kind(file, DescriptorKind::file) && !is_served_by_a_process(file)) {
    return fail(Kind::invalid, code::kBadAttachment, "not a regular file");
  }
  return file;
}

Result<Fd> open_program(const std::string& path) {
  // Its user may keep programs wherever that user likes, and waits alone; root's spawner starts them for everybody.
  if (::geteuid() != 0) return open_regular(path);
  Fd file = REEVE_TRY(open_found(REEVE_TRY(find(path)), O_RDONLY | O_NONBLOCK | O_NOCTTY));
  if (!is_kind(file, DescriptorKind::file)) return fail(Kind::invalid, code::kBadAttachment, "not a regular file");
  return file;
}

namespace {

// A device may have to be asked, too; but that is the kernel's.
Result<Fd> open_for_a_program(const std::string& path, int flags) {
  const Place place = REEVE_TRY(find(path));
  struct statx facts{};
  if (place.missing.empty()) {
    if (::statx(place.nearest.raw(), "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_TYPE, &facts) != 0) {
      return system_failure("statx");
    }
    if (!S_ISREG(facts.stx_mode) && !S_ISCHR(facts.stx_mode)) {
      return fail(Kind::invalid, code::kBadAttachment, "neither a regular file nor a device");
    }
  }
  Fd file = REEVE_TRY(open_found(place, flags | O_NONBLOCK | O_NOCTTY));
  // The program is to wait for what it reads and writes, as it would have by itself.
  ::fcntl(file.raw(), F_SETFL, flags & ~O_CREAT);
  return file;
}

}  // namespace

Result<Fd> open_input(const std::string& path) { return open_for_a_program(path, O_RDONLY); }
Result<Fd> open_output(const std::string& path) { return open_for_a_program(path, O_WRONLY | O_APPEND | O_CREAT); }

Result<Fd> open_device_null() {
  Fd nothing(::open("/dev/null", O_RDWR | O_CLOEXEC));
  if (!nothing) return system_failure("open /dev/null");
  return nothing;
}

Result<std::size_t> file_size(const Fd& file) {
  struct statx facts{};
  if (::statx(file.raw(), "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_SIZE, &facts) != 0) {
    return system_failure("statx");
  }
  return static_cast<std::size_t>(facts.stx_size);
}

std::optional<std::string> own_program() {
  std::array<char, PATH_MAX> path{};
  const ssize_t size = ::readlink("/proc/self/exe", path.data(), path.size());
  if (size <= 0) return std::nullopt;
  return std::string(path.data(), static_cast<std::size_t>(size));
}

std::string end_of_own_program(std::size_t count) {
  const Fd file(::open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
  const auto size = file ? file_size(file) : std::unexpected(Error());
  if (!size || *size < count) return {};
  std::string end(count, '\0');
  const ssize_t got = ::pread(file.raw(), end.data(), count, static_cast<off_t>(*size - count));
  return got == static_cast<ssize_t>(count) ? end : std::string();
}

bool can_run(const std::string& path) { return ::access(path.c_str(), X_OK) == 0; }

Result<void> make_folders(const std::string& path) {
  for (std::size_t slash = path.find('/', 1);; slash = path.find('/', slash + 1)) {
    const std::string folder = path.substr(0, slash);
    if (::mkdir(folder.c_str(), 0755) == 0) {
      if (::chmod(folder.c_str(), 0755) != 0) return system_failure(("chmod " + folder).c_str());  // whatever the umask
    } else if (errno != EEXIST) {
      return system_failure(("mkdir " + folder).c_str());
    }
    if (slash == std::string::npos) return {};
  }
}

Result<void> make_private_folders(const std::string& path) {
  for (std::size_t slash = path.find('/', 1); slash != std::string::npos; slash = path.find('/', slash + 1)) {
    REEVE_TRY(make_folder(path.substr(0, slash), 0700));
  }
  REEVE_TRY(private_folder(path));
  return {};
}

Result<void> make_empty_file(const std::string& path) {
  REEVE_TRY(make_folders(path.substr(0, path.rfind('/'))));
  const Fd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0644));
  if (!file) return system_failure(("open " + path).c_str());
  return {};
}

AtPath what_is_at(const std::string& path) {
  struct stat facts{};
  return ::lstat(path.c_str(), &facts) == 0 ? kind_of(facts.st_mode) : AtPath::nothing;
}

AtPath what_is_at_end_of(const std::string& path) {
  struct stat facts{};
  return ::stat(path.c_str(), &facts) == 0 ? kind_of(facts.st_mode) : AtPath::nothing;
}

Result<void> copy_link(const std::string& original, const std::string& copy) {
  std::array<char, PATH_MAX> target{};
  const ssize_t size = ::readlink(original.c_str(), target.data(), target.size() - 1);
  if (size < 0) return system_failure(("readlink " + original).c_str());
  if (::symlink(target.data(), copy.c_str()) != 0 && errno != EEXIST)
    return system_failure(("symlink " + copy).c_str());
  return {};
}

Result<FileVersion> version_of(const Fd& file) {
  const struct stat facts = REEVE_TRY(facts_of(file));
  return FileVersion{facts.st_dev, facts.st_ino, static_cast<std::uint64_t>(facts.st_size),
                     facts.st_ctim.tv_sec * 1'000'000'000 + facts.st_ctim.tv_nsec};
}

OpenFile::OpenFile(const Fd& file) : number_(file.raw()) {
  struct stat facts{};
  if (::fstat(number_, &facts) != 0) return;
  device_ = facts.st_dev;
  inode_ = facts.st_ino;
}

bool OpenFile::is_still_open() const {
  struct stat facts{};
  if (::fstat(number_, &facts) != 0) return errno != EBADF;  // It cannot be told just now: nothing speaks against it.
  return inode_ == 0 || (facts.st_dev == device_ && facts.st_ino == inode_);
}

}  // namespace reeve::os
