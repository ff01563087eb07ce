#include "packet.hpp"

#include <string>

#include "../vocab/reader.hpp"

namespace reeve::channel {
namespace {

std::unexpected<Error> bad(const std::string& what) { return fail(Kind::invalid, code::kBadPacket, "packet: " + what); }

bool is_known(PacketKind kind) { return kind >= PacketKind::hello && kind <= PacketKind::message; }

bool is_known(const AttachmentEntry& entry) {
  return entry.kind >= 1 && entry.kind <= static_cast<std::uint8_t>(os::DescriptorKind::event) && entry.access >= 1 &&
         entry.access <= 3 && entry.zero == 0;
}

Result<void> check(const Header& header, std::size_t descriptor_count) {
  const Header expected;
  if (header.magic != expected.magic) return bad("not the magic REEV");
  if (header.version != expected.version) return bad("version " + std::to_string(header.version) + ", expected 1");
  if (!is_known(header.kind)) {
    return bad("unknown kind " + std::to_string(static_cast<unsigned>(header.kind)));
  }
  if (header.flags != 0) return bad("reserved flags are set");
  if (header.attachment_count > kAttachmentCountMax) return bad("more than 16 attachments");
  if (header.attachment_count != descriptor_count) {
    return bad(std::to_string(header.attachment_count) + " attachments declared, " + std::to_string(descriptor_count) +
               " came");
  }
  // A message is one packet: fragments are announced by a feature bit that this version does not have.
  if (header.fragment_offset != 0) return bad("a fragment");
  if (header.message_size != header.body_size) return bad("the message's size is not that of its one packet");
  if (header.body_size > kInlineBytesMax) return bad("a body of more than 64 KiB");
  const bool answers = header.kind == PacketKind::reply || header.kind == PacketKind::error;
  if (answers != (header.reply_to != 0)) return bad("reply-to does not fit the kind");
  if ((header.kind == PacketKind::request) != (header.id != 0)) return bad("the message id does not fit the kind");
  return {};
}

}  // namespace

Result<DecodedHeader> decode_header(std::span<const std::byte> bytes, std::size_t descriptor_count) {
  vocab::Reader in(bytes);
  const auto header = in.read<Header>();
  if (!header) return bad("shorter than its header of 88 bytes");
  REEVE_TRY(check(*header, descriptor_count));
  DecodedHeader decoded{*header, {}, {}};
  for (std::size_t i = 0; i < header->attachment_count; ++i) {
    const auto entry = in.read<AttachmentEntry>();
    if (!entry) return bad("ends within its attachments");
    if (!is_known(*entry)) return bad("attachment " + std::to_string(i) + " is of no known kind and access");
    decoded.entries[i] = *entry;
  }
  if (in.remaining() != header->body_size) {
    return bad("a body of " + std::to_string(in.remaining()) + " bytes, " + std::to_string(header->body_size) +
               " declared");
  }
  decoded.body = in.rest();
  return decoded;
}

}  // namespace reeve::channel
