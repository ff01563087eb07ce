// Descriptors of a declared kind, as they stand in an interface.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "object.hpp"

namespace reeve::object {

/// A regular file, open for reading. What a service receives as a File is one: the channel has made sure; and it can
/// read it and no more, whatever it was open for here.
/// Threads: copies share one open file and its offset.
class File {
 public:
  /// Opens the file at `path`. Errors: system (not there, no permission), bad-attachment for what is no regular
  /// file, or one that a process serves (FUSE).
  static Result<File> open(const std::string& path);

  File() = default;
  /// A file that is open for reading already. What it is, the channel finds out when it is sent.
  explicit File(std::shared_ptr<const os::Fd> fd) : fd_(std::move(fd)) {}
  /// The same, of a descriptor's number, which is closed with it.
  static File take(int descriptor) { return File(std::make_shared<const os::Fd>(descriptor)); }

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

/// A descriptor of a kind, open for something, as an interface declares it. The channel makes sure of both before the
/// receiver gets it. One that is open for more than its type says is handed over with all of that, but for a File.
/// Threads: copies share what is open.
template <os::DescriptorKind kKind, os::Access kAccess>
class Attached {
 public:
  Attached() = default;
  /// One that is open already. What it is, the channel finds out when it is sent.
  explicit Attached(std::shared_ptr<const os::Fd> fd) : fd_(std::move(fd)) {}
  /// The same, of a descriptor's number, which is closed with it.
  static Attached take(int descriptor) { return Attached(std::make_shared<const os::Fd>(descriptor)); }

  /// Whether there is one.
  explicit operator bool() const { return fd_ != nullptr; }
  /// The descriptor's number; -1 for an empty one. It stays this one's.
  int descriptor() const { return fd_ ? fd_->raw() : -1; }
  /// The descriptor, which lives for as long as anybody has a share in it; null for an empty one.
  const std::shared_ptr<const os::Fd>& shared() const { return fd_; }

 private:
  std::shared_ptr<const os::Fd> fd_;
};

/// A regular file, open for reading and writing.
using WritableFile = Attached<os::DescriptorKind::file, os::Access::read_write>;
/// The end of a pipe that is read from.
using PipeReader = Attached<os::DescriptorKind::pipe, os::Access::read>;
/// The end of a pipe that is written to.
using PipeWriter = Attached<os::DescriptorKind::pipe, os::Access::write>;
/// A socket of any kind but a channel's: Right and Endpoint are for those. What can be done with it is for its receiver
/// to find out.
using Socket = Attached<os::DescriptorKind::socket, os::Access::read_write>;

/// A pipe: what is written to the one end comes out of the other.
struct Pipe {
  PipeReader reader;  ///< what is read from
  PipeWriter writer;  ///< what is written to
  /// Errors: busy where no descriptors are left.
  static Result<Pipe> make();
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
using object::Pipe;
using object::PipeReader;
using object::PipeWriter;
using object::Socket;
using object::WritableFile;
}  // namespace reeve
