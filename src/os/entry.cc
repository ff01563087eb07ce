#include "entry.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace reeve::os {
namespace {

Entry entry_of(const struct stat& facts) { return {S_ISSOCK(facts.st_mode), facts.st_uid, facts.st_dev, facts.st_ino}; }

}  // namespace

std::optional<Entry> entry_in(const Fd& folder, const std::string& name) {
  struct stat facts{};
  if (::fstatat(folder.raw(), name.c_str(), &facts, AT_SYMLINK_NOFOLLOW) != 0) return std::nullopt;
  return entry_of(facts);
}

Result<Entry> entry_of(const Fd& file) {
  struct stat facts{};
  if (::fstat(file.raw(), &facts) != 0) return system_failure("fstat");
  return entry_of(facts);
}

void remove_in(const Fd& folder, const std::string& name) { (void)::unlinkat(folder.raw(), name.c_str(), 0); }

Result<void> rewrite(const Fd& file, const std::string& text) {
  if (::ftruncate(file.raw(), 0) != 0) return system_failure("ftruncate");
  const ssize_t written = ::pwrite(file.raw(), text.data(), text.size(), 0);
  if (written != static_cast<ssize_t>(text.size())) return system_failure("pwrite");
  return {};
}

}  // namespace reeve::os
