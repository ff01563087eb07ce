// What travels on a line: one packet each.
//
//   offset size
//        0    4  magic "RPRT"
//        4    2  version, 1
//        6    2  kind
//        8    4  message id, as its sender chose it; 0 in all other kinds
//       12    4  count of what follows: items of a message, lines of `lines`; else 0
//       16  32n  for each item of a message: an Item      24n  for each of the lines: a CarriedLine
//                then a message's data; or the one body of any other kind
//
// Trust:   bytes come from strangers; decoding is a pure function.
// Errors:  bad-packet, with the field that is wrong.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>
#include <variant>
#include <vector>

#include "../vocab/bounds.hpp"
#include "../vocab/result.hpp"
#include "name.hpp"

namespace reeve::port {

enum class PacketKind : std::uint16_t {
  message = 1,    ///< from a holder: what its user sends
  introduce = 2,  ///< from a holder: one end of a new line to the same port, in place of a right that it gives away
  credit = 3,     ///< from the receiver: a Credit
  port = 4,       ///< in a carrier, first: a CarriedPort
  lines = 5,      ///< in a carrier: some of the port's lines, with an end of each
  notice = 6,     ///< in a carrier: a notification that waited, as a CarriedNotice
};

struct Header {
  std::array<char, 4> magic{'R', 'P', 'R', 'T'};
  std::uint16_t version = 1;
  PacketKind kind = PacketKind::message;
  std::int32_t id = 0;
  std::uint32_t count = 0;
};
static_assert(sizeof(Header) == 16 && std::has_unique_object_representations_v<Header>);

/// What a message carries beside its data.
enum class ItemKind : std::uint8_t {
  none = 0,       ///< nothing, where a right might have been
  dead = 1,       ///< what was a right to a port that is no more
  send = 2,       ///< a send right: the holder's end of a line
  send_once = 3,  ///< a send-once right: the same, to be used once
  receive = 4,    ///< a receive right: a carrier, in whose queue all that belongs to the port lies
  memory = 5,     ///< sealed memory
  array = 6,      ///< the `size` items that follow are the elements of one array
};
constexpr bool has_descriptor(ItemKind kind) { return kind >= ItemKind::send && kind <= ItemKind::memory; }

/// Which port a right is to, as its giver has it: sixteen random bytes that whoever holds no right to it does not know.
/// Nothing rests on it but whether two rights that the same giver gave have one name.
using PortId = std::array<std::byte, 16>;

/// Where the first item belongs: it is the right to answer by, or one of what is carried.
enum class Place : std::uint8_t { carried = 0, reply = 1 };

struct Item {
  ItemKind kind = ItemKind::none;
  Place place = Place::carried;
  ItemKind as = ItemKind::none;  ///< of none, dead and array: what it would have been, or what the elements are
  std::uint8_t zero = 0;
  std::uint32_t window = 0;  ///< of a send right: messages that may wait
  PortId id{};               ///< of a send right
  std::uint64_t size = 0;    ///< of memory, in bytes; of an array, in items
};
static_assert(sizeof(Item) == 32 && std::has_unique_object_representations_v<Item>);

/// What a line lets its holder do.
enum class LineKind : std::uint8_t {
  send = 1,       ///< any number of messages
  send_once = 2,  ///< one
};

/// The body of an introduction.
struct Introduction {
  LineKind kind = LineKind::send;
  std::array<std::uint8_t, 7> zero{};
};
static_assert(sizeof(Introduction) == 8);

/// How many messages of a line were taken out of the queue since it was made, and how many may wait in it.
struct Credit {
  std::uint64_t taken = 0;
  std::uint32_t window = 0;  ///< 1 to kQueueLimitMax
  std::uint32_t zero = 0;
};
static_assert(sizeof(Credit) == 16 && std::has_unique_object_representations_v<Credit>);

/// A port on its way to another receiver.
struct CarriedPort {
  std::uint32_t queue_limit = kQueueLimit;
  std::uint32_t line_count = 0;
  std::uint32_t notice_count = 0;
  std::uint32_t zero = 0;
};
static_assert(sizeof(CarriedPort) == 16 && std::has_unique_object_representations_v<CarriedPort>);

struct CarriedLine {
  LineKind kind = LineKind::send;
  std::array<std::uint8_t, 7> zero{};
  std::uint64_t taken = 0;  ///< messages
  std::uint64_t told = 0;   ///< of those, in the last credit
};
static_assert(sizeof(CarriedLine) == 24 && std::has_unique_object_representations_v<CarriedLine>);

/// A notification that waits at a port which moves, but for those about names, which mean nothing elsewhere.
struct CarriedNotice {
  std::uint32_t kind =
      0;  ///< a NotificationKind that is not about a name; port_destroyed comes with the port, as a carrier
  std::uint32_t count = 0;  ///< of no_senders
};
static_assert(sizeof(CarriedNotice) == 8 && std::has_unique_object_representations_v<CarriedNotice>);

/// A message as it travels.
struct Letter {
  std::int32_t id = 0;
  std::vector<Item> items;
  std::span<const std::byte> data;  ///< where it lies
};
using CarriedLines = std::vector<CarriedLine>;

/// A packet that was checked as far as its bytes go.
using Packet = std::variant<Letter, Introduction, Credit, CarriedPort, CarriedLines, CarriedNotice>;

inline constexpr std::size_t kPacketBytesMax = sizeof(Header) + kAttachmentCountMax * sizeof(Item) + kLetterBytesMax;

/// A packet that came with so many descriptors.
Result<Packet> decode_packet(std::span<const std::byte> bytes, std::size_t descriptor_count);

}  // namespace reeve::port
