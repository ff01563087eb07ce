#include "memory.hpp"

#include <new>

#include "../vocab/bounds.hpp"

namespace reeve::object {

Result<Data> Memory::data() const {
  if (!fd_) return fail(Kind::invalid, code::kBadAttachment, "an empty Memory has no bytes", "make one first");
  if (!is_sealed()) {
    // Its size is up to a stranger, and holes cost the stranger nothing.
    if (size_ > kMemoryBytesMax) {
      return fail(Kind::invalid, code::kTooLarge, "memory of more than 1 GiB is not copied", "ask for smaller memory");
    }
    std::shared_ptr<std::byte[]> copy(new (std::nothrow) std::byte[size_]);
    if (!copy) return fail(Kind::busy, code::kSystem, "no memory is left for a copy", "ask for smaller memory");
    const std::span<std::byte> room(copy.get(), size_);
    REEVE_TRY(os::read_memory_into(*fd_, room));
    return Data(std::span<const std::byte>(room), std::move(copy), size_);
  }
  // What the channel counted may lie beyond the end. A hole would be filled, from the reader's memory, by reading it.
  if (os::has_holes(*fd_, size_)) {
    return fail(Kind::invalid, code::kBadAttachment, "the memory has holes, which its reader would pay for");
  }
  auto mapping = std::make_shared<const os::Mapping>(REEVE_TRY(os::Mapping::of(*fd_, size_, os::Access::read)));
  const std::span<const std::byte> bytes = mapping->bytes();
  return Data(bytes, std::move(mapping), size_);
}

Result<MemoryBuilder> MemoryBuilder::make(std::size_t size) {
  if (size == 0 || size > kMemoryBytesMax) {
    return fail(Kind::invalid, code::kTooLarge, "memory is made of 1 byte to 1 GiB", "use several, or a File");
  }
  auto fd = std::make_shared<const os::Fd>(REEVE_TRY(os::open_memory("reeve-memory", size)));
  auto mapping = REEVE_TRY(os::Mapping::of(*fd, size, os::Access::read_write));
  return MemoryBuilder(std::move(fd), std::move(mapping));
}

std::unexpected<Error> MemoryBuilder::given_away() {
  return fail(Kind::invalid, code::kBadAttachment, "the memory was sealed before", "make another");
}

Result<Memory> MemoryBuilder::seal() {
  if (!fd_) return given_away();
  const auto size = static_cast<std::uint32_t>(mapping_.bytes().size());
  mapping_ = os::Mapping();
  REEVE_TRY(os::seal_memory(*fd_, os::Sealing::whole));
  return Memory(std::move(fd_), os::DescriptorKind::memory, size);
}

Result<Memory> MemoryBuilder::share() {
  if (!fd_) return given_away();
  REEVE_TRY(os::seal_memory(*fd_, os::Sealing::size));
  return Memory(fd_, os::DescriptorKind::shared, static_cast<std::uint32_t>(mapping_.bytes().size()));
}

}  // namespace reeve::object
