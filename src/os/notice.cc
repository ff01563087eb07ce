#include "notice.hpp"

#include "path.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/inotify.h>
#include <sys/stat.h>

#include <memory>
#include <string_view>

namespace reeve::os {
namespace {

constexpr std::uint32_t kAnything = IN_CREATE | IN_DELETE | IN_MODIFY | IN_CLOSE_WRITE | IN_ATTRIB | IN_MOVED_FROM |
                                    IN_MOVED_TO | IN_DELETE_SELF | IN_MOVE_SELF;

// The path, or where it would be: the nearest folder above it that is there and lets us watch it.
bool watch_nearest(const Fd& notifier, std::string path) {
  while (true) {
    const auto place = find(path);
    if (place) {
      if (::inotify_add_watch(notifier.raw(), path_to(*place).c_str(), kAnything) >= 0) return true;
      if (errno != EACCES) return false;
    }
    if (path.size() <= 1) return false;
    const std::size_t slash = path.rfind('/');
    path.resize(slash == std::string::npos || slash == 0 ? 1 : slash);
  }
}

bool has_entries(const Place& place) {
  auto folder = open_found(place, O_RDONLY | O_DIRECTORY);
  if (!folder) return false;
  const std::unique_ptr<DIR, int (*)(DIR*)> stream(::fdopendir(folder->raw()), ::closedir);
  if (!stream) return false;
  (void)folder->release();
  while (const dirent* entry = ::readdir(stream.get())) {
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") return true;
  }
  return false;
}

}  // namespace

Result<Notices> notice(const std::vector<std::string>& paths) {
  Notices notices;
  notices.descriptor = Fd(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  if (!notices.descriptor) return system_failure("inotify_init1");
  for (const std::string& path : paths) {
    if (!watch_nearest(notices.descriptor, path)) notices.is_complete = false;
  }
  return notices;
}

PathLook look_at(const std::string& path) {
  struct statx facts{};
  constexpr unsigned kWanted = STATX_TYPE | STATX_INO | STATX_SIZE | STATX_CTIME;
  const auto place = find(path);
  if (!place || !place->missing.empty()) return {};
  if (::statx(place->nearest.raw(), "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, kWanted, &facts) != 0) return {};
  PathLook look;
  look.exists = true;
  look.version = {static_cast<std::uint64_t>(facts.stx_dev_major) << 32 | facts.stx_dev_minor, facts.stx_ino,
                  facts.stx_size,
                  static_cast<std::int64_t>(facts.stx_ctime.tv_sec) * 1'000'000'000 + facts.stx_ctime.tv_nsec};
  look.is_filled = S_ISDIR(facts.stx_mode) && has_entries(*place);
  return look;
}

}  // namespace reeve::os
