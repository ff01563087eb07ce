// The root folder that a confined process sees: the system's libraries, what its preset reads, and nothing else.
#pragma once

#include <string>
#include <vector>

#include "../os/fd.hpp"
#include "layers.hpp"
#include "preset.hpp"

namespace reeve::sandbox {

/// A folder that processes inside may change, and where it stands.
struct Container {
  std::string path;
  os::Fd folder;
};

/// An empty folder tree, made once on the host, over which all that is shown is mounted in the namespace that the
/// preset's processes join. (A tmpfs made inside could hold no files: the user namespace maps no group.)
class Root {
 public:
  /// Makes the preset's tree at `path`, inside a folder that only we can enter. What this machine has not is left out.
  /// `containers` are folders that its processes may change, each seen where it stands outside. Of the layers in
  /// `may_lack` what this kernel has not is done without. Errors: missing-layer.
  static Result<Root> prepare(const std::string& path, const Preset& preset, std::vector<Container> containers = {},
                              Layers may_lack = 0);

  /// Mounts what it shows and makes this the root of the process's mount namespace, for good.
  Result<void> enter() const;

  /// Landlock's, for a process that sees this root; nothing where it has to do without.
  const os::Fd& rules() const { return rules_; }

 private:
  std::string path_;
  Result<void> show(const char* path);

  std::vector<Container> containers_;
  std::vector<std::string> shown_;  // Of the host, and inside at the same place.
  os::Fd rules_;
};

}  // namespace reeve::sandbox
