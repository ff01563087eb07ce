#include "path.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <set>
#include <string_view>
#include <vector>

namespace reeve::os {
namespace {

constexpr int kLinksMax = 40;  // as the kernel has it

struct Facts {
  std::uint64_t mount = 0;
  std::uint32_t owner = 0;
  std::uint16_t mode = 0;
};

bool is_planted(const Facts& what, const Facts& folder) {
  constexpr unsigned kShared = S_ISVTX | S_IWOTH;
  return (folder.mode & kShared) == kShared && what.owner != ::geteuid() && what.owner != folder.owner;
}

// Links have no mode of their own: they are whoever's folder it is.
bool is_roots_alone(const Facts& what) {
  return what.owner == 0 && (S_ISLNK(what.mode) || (what.mode & (S_IWGRP | S_IWOTH)) == 0);
}

std::unexpected<Error> planted(const std::string& path) {
  return fail(Kind::denied, code::kBadJob,
              path + " leads through what another user has put into a folder of everybody's",
              "name a path in a folder of your own");
}

Result<Facts> facts_of(const Fd& path) {
  struct statx facts{};
  if (::statx(path.raw(), "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_TYPE | STATX_MODE | STATX_UID | STATX_MNT_ID,
              &facts) != 0) {
    return system_failure("statx");
  }
  return Facts{facts.stx_mnt_id, facts.stx_uid, facts.stx_mode};
}

Result<Fd> open_path(const char* name) {
  Fd path(::open(name, O_PATH | O_CLOEXEC));
  if (!path) return system_failure("open");
  return path;
}

// The numbers of the mounts that a process serves, as long as the table of mounts stays the same.
class ServedMounts {
 public:
  Result<bool> contains(std::uint64_t mount) {
    if (has_changed()) {
      if (auto read = read_table(); !read) {
        table_.close();
        return std::unexpected(read.error());
      }
    }
    return served_.contains(mount);
  }

 private:
  bool has_changed() const {
    if (!table_) return true;
    pollfd entry{table_.raw(), POLLPRI, 0};
    return ::poll(&entry, 1, 0) != 0;
  }

  Result<void> read_table() {
    if (!table_) table_ = Fd(::open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC));
    if (!table_) return system_failure("open /proc/self/mountinfo");
    if (::lseek(table_.raw(), 0, SEEK_SET) != 0) return system_failure("lseek");
    std::string text;
    std::array<char, 16 * 1024> room;
    while (true) {
      const ssize_t got = ::read(table_.raw(), room.data(), room.size());
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return system_failure("read");
      if (got == 0) break;
      text.append(room.data(), static_cast<std::size_t>(got));
    }
    served_.clear();
    for (std::size_t begin = 0; begin < text.size();) {
      const std::size_t end = std::min(text.find('\n', begin), text.size());
      take_line(std::string_view(text).substr(begin, end - begin));
      begin = end + 1;
    }
    for (const char* needed : {"/", "/proc/self/exe"}) {
      const Fd path = REEVE_TRY(open_path(needed));
      served_.erase(REEVE_TRY(facts_of(path)).mount);
    }
    return {};
  }

  // "36 35 98:0 /root /mount/point options - TYPE ...", with the mount's number in front.
  void take_line(std::string_view line) {
    constexpr std::string_view kBeforeType = " - ";
    const std::size_t before = line.find(kBeforeType);
    if (before == std::string_view::npos) return;
    const std::string_view rest = line.substr(before + kBeforeType.size());
    const std::string_view type = rest.substr(0, rest.find(' '));
    if (type != "fuse" && type != "fuseblk" && !type.starts_with("fuse.") && !type.starts_with("fuseblk.")) {
      return;
    }
    served_.insert(std::strtoull(line.data(), nullptr, 10));
  }

  Fd table_;
  std::set<std::uint64_t> served_;
};

thread_local ServedMounts served_mounts;

// The names of a path, the last first.
void push_names(std::vector<std::string>& names, std::string_view path) {
  std::size_t end = path.size();
  while (end > 0) {
    const std::size_t slash = path.rfind('/', end - 1);
    const std::size_t begin = slash == std::string_view::npos ? 0 : slash + 1;
    const std::string_view name = path.substr(begin, end - begin);
    if (!name.empty() && name != ".") names.emplace_back(name);
    end = slash == std::string_view::npos ? 0 : slash;
  }
}

Result<std::string> target_of(const Fd& link) {
  std::array<char, PATH_MAX> text;
  const ssize_t size = ::readlinkat(link.raw(), "", text.data(), text.size());
  if (size < 0) return system_failure("readlinkat");
  return std::string(text.data(), static_cast<std::size_t>(size));
}

std::string rest_of(std::string name, const std::vector<std::string>& names) {
  for (auto next = names.rbegin(); next != names.rend(); ++next) name += "/" + *next;
  return name;
}

}  // namespace

Result<Place> find(const std::string& path) {
  std::vector<std::string> names;
  push_names(names, path);
  const auto root = []() -> Result<Place> { return Place{REEVE_TRY(open_path("/")), {}, false, false}; };
  Place place = REEVE_TRY(root());
  Facts folder = REEVE_TRY(facts_of(place.nearest));
  bool is_guarded = is_roots_alone(folder);
  for (int links = 0; !names.empty();) {
    const std::string name = std::move(names.back());
    names.pop_back();
    Fd next(::openat(place.nearest.raw(), name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
    if (!next && errno == ENOENT) {
      place.missing = rest_of(name, names);
      return place;
    }
    if (!next) return system_failure("openat");
    const Facts facts = REEVE_TRY(facts_of(next));
    // On its folder's mount it is served as that is, which was looked at.
    if (facts.mount != folder.mount && REEVE_TRY(served_mounts.contains(facts.mount))) {
      return fail(Kind::denied, code::kBadJob, path + " leads into a file system that a process serves (FUSE)",
                  "name a path elsewhere: whoever waits for such a process may wait for ever");
    }
    is_guarded = is_guarded && is_roots_alone(facts);
    if (!S_ISLNK(facts.mode)) {
      place = {std::move(next), {}, is_planted(facts, folder), is_guarded};
      folder = facts;
      continue;
    }
    if (is_planted(facts, folder)) return planted(path);
    if (++links > kLinksMax) return fail(Kind::invalid, code::kBadJob, path + " goes through too many links");
    const std::string target = REEVE_TRY(target_of(next));
    push_names(names, target);
    if (target.starts_with('/')) {
      place = REEVE_TRY(root());
      folder = REEVE_TRY(facts_of(place.nearest));
    }
  }
  return place;
}

std::string path_to(const Place& place) { return "/proc/self/fd/" + std::to_string(place.nearest.raw()); }

Result<Fd> open_found(const Place& place, int flags) {
  const bool is_new = !place.missing.empty();
  if (is_new && ((flags & O_CREAT) == 0 || place.missing.find('/') != std::string::npos)) {
    errno = ENOENT;
    return system_failure("open");
  }
  if ((flags & O_CREAT) != 0 && place.is_planted) return planted("it");
  Fd file(is_new ? ::openat(place.nearest.raw(), place.missing.c_str(), flags | O_NOFOLLOW | O_CLOEXEC, 0600)
                 : ::open(path_to(place).c_str(), (flags & ~O_CREAT) | O_CLOEXEC));
  if (!file) return system_failure("open");
  return file;
}

}  // namespace reeve::os
