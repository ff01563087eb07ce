// One packet: a fixed header, what its descriptors are declared to be, and a body.
//
//   offset size
//        0    4  magic "REEV"
//        4    2  version, 1
//        6    2  kind
//        8    4  flags, zero
//       12    4  attachment count
//       16    8  message id
//       24    8  reply-to id
//       32   16  call-chain id
//       48    8  sequence
//       56    8  absolute CLOCK_MONOTONIC deadline in ns, zero for none
//       64    8  size of the body in this packet
//       72    8  offset of this packet's body within the message
//       80    8  size of the whole message
//       88   4n  for each attachment: kind (1), access (1), zero (2)
//                body
//
// Trust:   bytes come from strangers; decode_header is a pure function.
// Errors:  bad-packet, with the field that is wrong.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <type_traits>
#include <vector>

#include "../os/clock.hpp"
#include "../os/descriptor.hpp"
#include "../os/socket.hpp"
#include "../vocab/bounds.hpp"
#include "../vocab/result.hpp"

namespace reeve::channel {

enum class PacketKind : std::uint16_t {
  hello = 1,    ///< the first packet of each side: versions, features, clock
  request = 2,  ///< wants exactly one reply or error
  reply = 3,    ///< answers the request whose id is reply-to
  error = 4,    ///< answers it with an Error
  end = 5,      ///< the last packet of a side: an Error says why the channel ends
  message = 6,  ///< wants no answer
};

struct Header {
  std::array<char, 4> magic{'R', 'E', 'E', 'V'};
  std::uint16_t version = 1;
  PacketKind kind = PacketKind::hello;
  std::uint32_t flags = 0;
  std::uint32_t attachment_count = 0;
  std::uint64_t id = 0;
  std::uint64_t reply_to = 0;
  std::array<std::byte, 16> chain{};
  std::uint64_t sequence = 0;
  std::uint64_t deadline = 0;
  std::uint64_t body_size = 0;
  std::uint64_t fragment_offset = 0;
  std::uint64_t message_size = 0;
};
static_assert(sizeof(Header) == 88 && alignof(Header) == 8 && std::has_unique_object_representations_v<Header>);

struct AttachmentEntry {
  std::uint8_t kind = 0;
  std::uint8_t access = 0;
  std::uint16_t zero = 0;
};
static_assert(sizeof(AttachmentEntry) == 4);

inline constexpr std::size_t kPacketBytesMax =
    sizeof(Header) + kAttachmentCountMax * sizeof(AttachmentEntry) + kInlineBytesMax;

/// The first packet's body.
struct Hello {
  std::uint32_t oldest_version = 1;
  std::uint32_t newest_version = 1;
  std::uint64_t features = 0;  ///< none yet
  std::uint64_t clock = 0;     ///< the sender's CLOCK_MONOTONIC in ns, as it sent
};
static_assert(sizeof(Hello) == 24);

/// A descriptor on its way, with what its sender declares it to be.
struct Attachment {
  std::shared_ptr<const os::Fd> fd;
  os::DescriptorKind kind = os::DescriptorKind::file;
  os::Access access = os::Access::read;
};

/// A packet that has passed every check of the header and of its attachments. The body is unread.
struct Packet {
  Header header;
  std::vector<std::byte> body;
  std::vector<Attachment> attachments;
};

struct DecodedHeader {
  Header header;
  std::array<AttachmentEntry, kAttachmentCountMax> entries;
  std::span<const std::byte> body;
};

/// What stands in the bytes of one packet that came with `descriptor_count` descriptors.
Result<DecodedHeader> decode_header(std::span<const std::byte> bytes, std::size_t descriptor_count);

}  // namespace reeve::channel
