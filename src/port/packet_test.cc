#include "packet.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <functional>
#include <string>

namespace reeve::port {
namespace {

using Bytes = std::vector<std::byte>;

template <class... Parts>
Bytes bytes_of(const Parts&... parts) {
  Bytes bytes;
  const auto append = [&](const auto& part) {
    const auto raw = std::as_bytes(std::span(&part, 1));
    bytes.insert(bytes.end(), raw.begin(), raw.end());
  };
  (append(parts), ...);
  return bytes;
}

std::string refusal(const Bytes& bytes, std::size_t descriptor_count) {
  const auto packet = decode_packet(bytes, descriptor_count);
  if (packet) return "taken";
  EXPECT_EQ(packet.error().code, code::kBadPacket);
  return packet.error().message;
}

// What a change to one good item is refused with.
std::string refusal_of(Item item, const std::function<void(Item&)>& change, std::size_t descriptor_count = 1) {
  change(item);
  return refusal(bytes_of(Header{.count = 1}, item), descriptor_count);
}

constexpr Item kSend{.kind = ItemKind::send, .window = 5, .id = PortId{std::byte{1}}};
constexpr Item kMemory{.kind = ItemKind::memory, .size = 4096};

TEST(LinePacket, IsRefusedWithItsFault) {
  EXPECT_EQ(refusal({}, 0), "line: shorter than its header of 16 bytes");
  EXPECT_EQ(refusal(bytes_of(Header{.magic = {'R', 'E', 'E', 'V'}}), 0), "line: not the magic RPRT");
  EXPECT_EQ(refusal(bytes_of(Header{.version = 2}), 0), "line: version 2, expected 1");
  EXPECT_EQ(refusal(bytes_of(Header{.kind = PacketKind{7}}), 0), "line: unknown kind 7");
  EXPECT_EQ(refusal(bytes_of(Header{.kind = PacketKind{0}}), 0), "line: unknown kind 0");
}

TEST(LinePacket, OfAMessageIsRefusedWithItsFault) {
  EXPECT_EQ(refusal(bytes_of(Header{.count = 17}), 0), "line: a message with more than 16 items");
  EXPECT_EQ(refusal(bytes_of(Header{.count = 0xffffffff}), 0), "line: a message with more than 16 items");
  EXPECT_EQ(refusal(bytes_of(Header{.count = 2}, kSend), 2), "line: shorter than its items");
  EXPECT_EQ(refusal(bytes_of(Header{.count = 1}, kSend), 0), "line: not as many descriptors as items that have one");
  EXPECT_EQ(refusal(bytes_of(Header{.count = 1}, kSend), 2), "line: not as many descriptors as items that have one");
  EXPECT_EQ(refusal(bytes_of(Header{}), 1), "line: not as many descriptors as items that have one");
  Bytes long_one = bytes_of(Header{});
  long_one.resize(long_one.size() + kLetterBytesMax + 1);
  EXPECT_EQ(refusal(long_one, 0), "line: a message of more than 64 KiB");
}

TEST(LinePacket, OfAnArrayIsRefusedWithItsFault) {
  const Item array{.kind = ItemKind::array, .as = ItemKind::send, .size = 1};
  const Item none{.as = ItemKind::send};
  const auto of = [](const Item& first, const Item& second) {
    return refusal(bytes_of(Header{.count = 2}, first, second), second.kind > ItemKind::dead ? 1 : 0);
  };
  EXPECT_EQ(of(array, kSend), "taken");
  EXPECT_EQ(of(array, none), "taken");
  const auto but = [](Item item, const std::function<void(Item&)>& change) { return change(item), item; };
  EXPECT_EQ(of(but(array, [](Item& i) { i.size = 2; }), kSend), "line: an array of more items than there are");
  EXPECT_EQ(of(but(array, [](Item& i) { i.size = 17; }), kSend), "line: an item's size does not fit its kind");
  EXPECT_EQ(of(array, kMemory), "line: an array of other items than it says");
  EXPECT_EQ(of(array, {}), "line: an array of other items than it says");
  EXPECT_EQ(of(array, array), "line: an array of other items than it says");
  const std::string no_as = "line: an item is as what it cannot be";
  EXPECT_EQ(of(but(array, [](Item& i) { i.as = ItemKind::memory; }), kSend), no_as);
  EXPECT_EQ(of(array, but(kSend, [](Item& i) { i.as = ItemKind::send; })), no_as);
  EXPECT_EQ(of(array, {.kind = ItemKind::dead, .as = ItemKind::memory}), no_as);
  EXPECT_EQ(of(array, {.as = ItemKind{7}}), no_as);
}

TEST(LinePacket, OfAnItemIsRefusedWithItsFault) {
  EXPECT_EQ(refusal_of(kSend, [](Item& i) { i.kind = ItemKind{7}; }), "line: unknown kind of item");
  EXPECT_EQ(refusal_of(kSend, [](Item& i) { i.place = Place{2}; }), "line: reserved fields of an item are set");
  EXPECT_EQ(refusal_of(kSend, [](Item& i) { i.zero = 1; }), "line: reserved fields of an item are set");
  const std::string no_window = "line: an item's window does not fit its kind";
  EXPECT_EQ(refusal_of(kSend, [](Item& i) { i.window = 0; }), no_window);
  EXPECT_EQ(refusal_of(kSend, [](Item& i) { i.window = 1025; }), no_window);
  EXPECT_EQ(refusal_of(kSend, [](Item& i) { i.kind = ItemKind::send_once; }), no_window);
  EXPECT_EQ(refusal_of({.kind = ItemKind::receive}, [](Item& i) { i.id = kSend.id; }),
            "line: an item that is no send right names a port");
  const std::string no_size = "line: an item's size does not fit its kind";
  EXPECT_EQ(refusal_of(kMemory, [](Item& i) { i.size = 0; }), no_size);
  EXPECT_EQ(refusal_of(kMemory, [](Item& i) { i.size = kMemoryBytesMax + 1; }), no_size);
  EXPECT_EQ(refusal_of(kSend, [](Item& i) { i.size = 1; }), no_size);
  const std::string no_place = "line: an item is in a place where it cannot be";
  EXPECT_EQ(refusal_of(kMemory, [](Item& i) { i.place = Place::reply; }), no_place);
  EXPECT_EQ(refusal_of({.kind = ItemKind::receive}, [](Item& i) { i.place = Place::reply; }), no_place);
  Item second = kSend;
  second.place = Place::reply;
  EXPECT_EQ(refusal(bytes_of(Header{.count = 2}, kSend, second), 2), no_place);
}

TEST(LinePacket, OfAnyOtherKindIsExactlyItsBody) {
  const std::string length = "line: not as long as its kind is";
  const Header credit{.kind = PacketKind::credit};
  EXPECT_EQ(refusal(bytes_of(credit), 0), length);
  EXPECT_EQ(refusal(bytes_of(credit, Credit{.window = 5}, '\0'), 0), length);
  EXPECT_EQ(refusal(bytes_of(Header{.kind = PacketKind::credit, .id = 1}, Credit{.window = 5}), 0), length);
  EXPECT_EQ(refusal(bytes_of(Header{.kind = PacketKind::credit, .count = 1}, Credit{.window = 5}), 0), length);
  EXPECT_EQ(refusal(bytes_of(credit, Credit{.window = 5}), 1), "line: not as many descriptors as its kind has");
  EXPECT_EQ(refusal(bytes_of(credit, Credit{}), 0), "line: a credit of no use");
  EXPECT_EQ(refusal(bytes_of(credit, Credit{.window = 1025}), 0), "line: a credit of no use");
  EXPECT_EQ(refusal(bytes_of(credit, Credit{.window = 5}), 0), "taken");
  const Header introduce{.kind = PacketKind::introduce};
  EXPECT_EQ(refusal(bytes_of(introduce, Introduction{.kind = LineKind{3}}), 1),
            "line: an introduction of no known kind");
  EXPECT_EQ(refusal(bytes_of(introduce, Introduction{.zero = {1}}), 1), "line: an introduction of no known kind");
  EXPECT_EQ(refusal(bytes_of(introduce, Introduction()), 0), "line: not as many descriptors as its kind has");
  const Header port{.kind = PacketKind::port};
  EXPECT_EQ(refusal(bytes_of(port, CarriedPort{.queue_limit = 0}), 0), "line: a port with no queue limit");
  EXPECT_EQ(refusal(bytes_of(port, CarriedPort{.line_count = kPortLinesMax + 1}), 0),
            "line: a port with too many lines");
  EXPECT_EQ(refusal(bytes_of(port, CarriedPort{.zero = 1}), 0), "line: reserved fields of a port are set");
  const Header notice{.kind = PacketKind::notice};
  EXPECT_EQ(refusal(bytes_of(notice, CarriedNotice{.kind = 68}), 0), "line: unknown notification");
  EXPECT_EQ(refusal(bytes_of(notice, CarriedNotice{.kind = 72}), 0), "line: unknown notification");
  const std::string descriptors = "line: not as many descriptors as its kind has";
  EXPECT_EQ(refusal(bytes_of(notice, CarriedNotice{.kind = 69}), 0), descriptors);
  EXPECT_EQ(refusal(bytes_of(notice, CarriedNotice{.kind = 70}), 1), descriptors);
  EXPECT_EQ(refusal(bytes_of(notice, CarriedNotice{.kind = 70}), 0), "taken");
}

TEST(LinePacket, OfLinesIsRefusedWithItsFault) {
  const auto header = [](std::uint32_t count) { return Header{.kind = PacketKind::lines, .count = count}; };
  EXPECT_EQ(refusal(bytes_of(header(0)), 0), "line: not 1 to 16 lines");
  EXPECT_EQ(refusal(bytes_of(header(17)), 17), "line: not 1 to 16 lines");
  EXPECT_EQ(refusal(bytes_of(header(1), CarriedLine()), 0), "line: not as many descriptors as lines");
  EXPECT_EQ(refusal(bytes_of(header(2), CarriedLine()), 2), "line: shorter than its lines");
  EXPECT_EQ(refusal(bytes_of(header(1), CarriedLine(), '\0'), 1), "line: longer than its lines");
  EXPECT_EQ(refusal(bytes_of(header(1), CarriedLine{.kind = LineKind{0}}), 1), "line: a line of no known kind");
  EXPECT_EQ(refusal(bytes_of(header(1), CarriedLine{.taken = 1, .told = 2}), 1),
            "line: a line that was told of more than was taken");
}

TEST(LinePacket, HasTheBytesOfThePageOfTheWire) {
  Bytes bytes = bytes_of(Header{.id = 7, .count = 1}, kSend);
  bytes.push_back(std::byte{'x'});
  std::string hex;
  for (const std::byte byte : bytes) {
    constexpr const char* kDigits = "0123456789abcdef";
    hex += {kDigits[std::to_integer<int>(byte) >> 4], kDigits[std::to_integer<int>(byte) & 15]};
  }
  EXPECT_EQ(hex,
            "52505254"
            "0100"
            "0100"
            "07000000"
            "01000000"
            "02"
            "00"
            "0000"
            "05000000"
            "01000000000000000000000000000000"
            "0000000000000000"
            "78");
  const auto packet = decode_packet(bytes, 1);
  ASSERT_TRUE(packet);
  const auto& letter = std::get<Letter>(*packet);
  EXPECT_EQ(letter.id, 7);
  ASSERT_EQ(letter.items.size(), 1U);
  EXPECT_EQ(letter.items[0].window, 5U);
  EXPECT_EQ(letter.data.size(), 1U);
}

}  // namespace
}  // namespace reeve::port
