// Memory that is filled in place and handed over without a copy.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "../os/memory.hpp"
#include "data.hpp"

namespace reeve::object {

/// Memory with a descriptor, as it stands in a message. Sealed, nobody can change it any more, and whoever receives it
/// maps the sender's own pages. Not sealed, its sender may write to it at any time: what is read of it is a copy.
/// Threads: copies share the same memory.
class Memory {
 public:
  Memory() = default;
  /// `fd` is of kind memory or shared, and holds at least `size` bytes: the channel and the decoder have made sure.
  Memory(std::shared_ptr<const os::Fd> fd, os::DescriptorKind kind, std::uint32_t size)
      : fd_(std::move(fd)), kind_(kind), size_(size) {}

  /// In bytes.
  std::uint32_t size() const { return size_; }
  /// Whether nobody can change it any more.
  bool is_sealed() const { return kind_ == os::DescriptorKind::memory; }

  /// The bytes: of sealed memory in place, mapped for reading when they are first asked for and for as long as the Data
  /// lives; of other memory as a copy made now. Errors: busy where there is no address space or memory left;
  /// too-large for a copy of more than kMemoryBytesMax.
  Result<Data> data() const;

  /// `memory` where it is sealed, else `shared`.
  os::DescriptorKind kind() const { return kind_; }
  /// The descriptor; null for an empty Memory.
  const std::shared_ptr<const os::Fd>& shared() const { return fd_; }
  friend bool operator==(const Memory&, const Memory&) = default;

 private:
  std::shared_ptr<const os::Fd> fd_;
  os::DescriptorKind kind_ = os::DescriptorKind::memory;
  std::uint32_t size_ = 0;
};

/// Memory that is being filled: `make`, write to `bytes`, `seal`, and send what that returns.
/// Threads: one owner.
class MemoryBuilder {
 public:
  /// `size` is in bytes, 1 to 1 GiB (kMemoryBytesMax). Errors: too-large for any other; busy where the kernel has none
  /// left.
  static Result<MemoryBuilder> make(std::size_t size);

  /// All of it, zero at first.
  std::span<std::byte> bytes() const { return mapping_.bytes(); }

  /// Gives up writing: from now on nobody can, the builder included. `bytes` is empty after it.
  /// Errors: bad-attachment where it was sealed before; system where the kernel goes on holding a page of it.
  Result<Memory> seal();

  /// Keeps writing: the receiver reads copies. Only the size can no longer change.
  Result<Memory> share();

 private:
  MemoryBuilder(std::shared_ptr<const os::Fd> fd, os::Mapping mapping)
      : fd_(std::move(fd)), mapping_(std::move(mapping)) {}
  static std::unexpected<Error> given_away();
  std::shared_ptr<const os::Fd> fd_;
  os::Mapping mapping_;
};

}  // namespace reeve::object

namespace reeve {
using object::Memory;
using object::MemoryBuilder;
}  // namespace reeve
