#include "watches.hpp"

#include <algorithm>
#include <map>

#include "../os/clock.hpp"
#include "../vocab/bounds.hpp"

namespace reeve::spawn {
namespace {

std::uint32_t bits_of(const os::PathLook& look, const std::optional<os::PathLook>& before) {
  using contract::PathBit;
  std::uint32_t bits = 0;
  if (look.exists) bits |= static_cast<std::uint32_t>(PathBit::exists);
  if (look.is_filled) bits |= static_cast<std::uint32_t>(PathBit::is_filled);
  if (before && look != *before) bits |= static_cast<std::uint32_t>(PathBit::has_changed);
  return bits;
}

// How coarse a file's time may be: a tick of the slowest kernel, and something beside.
constexpr std::chrono::milliseconds kFileTimeStep{20};

}  // namespace

Watches::Watches(os::Loop& loop, std::vector<std::string> folders, std::function<void()> folders_changed,
                 std::function<void(std::uint32_t, std::size_t, std::uint32_t)> path_is)
    : loop_(loop),
      folders_(std::move(folders)),
      folders_changed_(std::move(folders_changed)),
      path_is_(std::move(path_is)) {}

void Watches::begin() {
  folder_looks_.clear();
  for (const std::string& folder : folders_) folder_looks_.push_back(look_at_folder(folder));
  look_again();
}

void Watches::watch(std::uint32_t number, std::vector<std::string> paths) {
  number_ = number;
  // What changed since a path was last looked at is told to this watch, though it was another's then.
  std::map<std::string, std::optional<os::PathLook>> looks;
  for (Path& path : paths_) looks.emplace(std::move(path.path), path.look);
  paths_.clear();
  for (std::string& path : paths) {
    const auto known = looks.find(path);
    paths_.push_back({std::move(path), known == looks.end() ? std::nullopt : known->second, false});
  }
  look_again();
}

// New notices first, then a look: whatever happens between is seen by the one or the other.
void Watches::look_again() {
  std::vector<std::string> all = folders_;
  for (const Path& path : paths_) all.push_back(path.path);
  auto notices = os::notice(all);
  notices_.drop();
  bool is_complete = false;
  if (notices) {
    notifier_ = std::move(notices->descriptor);
    // What happens comes in crowds: they are waited for, and looked at once.
    auto watch = loop_.watch(notifier_, {.readable = true}, [this](os::Ready) {
      notices_.drop();
      soon_ = loop_.at(os::now() + kNoticePause, [this] { look_again(); });
    });
    is_complete = watch && notices->is_complete;
    if (watch) notices_ = std::move(*watch);
  }
  if (!is_complete) soon_ = loop_.at(os::now() + kLookPause, [this] { look_again(); });
  look_at_folders();
  look_at_paths();
}

// The folder may be that of everything else too: what is no job file there is passed over.
Watches::FolderLook Watches::look_at_folder(const std::string& path) {
  FolderLook look;
  look.when = os::real_now();
  const auto folder = os::open_folder(path);
  if (!folder) return look;
  const auto version = os::version_of(*folder);
  if (version) look.device = version->device, look.inode = version->inode;
  look.is_trusted = os::check_trusted(*folder).has_value();
  if (!look.is_trusted) return look;  // Nothing in it counts.
  const auto names = os::names_in(*folder, ".plist", kJobFileCountMax);
  if (!names) return look;
  for (const std::string& name : *names) look.files.emplace_back(name, os::look_at(path + "/" + name).version);
  return look;
}

void Watches::look_at_folders() {
  bool has_changed = false;
  for (std::size_t i = 0; i < folders_.size(); ++i) {
    const FolderLook look = look_at_folder(folders_[i]);
    const FolderLook before = std::exchange(folder_looks_[i], look);
    // A file that is written twice within a step of its clock looks the same.
    const auto may_be_newer = [&](const auto& file) {
      return std::chrono::nanoseconds(file.second.changed_ns) > before.when - kFileTimeStep;
    };
    has_changed |= look.device != before.device || look.inode != before.inode || look.is_trusted != before.is_trusted ||
                   look.files != before.files || std::any_of(look.files.begin(), look.files.end(), may_be_newer);
  }
  if (has_changed) folders_changed_();
}

void Watches::look_at_paths() {
  for (std::size_t i = 0; i < paths_.size(); ++i) {
    Path& path = paths_[i];
    const os::PathLook look = os::look_at(path.path);
    if (path.was_told && look == path.look) continue;
    const std::uint32_t bits = bits_of(look, path.look);
    path.look = look;
    path.was_told = true;
    path_is_(number_, i, bits);
  }
}

}  // namespace reeve::spawn
