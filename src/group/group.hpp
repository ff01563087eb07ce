// What the programs of an app group share beside names: a folder.
//
// Threads: any; calls block.
// Errors:  not-privileged for who is no member of the group; those of the broker.
#pragma once

#include <string>

#include "../vocab/result.hpp"

namespace reeve::group {

/// The path of the group's folder, which is there when this returns, with `Library/Caches` and `Library/Preferences` in
/// it. Members are programs whose signature, or whose job, names the group; to all others it is an error, and nothing
/// is made. In a sandbox the folder is reached in the preset `group-files` alone: in others it is an error too
/// (unsupported).
Result<std::string> container(const std::string& id);

}  // namespace reeve::group
