// Descriptors of a declared kind, as they stand in an interface.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "object.hpp"

namespace reeve::object {

/// A regular file, open for reading. What a service receives as a File is one: the channel has made sure.
/// Threads: copies share one open file and its offset.
class File {
 public:
  /// Opens the file at `path`. Errors: system (not there, no permission), bad-attachment for what is no regular
  /// file, or one that a process serves (FUSE).
  static Result<File> open(const std::string& path);

  File() = default;
  explicit File(std::shared_ptr<const os::Fd> fd) : fd_(std::move(fd)) {}

  explicit operator bool() const { return fd_ != nullptr; }
  /// The descriptor's number, for the calls of other libraries; -1 for an empty File. It stays the File's.
  int descriptor() const { return fd_ ? fd_->raw() : -1; }
  /// In bytes.
  Result<std::size_t> size() const;

  const std::shared_ptr<const os::Fd>& shared() const { return fd_; }

 private:
  std::shared_ptr<const os::Fd> fd_;
};

/// One end of a channel on its way to another process.
class ChannelEnd {
 public:
  ChannelEnd() = default;
  explicit ChannelEnd(os::Fd fd) : fd_(std::make_shared<const os::Fd>(std::move(fd))) {}
  explicit ChannelEnd(std::shared_ptr<const os::Fd> fd) : fd_(std::move(fd)) {}

  const std::shared_ptr<const os::Fd>& shared() const { return fd_; }

 private:
  std::shared_ptr<const os::Fd> fd_;
};

}  // namespace reeve::object

namespace reeve {
using object::File;
}  // namespace reeve
