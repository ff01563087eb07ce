// A file of a file system that a process serves (FUSE), and that process can be made to stop answering.
#pragma once

#include <sys/types.h>
#include <string>

#include "../../src/os/fd.hpp"
#include "session.hpp"

namespace reeve::test {

/// The server mounts in a mount namespace of its own and alone holds the kernel's line to it: with its end the mount is
/// gone and all that waits for it fails. Needs root.
///
/// While it is stalled this process must neither close the file nor fork: both would wait with everybody else.
class StalledFile {
 public:
  StalledFile();
  StalledFile(const StalledFile&) = delete;
  StalledFile& operator=(const StalledFile&) = delete;
  ~StalledFile();

  /// Nothing where the machine lets us mount none.
  const os::Fd& file() const { return file_; }
  /// Where this process finds it while the server lives.
  const std::string& path() const { return path_; }
  /// The mount namespace in which it stands, and where it stands there.
  std::string mounts() const { return "/proc/" + std::to_string(server_) + "/ns/mnt"; }
  std::string path_inside() const { return folder_.path() + "/file"; }
  void stall();
  void go_on();

 private:
  Folder folder_;
  pid_t server_ = -1;
  std::string path_;
  os::Fd file_;
};

}  // namespace reeve::test
