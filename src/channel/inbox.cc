#include "inbox.hpp"

#include <new>

#include "packet.hpp"

namespace reeve::channel {

std::shared_ptr<Buffer> Buffer::make(std::size_t size) {
  std::unique_ptr<std::byte[]> bytes(new (std::nothrow) std::byte[size]);
  if (!bytes) return nullptr;
  return std::make_shared<Buffer>(std::move(bytes), size);
}

std::shared_ptr<Buffer> Inbox::room() {
  const std::size_t size = expects_ == Expects::packets ? kPacketBytesMax : kRoomBytes;
  for (const auto& known : rooms_) {
    if (!known || known->bytes().size() != size || known.use_count() != 1) continue;
    // Nobody else can take it now. Taking it here comes after whatever another thread did before it let go.
    return known;
  }
  auto& place = rooms_[oldest_++ % rooms_.size()];
  place = Buffer::make(size);
  return place;
}

}  // namespace reeve::channel
