#include "packet.hpp"

#include <string>

#include "../vocab/reader.hpp"

namespace reeve::channel {
namespace {

std::unexpected<Error> bad(const std::string& what) { return fail(Kind::invalid, code::kBadPacket, "packet: " + what); }

bool is_known(PacketKind kind) { return kind >= PacketKind::hello && kind <= PacketKind::credit; }

bool is_known(const AttachmentEntry& entry) {
  if (entry.zero != 0) return false;
  if (entry.kind == kEndpointEntry) return entry.access == 0;
  return entry.kind >= 1 && entry.kind <= static_cast<std::uint8_t>(os::DescriptorKind::socket) && entry.access >= 1 &&
         entry.access <= 3;
}

// A message of up to kFragmentBytes is one packet. A longer one is packets of exactly so many bytes, in order, but for
// the last; what travels beside it comes with the first.
Result<void> check_sizes(const Header& header) {
  if (header.body_size > kFragmentBytes) return bad("a body of more than 128 KiB");
  if (header.message_size > kMessageBytesMax) return bad("a message of more than 64 MiB");
  if (header.fragment_offset > header.message_size) return bad("a fragment beyond its message");
  if (header.fragment_offset % kFragmentBytes != 0) return bad("a fragment that begins at an odd place");
  const std::uint64_t left = header.message_size - header.fragment_offset;
  if (header.body_size != std::min<std::uint64_t>(left, kFragmentBytes)) {
    return bad("the message's size is not that of its packets");
  }
  if (header.fragment_offset != 0 && left == 0) return bad("a fragment of nothing");
  if (header.fragment_offset != 0 && header.attachment_count != 0) return bad("a later fragment with attachments");
  return {};
}

bool may_be_long(PacketKind kind) {
  return wants_answer(kind) || kind == PacketKind::reply || kind == PacketKind::message;
}

bool names_request(PacketKind kind) {
  return kind == PacketKind::reply || kind == PacketKind::error || kind == PacketKind::cancel ||
         kind == PacketKind::item || kind == PacketKind::credit;
}

Result<void> check_kind(const Header& header) {
  const bool is_long = header.message_size > kFragmentBytes;
  if (is_long && !may_be_long(header.kind)) return bad("this kind of message is one packet");
  if (names_request(header.kind) != (header.reply_to != 0)) return bad("reply-to does not fit the kind");
  const bool wants_id = wants_answer(header.kind) || (header.kind == PacketKind::message && is_long);
  if (wants_id != (header.id != 0)) return bad("the message id does not fit the kind");
  const std::uint32_t count = header.attachment_count;
  if ((header.kind == PacketKind::hello || header.kind == PacketKind::end) && count != 0) {
    return bad("this kind of message has no attachments");
  }
  if (header.kind == PacketKind::cancel && (count != 0 || header.message_size != 0)) {
    return bad("a cancellation is a request's id and nothing else");
  }
  if (header.kind == PacketKind::credit && (count != 0 || header.message_size != sizeof(Credit))) {
    return bad("a credit is a number and nothing else");
  }
  if (header.kind == PacketKind::introduce && (count != 1 || header.message_size != 0)) {
    return bad("an introduction is one end and nothing else");
  }
  return {};
}

}  // namespace

Result<Header> decode_header(std::span<const std::byte> bytes) {
  const auto read = vocab::Reader(bytes).read<Header>();
  if (!read) return bad("shorter than its header of 88 bytes");
  const Header& header = *read;
  const Header expected;
  if (header.magic != expected.magic) return bad("not the magic REEV");
  if (header.version != expected.version) return bad("version " + std::to_string(header.version) + ", expected 1");
  if (!is_known(header.kind)) return bad("unknown kind " + std::to_string(static_cast<unsigned>(header.kind)));
  if (header.flags != 0) return bad("reserved flags are set");
  if (header.attachment_count > kAttachmentCountMax) return bad("more than 16 attachments");
  REEVE_TRY(check_sizes(header));
  REEVE_TRY(check_kind(header));
  return header;
}

AttachmentEntry Table::entry(std::size_t i) const {
  return *vocab::Reader(entries.subspan(i * sizeof(AttachmentEntry))).read<AttachmentEntry>();
}

Endpoint Table::endpoint(std::size_t i) const {
  return *vocab::Reader(tokens.subspan(i * sizeof(Endpoint))).read<Endpoint>();
}

Result<Table> decode_table(const Header& header, std::span<const std::byte> bytes, std::size_t descriptor_count) {
  vocab::Reader in(bytes);
  Table table;
  table.count = header.attachment_count;
  const auto entries = in.bytes(table.count * sizeof(AttachmentEntry));
  if (!entries) return bad("ends within its attachments");
  table.entries = *entries;
  std::size_t endpoints = 0;
  for (std::size_t i = 0; i < table.count; ++i) {
    if (!is_known(table.entry(i))) return bad("attachment " + std::to_string(i) + " is of no known kind and access");
    if (table.entry(i).kind == kEndpointEntry) ++endpoints;
  }
  const auto end = static_cast<std::uint8_t>(os::DescriptorKind::channel);
  if (header.kind == PacketKind::introduce && table.entry(0).kind != end) {
    return bad("an introduction brings something else than an end of a channel");
  }
  if (table.count - endpoints != descriptor_count) {
    return bad(std::to_string(table.count - endpoints) + " descriptors declared, " + std::to_string(descriptor_count) +
               " came");
  }
  const auto tokens = in.bytes(endpoints * sizeof(Endpoint));
  if (!tokens) return bad("ends within its attachments");
  table.tokens = *tokens;
  if (in.remaining() != header.body_size) {
    return bad("a body of " + std::to_string(in.remaining()) + " bytes, " + std::to_string(header.body_size) +
               " declared");
  }
  table.body = in.rest();
  return table;
}

Result<Hello> decode_hello(std::span<const std::byte> body) {
  // The versions stand in the same place in every version.
  vocab::Reader versions(body);
  const auto oldest = versions.read<std::uint32_t>();
  const auto newest = versions.read<std::uint32_t>();
  if (!newest) return bad("a hello of another size");
  if (*oldest > 1 || *newest < 1) {
    return fail(Kind::unsupported, code::kBadPacket, "the peer does not speak version 1", "upgrade the older side");
  }
  const auto hello = vocab::Reader(body).read<Hello>();
  if (!hello || body.size() != sizeof(Hello)) return bad("a hello of another size");
  return *hello;
}

Result<Credit> decode_credit(std::span<const std::byte> body) {
  const auto credit = vocab::Reader(body).read<Credit>();
  if (!credit || credit->bytes == 0 || credit->bytes > kStreamWindowBytes) {
    return bad("a credit of nothing, or of more than a stream's window of 64 KiB");
  }
  return *credit;
}

std::int64_t clock_offset(const Hello& hello, os::Time monotonic, os::Time real) {
  constexpr std::int64_t kTransitMax = 60'000'000'000;
  // Wraps like the unsigned numbers that a stranger wrote.
  const auto ahead = [](os::Time ours, std::uint64_t theirs) {
    return static_cast<std::int64_t>(static_cast<std::uint64_t>(ours.count()) - theirs);
  };
  const std::int64_t on_monotonic = ahead(monotonic, hello.monotonic);
  const std::int64_t on_real = ahead(real, hello.real);
  if (on_monotonic >= 0 && on_monotonic <= kTransitMax) return 0;
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(on_monotonic) - static_cast<std::uint64_t>(on_real));
}

}  // namespace reeve::channel
