// The root folder that a confined process sees: the system's libraries, read-only, and nothing else.
#pragma once

#include <string>
#include <vector>

#include "../os/fd.hpp"

namespace reeve::sandbox {

/// An empty folder tree, made once on the host, over which each process mounts the libraries for itself. (A tmpfs made
/// inside could hold no files: the user namespace maps no group.)
class Root {
 public:
  /// Makes the tree at `path`, inside a folder that only we can enter.
  static Result<Root> prepare(const std::string& path);

  const std::string& path() const { return path_; }
  /// Folders of the host that appear inside, at the same place.
  const std::vector<std::string>& shown() const { return shown_; }

 private:
  std::string path_;
  std::vector<std::string> shown_;
};

}  // namespace reeve::sandbox
