#include "inbox.hpp"

#include <new>

namespace reeve::channel {

std::shared_ptr<Buffer> Buffer::make(std::size_t size) {
  std::unique_ptr<std::byte[]> bytes(new (std::nothrow) std::byte[size]);
  if (!bytes) return nullptr;
  return std::make_shared<Buffer>(std::move(bytes), size);
}

std::shared_ptr<Buffer> Inbox::room() {
  for (const auto& known : rooms_) {
    // Taken before it is counted: with that, whatever another thread did to the buffer has happened.
    auto room = known;
    if (room && room.use_count() == 2) return room;
  }
  auto& place = rooms_[oldest_++ % rooms_.size()];
  place = Buffer::make(kRoomBytes);
  return place;
}

}  // namespace reeve::channel
