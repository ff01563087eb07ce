#include "message.hpp"

#include "../object/call.hpp"
#include "../wire/wire.hpp"

namespace reeve::connection {
namespace {

// An Error always fits: its texts are cut to what a packet can carry many times over.
Dictionary small_error_message(Error error) {
  for (std::string* text : {&error.message, &error.advice}) {
    if (text->size() <= kErrorTextBytesMax) continue;
    std::size_t cut = kErrorTextBytesMax;
    while (cut > 0 && (static_cast<unsigned char>((*text)[cut]) & 0xc0U) == 0x80U) --cut;  // not within a character
    text->resize(cut);
  }
  return object::error_message(error);
}

Parcel make_error_parcel(const Error& error) {
  auto parcel = make_parcel(channel::PacketKind::error, small_error_message(error));
  if (parcel) return std::move(*parcel);
  // The message is not text: say so instead.
  const Error plain{error.kind, error.code, "the service failed, and its message is not UTF-8", ""};
  return *make_parcel(channel::PacketKind::error, small_error_message(plain));
}

}  // namespace

Result<Parcel> make_parcel(channel::PacketKind kind, const Dictionary& message) {
  auto encoded = REEVE_TRY(wire::encode(message));
  if (encoded.bytes.size() > kInlineBytesMax) {
    return fail(Kind::invalid, code::kTooLarge,
                "the message is " + std::to_string(encoded.bytes.size()) + " bytes; 65536 is the most",
                "pass larger data as a File");
  }
  if (encoded.descriptors.size() > kAttachmentCountMax) {
    return fail(Kind::invalid, code::kTooLarge, "the message carries more than 16 descriptors",
                "send several messages");
  }
  Parcel parcel;
  parcel.kind = kind;
  parcel.body = std::move(encoded.bytes);
  for (object::Descriptor& d : encoded.descriptors) parcel.attachments.push_back({std::move(d.fd), d.kind, d.access});
  return parcel;
}

Parcel make_answer(std::uint64_t reply_to, const Result<Dictionary>& answer) {
  Parcel parcel;
  if (!answer) {
    parcel = make_error_parcel(answer.error());
  } else if (auto reply = make_parcel(channel::PacketKind::reply, *answer)) {
    parcel = std::move(*reply);
  } else {
    parcel = make_error_parcel(reply.error());
  }
  parcel.reply_to = reply_to;
  return parcel;
}

Result<void> send(channel::Channel& channel, const Parcel& parcel) {
  return channel.send({parcel.kind, parcel.id, parcel.reply_to, parcel.deadline, parcel.body, parcel.attachments});
}

Result<Dictionary> open_packet(const channel::Packet& packet) {
  std::vector<object::Descriptor> descriptors;
  descriptors.reserve(packet.attachments.size());
  for (const channel::Attachment& a : packet.attachments) descriptors.push_back({a.fd, a.kind, a.access});
  return wire::decode(packet.body, descriptors);
}

void end_with(channel::Channel& channel, const Error& reason) {
  const auto parcel = make_error_parcel(reason);
  channel.end(parcel.body);
}

}  // namespace reeve::connection
