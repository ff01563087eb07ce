// Finding what stands at a path without waiting for anybody.
#pragma once

#include <string>

#include "fd.hpp"

namespace reeve::os {

/// What stands at a path (O_PATH), or the folder nearest above it that is there.
struct Place {
  Fd nearest;
  std::string missing;      ///< the rest of the path; empty where `nearest` is what was looked for
  bool is_planted = false;  ///< somebody else's, in a folder where everybody may put things (/tmp)
  /// It is root's, and so are all folders and links on the way, and nobody else can write to any of them.
  bool is_guarded = false;
};

/// Follows an absolute path through folders and links, and asks no process that serves a file system (FUSE) anything:
/// one that does not answer would hold this process for ever, beyond even SIGKILL. The file systems of the root folder
/// and of the program that runs are excepted: without those it would not be there.
/// A link that somebody else has put where everybody may (/tmp) is not followed, whatever fs.protected_symlinks says.
/// Threads: any. Needs /proc.
/// Errors: denied where the path leads into such a file system, or may not be followed; invalid otherwise.
Result<Place> find(const std::string& path);

/// A path by which calls that know nothing but paths reach exactly what was found.
std::string path_to(const Place& place);

/// Opens what was found once more, with these flags; what is missing is made where they have O_CREAT (mode 0600) and
/// nothing but the last name of the path is missing. With O_CREAT nothing that was planted is opened
/// (fs.protected_regular).
Result<Fd> open_found(const Place& place, int flags);

}  // namespace reeve::os
