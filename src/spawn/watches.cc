#include "watches.hpp"

#include <map>

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

}  // namespace

Watches::Watches(os::Loop& loop, std::vector<std::string> folders, std::function<void()> folders_changed,
                 std::function<void(std::uint32_t, std::size_t, std::uint32_t)> path_is)
    : loop_(loop),
      folders_(std::move(folders)),
      folders_changed_(std::move(folders_changed)),
      path_is_(std::move(path_is)) {}

void Watches::begin() {
  folder_looks_.clear();
  for (const std::string& folder : folders_) folder_looks_.push_back(os::look_at(folder));
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
      soon_ = loop_.at(os::now() + kNoticePause, [this] {
        // A file that was written over in place leaves its folder as it was.
        folders_changed_();
        look_again();
      });
    });
    is_complete = watch && notices->is_complete;
    if (watch) notices_ = std::move(*watch);
  }
  if (!is_complete) soon_ = loop_.at(os::now() + kLookPause, [this] { look_again(); });
  look_at_paths();
}

void Watches::look_at_paths() {
  for (std::size_t i = 0; i < folders_.size(); ++i) {
    const os::PathLook look = os::look_at(folders_[i]);
    if (std::exchange(folder_looks_[i], look) != look) folders_changed_();
  }
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
