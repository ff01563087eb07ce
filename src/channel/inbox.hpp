// Room for what arrives, shared by all the channels that one owner reads, and the ledger of what is held for their
// peers.
//
// Owns:    a few buffers, used again as soon as nothing of the packet in them is held any more.
// Threads: one owner. What was received may be read, and let go, by any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "../quota/quota.hpp"
#include "../vocab/bounds.hpp"

namespace reeve::channel {

/// Memory whose pages are there once they are touched, and not before.
class Buffer {
 public:
  /// Null where there is not so much memory.
  static std::shared_ptr<Buffer> make(std::size_t size);
  explicit Buffer(std::unique_ptr<std::byte[]> bytes, std::size_t size) : bytes_(std::move(bytes)), size_(size) {}
  std::span<std::byte> bytes() const { return {bytes_.get(), size_}; }

 private:
  std::unique_ptr<std::byte[]> bytes_;
  std::size_t size_;
};

class Inbox {
 public:
  /// `limit` is what may be held at once of messages that are whole only in part.
  explicit Inbox(const quota::Amount& limit = {kHeldBytesMax, kHeldDescriptorsMax, 0}) : ledger_(limit) {}

  /// What is likely to come next: where it is a long message, rooms are large enough for its fragments to be received
  /// where the first of them lies.
  enum class Expects : std::uint8_t { packets, long_messages };
  void expect(Expects what) { expects_ = what; }

  /// A buffer for at least one packet that nobody else uses. Null where there is not so much memory.
  std::shared_ptr<Buffer> room();

  quota::Ledger& ledger() { return ledger_; }

 private:
  std::array<std::shared_ptr<Buffer>, 4> rooms_;
  std::size_t oldest_ = 0;
  Expects expects_ = Expects::packets;
  quota::Ledger ledger_;
};

}  // namespace reeve::channel
