// Pages of this process's address space that belong to nobody's object: for interfaces whose users give them up.
//
// Threads: any.
// Errors:  busy where the address space or memory is full; invalid for what is no range of pages.
#pragma once

#include <cstddef>

#include "fd.hpp"

namespace reeve::os {

std::size_t page_bytes();

/// Zeroed pages, readable and writable: anywhere, or exactly there, where nothing is.
Result<void*> map_pages(std::size_t size, void* at = nullptr);

/// A copy of the first `size` bytes of memory, made page by page as they are written to.
Result<void*> map_copy(const Fd& memory, std::size_t size);

/// Gives up every page of the range.
Result<void> unmap_pages(void* at, std::size_t size);

/// What may be done there from now on.
struct Protection {
  bool read = false;
  bool write = false;
  bool execute = false;
};
Result<void> protect_pages(void* at, std::size_t size, Protection protection);

}  // namespace reeve::os
