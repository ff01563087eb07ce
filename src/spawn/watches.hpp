// What happens in the job folders and at the paths that jobs wait for.
//
// Owns:    the notifier and what each path looked like last.
// Threads: one.
// Errors:  where the kernel has no notices left, it is looked every few seconds.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "../contract/spawner.hpp"
#include "../os/loop.hpp"
#include "../os/notice.hpp"

namespace reeve::spawn {

class Watches {
 public:
  /// `folders_changed` is called some time after a job file came, went or changed; `path_is` for each path once, and
  /// after that when it is not as it was.
  Watches(os::Loop& loop, std::vector<std::string> folders, std::function<void()> folders_changed,
          std::function<void(std::uint32_t watch, std::size_t index, std::uint32_t bits)> path_is);

  void begin();
  /// These paths, instead of those before.
  void watch(std::uint32_t number, std::vector<std::string> paths);

 private:
  struct Path {
    std::string path;
    std::optional<os::PathLook> look;
    bool was_told = false;  ///< to the watch that there is now
  };
  struct FolderLook {
    os::Time when{};  ///< CLOCK_REALTIME
    std::uint64_t device = 0;
    std::uint64_t inode = 0;
    bool is_trusted = false;
    std::vector<std::pair<std::string, os::FileVersion>> files;
  };
  static FolderLook look_at_folder(const std::string& path);
  void look_again();
  void look_at_folders();
  void look_at_paths();

  os::Loop& loop_;
  std::vector<std::string> folders_;
  std::function<void()> folders_changed_;
  std::function<void(std::uint32_t, std::size_t, std::uint32_t)> path_is_;
  std::vector<FolderLook> folder_looks_;
  std::uint32_t number_ = 0;
  std::vector<Path> paths_;
  os::Fd notifier_;
  os::Loop::Watch notices_;
  os::Loop::Timer soon_;
};

}  // namespace reeve::spawn
