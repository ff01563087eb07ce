// Bytes that are built in place and handed over, in whichever way is cheapest for so many.
#pragma once

#include <cstddef>
#include <span>
#include <utility>
#include <variant>
#include <vector>

#include "memory.hpp"

namespace reeve::object {

/// Bytes that nobody changes any more: in the message itself where they fit one, else in sealed memory beside it. Who
/// receives a Buffer need not know which.
/// Threads: copies share the bytes.
class Buffer {
 public:
  Buffer() = default;
  /// Bytes that are there already.
  Buffer(Data data) : what_(std::move(data)) {}
  /// Memory that is sealed.
  explicit Buffer(Memory memory) : what_(std::move(memory)) {}

  /// In bytes.
  std::size_t size() const;
  /// The bytes, in place. Errors: busy where there is no address space left.
  Result<Data> data() const;

  /// Data or Memory.
  const std::variant<Data, Memory>& what() const { return what_; }

 private:
  std::variant<Data, Memory> what_;
};

/// A Buffer that is being filled: `make`, write to `bytes`, `seal`, and send what that returns.
/// Threads: one owner.
class BufferBuilder {
 public:
  /// `size` is in bytes, at most 1 GiB (kMemoryBytesMax). Errors: too-large; busy where the kernel has none left.
  static Result<BufferBuilder> make(std::size_t size);

  /// All of it, zero at first. Empty once it is sealed.
  std::span<std::byte> bytes();

  /// Gives up writing. Errors: bad-attachment where it was sealed before; system as of MemoryBuilder.
  Result<Buffer> seal();

 private:
  explicit BufferBuilder(std::vector<std::byte> bytes) : what_(std::move(bytes)) {}
  explicit BufferBuilder(MemoryBuilder memory) : what_(std::move(memory)) {}
  std::variant<std::vector<std::byte>, MemoryBuilder> what_;
  bool is_sealed_ = false;
};

}  // namespace reeve::object

namespace reeve {
using object::Buffer;
using object::BufferBuilder;
}  // namespace reeve
