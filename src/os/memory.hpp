// Anonymous memory with a descriptor: sealed copies that nobody can change any more.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "descriptor.hpp"

namespace reeve::os {

/// Memory that holds `bytes` and is sealed against every change.
Result<Fd> sealed_memory(const char* name, std::span<const std::byte> bytes);

/// Memory of `size` bytes, all zero, that can be written to and mapped, and sealed when it is filled.
Result<Fd> open_memory(const char* name, std::size_t size);

/// What can no longer be done to memory: nothing at all, or only changing its size.
enum class Sealing : std::uint8_t { whole, size };

/// Seals memory. With Sealing::whole there may be no writable mapping of it, and every hole is filled first, so that
/// reading it never takes memory from the reader.
Result<void> seal_memory(const Fd& memory, Sealing sealing);

/// Whether it is memory so sealed, in ordinary pages (a huge page may not be there when it is touched) and, where it is
/// sealed as a whole, without holes (which the reader would pay for). Asks nothing that could block.
bool is_memory(const Fd& memory, Sealing sealing);

/// In bytes.
Result<std::size_t> memory_size(const Fd& memory);

/// Memory in this process's address space, until it is destroyed.
class Mapping {
 public:
  Mapping() = default;
  Mapping(Mapping&& other) noexcept : bytes_(std::exchange(other.bytes_, {})) {}
  Mapping& operator=(Mapping&& other) noexcept {
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  ~Mapping();

  /// The first `size` bytes of memory. Errors: busy where the address space is full.
  static Result<Mapping> of(const Fd& memory, std::size_t size, Access access);

  std::span<std::byte> bytes() const { return bytes_; }

 private:
  explicit Mapping(std::span<std::byte> bytes) : bytes_(bytes) {}
  std::span<std::byte> bytes_;
};

/// Whether any of the first `size` bytes is not there until it is touched. Looks at every page.
bool has_holes(const Fd& memory, std::size_t size);

/// A copy of the first `size` bytes of memory, which somebody may be writing to. Errors: invalid where there are fewer.
Result<std::vector<std::byte>> read_memory(const Fd& memory, std::size_t size);

/// Copies the first bytes of memory, as many as there is room for.
Result<void> read_memory_into(const Fd& memory, std::span<std::byte> room);

struct ImageMode {
  unsigned permissions;  ///< 0111 where the owner runs it, 0511 where root made it for another user
};

/// A copy of a program's file that can be run, cannot be read by who runs it, and cannot be changed.
/// Errors: invalid where the file is not a regular file or is larger than kImageBytesMax.
Result<Fd> sealed_image(const Fd& program, ImageMode mode);

}  // namespace reeve::os
