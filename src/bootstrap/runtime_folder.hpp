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

/// Where it is, whatever stands there.
std::string runtime_path();
/// Errors: runtime-folder.
Result<RuntimeFolder> open_runtime_folder();

/// Where the broker of the machine is met by all its users: REEVE_SYSTEM_DIR, else /run/reeve-system. It must belong to
/// root, or to whoever asks, and nobody else may write to it. Errors: runtime-folder.
Result<RuntimeFolder> open_system_folder();
/// The same for that broker itself, which makes it where it is not there.
Result<RuntimeFolder> make_system_folder();

}  // namespace reeve::bootstrap
