#include "whole_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>

#include "descriptor.hpp"

namespace reeve::os {
namespace {

std::unexpected<Error> failure_at(const std::string& path, const char* call) {
  Error error = system_failure(call).error();
  error.message = path + ": " + error.message;
  return std::unexpected(std::move(error));
}

Result<struct stat> facts_of(const std::string& path, const Fd& file) {
  struct stat facts{};
  if (::fstat(file.raw(), &facts) != 0) return failure_at(path, "fstat");
  if (!S_ISREG(facts.st_mode)) return fail(Kind::invalid, code::kSystem, path + ": not a regular file");
  return facts;
}

Result<WholeFile> read_all(const std::string& path, const Fd& file, const struct stat& facts, std::size_t most) {
  const auto too_large = [&] {
    return fail(Kind::invalid, code::kTooLarge, path + ": larger than " + std::to_string(most) + " bytes");
  };
  if (static_cast<std::size_t>(facts.st_size) > most) return too_large();
  WholeFile whole;
  whole.mode = facts.st_mode & 07777;
  whole.user = facts.st_uid;
  whole.group = facts.st_gid;
  whole.has_privileges =
      (facts.st_mode & (S_ISUID | S_ISGID)) != 0 || ::fgetxattr(file.raw(), "security.capability", nullptr, 0) > 0;
  whole.bytes.resize(static_cast<std::size_t>(facts.st_size) + 1);  // One more, to see whether it has grown.
  std::size_t size = 0;
  while (true) {
    const ssize_t got = ::read(file.raw(), whole.bytes.data() + size, whole.bytes.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return failure_at(path, "read");
    size += static_cast<std::size_t>(got);
    if (got == 0) break;
    if (size > most) return too_large();
    if (size == whole.bytes.size()) whole.bytes.resize(size * 2);
  }
  whole.bytes.resize(size);
  return whole;
}

Result<Fd> open_to_read(const std::string& path) {
  Fd file(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  if (!file) return failure_at(path, "open");
  return file;
}

Result<void> write_all(const std::string& path, const Fd& file, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(file.raw(), bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return failure_at(path, "write");
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
  return {};
}

Result<void> write_and_rename(const std::string& path, const std::string& beside, const Fd& file,
                              std::span<const std::span<const std::byte>> parts, const WholeFile& like) {
  for (const auto& part : parts) REEVE_TRY(write_all(beside, file, part));
  // Before the mode, which a change of owner takes from.
  if (::fchown(file.raw(), like.user, like.group) != 0) return failure_at(path, "fchown");
  if (::fchmod(file.raw(), like.mode) != 0) return failure_at(beside, "fchmod");
  if (::fsync(file.raw()) != 0) return failure_at(beside, "fsync");
  if (::rename(beside.c_str(), path.c_str()) != 0) return failure_at(path, "rename");
  return {};
}

}  // namespace

Result<WholeFile> read_whole(const std::string& path, std::size_t most) {
  const Fd file = REEVE_TRY(open_to_read(path));
  return read_all(path, file, REEVE_TRY(facts_of(path, file)), most);
}

Result<WholeFile> read_secret(const std::string& path, std::size_t most) {
  const Fd file = REEVE_TRY(open_to_read(path));
  const struct stat facts = REEVE_TRY(facts_of(path, file));
  if (facts.st_uid != ::geteuid()) {
    return fail(Kind::denied, code::kBadKey, path + ": belongs to user " + std::to_string(facts.st_uid),
                "use a key of your own");
  }
  if ((facts.st_mode & 077) != 0) {
    return fail(Kind::denied, code::kBadKey, path + ": can be read by its group or by others",
                "others may have it by now: make a new one, or chmod 600 it if you know better");
  }
  return read_all(path, file, facts, most);
}

Result<void> make_secret(const std::string& path, std::span<const std::byte> bytes) {
  const Fd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!file && errno == EEXIST) {
    return fail(Kind::invalid, code::kBadKey, path + ": is there already",
                "choose another name: keys are not replaced");
  }
  if (!file) return failure_at(path, "open");
  auto written = write_all(path, file, bytes);
  if (written && ::fsync(file.raw()) != 0) written = failure_at(path, "fsync");
  if (!written) ::unlink(path.c_str());
  return written;
}

Result<void> replace_whole(const std::string& path, std::span<const std::span<const std::byte>> parts,
                           const WholeFile& like) {
  std::string beside = path + ".XXXXXX";
  const Fd file(::mkostemp(beside.data(), O_CLOEXEC));
  if (!file) return failure_at(path, "mkostemp");
  auto outcome = write_and_rename(path, beside, file, parts, like);
  if (!outcome) ::unlink(beside.c_str());
  return outcome;
}

}  // namespace reeve::os
