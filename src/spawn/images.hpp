// Sealed copies of programs, made once for each version of a file.
//
// Owns:    the copies. A file that was replaced or written to is copied anew.
#pragma once

#include <map>
#include <string>

#include "../os/files.hpp"
#include "../os/memory.hpp"

namespace reeve::spawn {

/// Who may do what with a copy: nobody reads it, and where services have users of their own those run it.
os::ImageMode image_mode();

class Images {
 public:
  explicit Images(os::ImageMode mode) : mode_(mode) {}

  /// The sealed copy of the program at `path`; it stays ours.
  /// Errors: system where it cannot be opened, denied where others than its owner, we or root, can write to it.
  Result<const os::Fd*> image_of(const std::string& path);

 private:
  struct Copy {
    os::FileVersion version;
    os::Fd image;
  };
  os::ImageMode mode_;
  std::map<std::string, Copy> copies_;
};

}  // namespace reeve::spawn
