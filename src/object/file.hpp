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
  /// A file that is open for reading already. What it is, the channel finds out when it is sent.
  explicit File(std::shared_ptr<const os::Fd> fd) : fd_(std::move(fd)) {}

  /// Whether there is one.
  explicit operator bool() const { return fd_ != nullptr; }
  /// The descriptor's number, for the calls of other libraries; -1 for an empty File. It stays the File's.
  int descriptor() const { return fd_ ? fd_->raw() : -1; }
  /// In bytes, at present. Errors: bad-attachment for an empty File; system.
  Result<std::size_t> size() const;

  /// The descriptor, which lives for as long as anybody has a share in it; null for an empty File.
  const std::shared_ptr<const os::Fd>& shared() const { return fd_; }

 private:
  std::shared_ptr<const os::Fd> fd_;
};

/// One end of a channel on its way to another process.
class ChannelEnd {
 public:
  ChannelEnd() = default;
  /// Takes the end.
  explicit ChannelEnd(os::Fd fd) : fd_(std::make_shared<const os::Fd>(std::move(fd))) {}
  /// An end that others have a share in.
  explicit ChannelEnd(std::shared_ptr<const os::Fd> fd) : fd_(std::move(fd)) {}

  /// The descriptor; null where there is none.
  const std::shared_ptr<const os::Fd>& shared() const { return fd_; }

 private:
  std::shared_ptr<const os::Fd> fd_;
};

}  // namespace reeve::object

namespace reeve {
using object::File;
}  // namespace reeve
