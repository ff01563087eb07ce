// One packet: a fixed header, what travels beside it, and a body or a fragment of one.
//
//   offset size
//        0    4  magic "REEV"
//        4    2  version, 1
//        6    2  kind
//        8    4  flags, zero
//       12    4  attachment count
//       16    8  message id
//       24    8  reply-to id: of the request that is answered, given up, or given credit
//       32   16  call-chain id
//       48    8  sequence
//       56    8  absolute CLOCK_MONOTONIC deadline in ns, zero for none
//       64    8  size of the body in this packet
//       72    8  offset of this packet's body within the message
//       80    8  size of the whole message
//       88   4n  for each attachment: kind (1), access (1), zero (2)
//           16m  for each endpoint among them: its token
//                body
//
// Trust:   bytes come from strangers; decoding is a pure function.
// Errors:  bad-packet, with the field that is wrong.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>
#include <vector>

#include "../object/object.hpp"
#include "../os/clock.hpp"
#include "../vocab/bounds.hpp"
#include "../vocab/result.hpp"

namespace reeve::channel {

enum class PacketKind : std::uint16_t {
  hello = 1,      ///< the first packet of each side: versions, features, clocks
  request = 2,    ///< wants exactly one reply or error
  reply = 3,      ///< answers the request whose id is reply-to
  error = 4,      ///< answers it with an Error
  end = 5,        ///< the last packet of a side: an Error says why the channel ends
  message = 6,    ///< wants no answer
  introduce = 7,  ///< brings one end of a new channel to whoever receives this one
  cancel = 8,     ///< whoever sent the request whose id is reply-to no longer waits; to peers that take it alone
  stream = 9,   ///< a request that wants any number of items first; its sender has room for kStreamWindowBytes of them
  item = 10,    ///< one of those, to the stream whose id is reply-to
  credit = 11,  ///< whoever sent the stream whose id is reply-to has room for more: a Credit
};

/// Whether it is answered, once, by a reply or an error.
constexpr bool wants_answer(PacketKind kind) { return kind == PacketKind::request || kind == PacketKind::stream; }

/// Of requests that are made of each other: whoever is asked hands it on to whomever it asks in turn.
using Chain = std::array<std::byte, 16>;
/// Whether it is zero: of no chain that is known.
constexpr bool is_none(const Chain& chain) {
  const auto halves = std::bit_cast<std::array<std::uint64_t, 2>>(chain);
  return (halves[0] | halves[1]) == 0;
}

struct Header {
  std::array<char, 4> magic{'R', 'E', 'E', 'V'};
  std::uint16_t version = 1;
  PacketKind kind = PacketKind::hello;
  std::uint32_t flags = 0;
  std::uint32_t attachment_count = 0;
  std::uint64_t id = 0;
  std::uint64_t reply_to = 0;
  Chain chain{};  ///< zero where the sender knows of none
  std::uint64_t sequence = 0;
  std::uint64_t deadline = 0;
  std::uint64_t body_size = 0;
  std::uint64_t fragment_offset = 0;
  std::uint64_t message_size = 0;
};
static_assert(sizeof(Header) == 88 && alignof(Header) == 8 && std::has_unique_object_representations_v<Header>);

struct AttachmentEntry {
  std::uint8_t kind = 0;  ///< a DescriptorKind, or kEndpointEntry
  std::uint8_t access = 0;
  std::uint16_t zero = 0;
};
static_assert(sizeof(AttachmentEntry) == 4);

/// The entry of an endpoint, which comes as a token and not as a descriptor.
inline constexpr std::uint8_t kEndpointEntry = 0x80;

inline constexpr std::size_t kTableBytesMax = kAttachmentCountMax * (sizeof(AttachmentEntry) + sizeof(Endpoint));
inline constexpr std::size_t kPacketBytesMax = sizeof(Header) + kTableBytesMax + kFragmentBytes;

/// What a side can do that not every side could, by the bits of its hello.
inline constexpr std::uint64_t kTakesCancels = 1;  ///< packets of kind cancel

/// The first packet's body. Two clocks, because CLOCK_MONOTONIC is another one in another time namespace, where
/// CLOCK_REALTIME is the same.
struct Hello {
  std::uint32_t oldest_version = 1;
  std::uint32_t newest_version = 1;
  std::uint64_t features = 0;   ///< kTakesCancels; who knows a bit ignores those that it does not know
  std::uint64_t monotonic = 0;  ///< the sender's CLOCK_MONOTONIC in ns, as it sent
  std::uint64_t real = 0;       ///< the sender's CLOCK_REALTIME in ns, as it sent
};
static_assert(sizeof(Hello) == 32);

/// What the sender of a stream has room for, beyond what it said before.
struct Credit {
  std::uint64_t bytes = 0;  ///< by item_cost; 1 to kStreamWindowBytes
};
static_assert(sizeof(Credit) == 8);

/// The bytes of a credit's body.
Result<Credit> decode_credit(std::span<const std::byte> body);

/// What an item takes of its stream's window: what it holds, and what holding it takes. One that is larger than what is
/// left of the window may be sent as long as anything is left.
constexpr std::int64_t item_cost(std::size_t body_size, std::size_t attachment_count) {
  return static_cast<std::int64_t>(body_size + kItemCostBytes + attachment_count * kItemAttachmentCostBytes);
}

/// What to add to a deadline of the peer's to have it on this process's clock, given both clocks here as its hello
/// came. A hello may have waited for a minute while a service was started; what does not fit that is another clock.
std::int64_t clock_offset(const Hello& hello, os::Time monotonic, os::Time real);

/// A whole message that has passed every check of its headers and of its attachments. The body is unread, and lies
/// where it was received.
struct Packet {
  Header header;
  Data body;
  std::vector<object::Attachment> attachments;
};

/// The 88 bytes at the front of a packet, if every field is one that the protocol knows.
Result<Header> decode_header(std::span<const std::byte> bytes);

/// What stands behind a header, where it lies.
struct Table {
  std::size_t count = 0;
  std::span<const std::byte> entries;
  std::span<const std::byte> tokens;  ///< of the endpoints among the entries
  std::span<const std::byte> body;
  AttachmentEntry entry(std::size_t i) const;
  Endpoint endpoint(std::size_t i) const;  ///< the i-th of the endpoints
};

/// What stands behind the header of a packet that came with `descriptor_count` descriptors.
Result<Table> decode_table(const Header& header, std::span<const std::byte> bytes, std::size_t descriptor_count);

/// The bytes of the hello's body. Errors: unsupported where there is no version in common.
Result<Hello> decode_hello(std::span<const std::byte> body);

}  // namespace reeve::channel
