#include "packet.hpp"

#include <string>

#include "../vocab/reader.hpp"

namespace reeve::port {
namespace {

std::unexpected<Error> bad(const std::string& what) { return fail(Kind::invalid, code::kBadPacket, "line: " + what); }

bool is_zero(std::span<const std::uint8_t> bytes) {
  for (const std::uint8_t byte : bytes) {
    if (byte != 0) return false;
  }
  return true;
}

bool is_known(LineKind kind) { return kind == LineKind::send || kind == LineKind::send_once; }

Result<void> check(const Item& item) {
  if (item.kind > ItemKind::array) return bad("unknown kind of item");
  if (item.place > Place::reply || item.zero != 0) return bad("reserved fields of an item are set");
  const bool is_right = item.as >= ItemKind::send && item.as <= ItemKind::receive;
  const bool may_be_as = item.kind == ItemKind::array  ? is_right
                         : item.kind == ItemKind::dead ? is_right || item.as == ItemKind::none
                         : item.kind == ItemKind::none ? has_descriptor(item.as) || item.as == ItemKind::none
                                                       : item.as == ItemKind::none;
  if (!may_be_as) return bad("an item is as what it cannot be");
  const bool is_send = item.kind == ItemKind::send;
  if (is_send ? item.window == 0 || item.window > kQueueLimitMax : item.window != 0) {
    return bad("an item's window does not fit its kind");
  }
  if (!is_send && item.id != PortId{}) return bad("an item that is no send right names a port");
  const bool is_memory = item.kind == ItemKind::memory;
  const std::size_t size_max = is_memory ? kMemoryBytesMax : item.kind == ItemKind::array ? kAttachmentCountMax : 0;
  if (item.size > size_max || (is_memory && item.size == 0)) return bad("an item's size does not fit its kind");
  return {};
}
// The elements of arrays: all of one kind, or none or dead in its place.
Result<void> check_arrays(const std::vector<Item>& items) {
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (items[i].kind != ItemKind::array) continue;
    const Item& array = items[i];
    if (array.size > items.size() - i - 1) return bad("an array of more items than there are");
    for (const Item& element : std::span(items).subspan(i + 1, array.size)) {
      const bool is_right = element.kind > ItemKind::dead;
      if ((is_right ? element.kind : element.as) != array.as) return bad("an array of other items than it says");
    }
    i += array.size;
  }
  return {};
}
Result<void> check(const Introduction& introduction) {
  if (!is_known(introduction.kind) || !is_zero(introduction.zero)) return bad("an introduction of no known kind");
  return {};
}
Result<void> check(const Credit& credit) {
  if (credit.window == 0 || credit.window > kQueueLimitMax || credit.zero != 0) return bad("a credit of no use");
  return {};
}
Result<void> check(const CarriedPort& port) {
  if (port.queue_limit == 0 || port.queue_limit > kQueueLimitMax) return bad("a port with no queue limit");
  if (port.line_count > kPortLinesMax || port.notice_count > kPortLinesMax) return bad("a port with too many lines");
  if (port.zero != 0) return bad("reserved fields of a port are set");
  return {};
}
Result<void> check(const CarriedLine& line) {
  if (!is_known(line.kind) || !is_zero(line.zero)) return bad("a line of no known kind");
  if (line.told > line.taken) return bad("a line that was told of more than was taken");
  return {};
}
Result<void> check(const CarriedNotice& notice) {
  if (notice.kind < static_cast<std::uint32_t>(NotificationKind::port_destroyed) ||
      notice.kind > static_cast<std::uint32_t>(NotificationKind::send_once))
    return bad("unknown notification");
  return {};
}

std::size_t descriptors_of(const Introduction&) { return 1; }
std::size_t descriptors_of(const Credit&) { return 0; }
std::size_t descriptors_of(const CarriedPort&) { return 0; }
std::size_t descriptors_of(const CarriedNotice& notice) {
  return notice.kind == static_cast<std::uint32_t>(NotificationKind::port_destroyed) ? 1 : 0;
}

// The one body of a packet of that kind.
template <class Body>
Result<Packet> decode_body(const Header& header, vocab::Reader& reader, std::size_t descriptor_count) {
  const auto body = reader.read<Body>();
  if (!body || reader.remaining() != 0 || header.count != 0 || header.id != 0) return bad("not as long as its kind is");
  REEVE_TRY(check(*body));
  if (descriptor_count != descriptors_of(*body)) return bad("not as many descriptors as its kind has");
  return *body;
}

Result<Packet> decode_letter(const Header& header, vocab::Reader& reader, std::size_t descriptor_count) {
  if (header.count > kAttachmentCountMax) return bad("a message with more than 16 items");
  Letter letter{header.id, {}, {}};
  std::size_t wanted = 0;
  for (std::uint32_t i = 0; i < header.count; ++i) {
    const auto item = reader.read<Item>();
    if (!item) return bad("shorter than its items");
    REEVE_TRY(check(*item));
    if (item->place == Place::reply && (i != 0 || item->kind > ItemKind::send_once)) {
      return bad("an item is in a place where it cannot be");
    }
    wanted += has_descriptor(item->kind) ? 1 : 0;
    letter.items.push_back(*item);
  }
  REEVE_TRY(check_arrays(letter.items));
  if (wanted != descriptor_count) return bad("not as many descriptors as items that have one");
  if (reader.remaining() > kLetterBytesMax) return bad("a message of more than 64 KiB");
  letter.data = reader.rest();
  return letter;
}

Result<Packet> decode_lines(const Header& header, vocab::Reader& reader, std::size_t descriptor_count) {
  if (header.count == 0 || header.count > kAttachmentCountMax) return bad("not 1 to 16 lines");
  if (descriptor_count != header.count) return bad("not as many descriptors as lines");
  CarriedLines lines;
  for (std::uint32_t i = 0; i < header.count; ++i) {
    const auto line = reader.read<CarriedLine>();
    if (!line) return bad("shorter than its lines");
    REEVE_TRY(check(*line));
    lines.push_back(*line);
  }
  if (reader.remaining() != 0 || header.id != 0) return bad("longer than its lines");
  return lines;
}

}  // namespace

Result<Packet> decode_packet(std::span<const std::byte> bytes, std::size_t descriptor_count) {
  vocab::Reader reader(bytes);
  const auto header = reader.read<Header>();
  if (!header) return bad("shorter than its header of 16 bytes");
  if (header->magic != Header().magic) return bad("not the magic RPRT");
  if (header->version != Header().version) return bad("version " + std::to_string(header->version) + ", expected 1");
  switch (header->kind) {
    case PacketKind::message:
      return decode_letter(*header, reader, descriptor_count);
    case PacketKind::introduce:
      return decode_body<Introduction>(*header, reader, descriptor_count);
    case PacketKind::credit:
      return decode_body<Credit>(*header, reader, descriptor_count);
    case PacketKind::port:
      return decode_body<CarriedPort>(*header, reader, descriptor_count);
    case PacketKind::lines:
      return decode_lines(*header, reader, descriptor_count);
    case PacketKind::notice:
      return decode_body<CarriedNotice>(*header, reader, descriptor_count);
  }
  return bad("unknown kind " + std::to_string(static_cast<unsigned>(header->kind)));
}

}  // namespace reeve::port
