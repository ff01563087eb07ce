// The root folder that a confined process sees: the system's libraries, read-only, and nothing else.
#pragma once

#include <string>
#include <vector>

#include "../os/fd.hpp"

namespace reeve::sandbox {

/// An empty folder tree, made once on the host, over which the libraries are mounted in the namespace that all confined
/// processes join. (A tmpfs made inside could hold no files: the user namespace maps no group.)
class Root {
 public:
  /// Makes the tree at `path`, inside a folder that only we can enter.
  static Result<Root> prepare(const std::string& path);

  /// Mounts the libraries and makes this the root of the process's mount namespace, for good.
  Result<void> enter() const;

  /// Landlock's, for a process that sees this root.
  const os::Fd& rules() const { return rules_; }

 private:
  std::string path_;
  std::vector<std::string> shown_;  // Folders of the host that appear inside, at the same place.
  os::Fd rules_;
};

}  // namespace reeve::sandbox
