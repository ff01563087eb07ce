// Noticing that something happened at a path: inotify, and what a path looks like.
#pragma once

#include <string>
#include <vector>

#include "fd.hpp"
#include "files.hpp"

namespace reeve::os {

/// A descriptor that becomes readable when something has happened at one of the paths, or where a path would be.
/// `is_complete` is false where the kernel had no watch left for some of them: look again from time to time.
struct Notices {
  Fd descriptor;
  bool is_complete = true;
};
/// Errors: busy where the kernel has no more of them for this user.
Result<Notices> notice(const std::vector<std::string>& paths);

/// What can be seen of a path without opening what stands there.
struct PathLook {
  bool exists = false;
  bool is_filled = false;  ///< a folder with something in it
  FileVersion version;
  friend bool operator==(const PathLook&, const PathLook&) = default;
};
PathLook look_at(const std::string& path);

}  // namespace reeve::os
