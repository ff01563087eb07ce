// Sealed copies of programs, made once for each version of a file.
//
// Owns:    the copies. A file that was replaced or written to is copied anew.
#pragma once

#include <map>
#include <string>

#include "../contract/spawner.hpp"
#include "../os/files.hpp"
#include "../os/memory.hpp"

namespace reeve::spawn {

/// Who may do what with a copy: nobody reads it, and where services have users of their own those run it.
os::ImageMode image_mode();

class Images {
 public:
  explicit Images(os::ImageMode mode) : mode_(mode) {}

  struct Image {
    os::FileVersion version;  ///< of the file that it is a copy of
    os::Fd copy;
    contract::ImageId id{};
    std::string manifest;  ///< of its signature, which is good; empty where it is not signed
  };
  /// The sealed copy of the program at `path`; it stays ours.
  /// Errors: system where it cannot be opened, denied where others than its owner, we or root, can write to it;
  /// bad-signature.
  Result<const Image*> image_of(const std::string& path);

 private:
  os::ImageMode mode_;
  std::map<std::string, Image> images_;
};

}  // namespace reeve::spawn
