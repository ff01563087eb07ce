// Anonymous memory with a descriptor: sealed copies that nobody can change any more.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "fd.hpp"

namespace reeve::os {

/// Memory that holds `bytes` and is sealed against every change.
Result<Fd> sealed_memory(const char* name, std::span<const std::byte> bytes);

/// Whether it is memory that nobody can write to, shrink, grow, or unseal.
bool is_sealed(const Fd& memory);

/// The bytes of sealed memory, at most `most` of them.
Result<std::vector<std::byte>> read_memory(const Fd& memory, std::size_t most);

struct ImageMode {
  unsigned permissions;  ///< 0111 where the owner runs it, 0511 where root made it for another user
};

/// A copy of a program's file that can be run, cannot be read by who runs it, and cannot be changed.
/// Errors: invalid where the file is not a regular file or is larger than kImageBytesMax.
Result<Fd> sealed_image(const Fd& program, ImageMode mode);

}  // namespace reeve::os
