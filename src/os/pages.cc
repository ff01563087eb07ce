#include "pages.hpp"

#include <sys/mman.h>
#include <unistd.h>

namespace reeve::os {

std::size_t page_bytes() {
  static const auto size = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  return size;
}

Result<void*> map_pages(std::size_t size, void* at) {
  const int where = at != nullptr ? MAP_FIXED_NOREPLACE : 0;
  void* const mapped = ::mmap(at, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | where, -1, 0);
  if (mapped == MAP_FAILED) return system_failure("mmap");
  return mapped;
}

Result<void*> map_copy(const Fd& memory, std::size_t size) {
  void* const mapped = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE, memory.raw(), 0);
  if (mapped == MAP_FAILED) return system_failure("mmap");
  return mapped;
}

Result<void> unmap_pages(void* at, std::size_t size) {
  if (::munmap(at, size) != 0) return system_failure("munmap");
  return {};
}

Result<void> protect_pages(void* at, std::size_t size, Protection protection) {
  const int bits =
      (protection.read ? PROT_READ : 0) | (protection.write ? PROT_WRITE : 0) | (protection.execute ? PROT_EXEC : 0);
  if (::mprotect(at, size, bits) != 0) return system_failure("mprotect");
  return {};
}

}  // namespace reeve::os
