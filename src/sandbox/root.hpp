// The root folder that a confined process sees: the system's libraries, what its preset reads, and nothing else.
#pragma once

#include <string>
#include <vector>

#include "../os/fd.hpp"
#include "preset.hpp"

namespace reeve::sandbox {

/// An empty folder tree, made once on the host, over which all that is shown is mounted in the namespace that the
/// preset's processes join. (A tmpfs made inside could hold no files: the user namespace maps no group.)
class Root {
 public:
  /// Makes the preset's tree at `path`, inside a folder that only we can enter. What this machine has not is left out.
  static Result<Root> prepare(const std::string& path, const Preset& preset);

  /// Mounts what it shows and makes this the root of the process's mount namespace, for good.
  Result<void> enter() const;

  /// Landlock's, for a process that sees this root.
  const os::Fd& rules() const { return rules_; }

 private:
  std::string path_;
  Result<void> show(const char* path);

  std::vector<std::string> shown_;  // Of the host, and inside at the same place.
  os::Fd rules_;
};

}  // namespace reeve::sandbox
