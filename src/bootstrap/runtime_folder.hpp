// The folder where broker and clients meet: REEVE_RUNTIME_DIR, else $XDG_RUNTIME_DIR/reeve, else /run/reeve for root,
// else /tmp/reeve-UID. It must be the user's own, mode 0700 and no link; otherwise it is refused, with the reason.
#pragma once

#include <string>

#include "../os/fd.hpp"

namespace reeve::bootstrap {

inline constexpr const char* kSocketName = "broker.socket";
inline constexpr const char* kLockName = "broker.lock";

struct RuntimeFolder {
  std::string path;
  os::Fd folder;
};

/// Errors: runtime-folder.
Result<RuntimeFolder> open_runtime_folder();

}  // namespace reeve::bootstrap
