#include "message.hpp"

#include "../object/call.hpp"

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

Result<void> fill_parcel(Parcel& parcel, channel::PacketKind kind, const Dictionary& message) {
  REEVE_TRY(wire::encode(message, parcel.body, parcel.attachments));
  if (parcel.body.size() > kMessageBytesMax) {
    return fail(Kind::invalid, code::kTooLarge,
                "the message is " + std::to_string(parcel.body.size()) + " bytes; 64 MiB is the most",
                "hand larger data over as Memory or File");
  }
  parcel.kind = kind;
  parcel.begin_again();
  return {};
}

Result<Parcel> make_parcel(channel::PacketKind kind, const Dictionary& message) {
  Parcel parcel;
  REEVE_TRY(fill_parcel(parcel, kind, message));
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

Result<wire::Body> open_packet(channel::Packet& packet) {
  return wire::Body::check(std::move(packet.body), std::move(packet.attachments));
}

Error read_error(channel::Packet& packet) {
  const auto body = open_packet(packet);
  return body ? object::parse_error(body->root().object()) : body.error();
}

void end_with(channel::Channel& channel, const Error& reason) {
  const auto parcel = make_error_parcel(reason);
  channel.end(parcel.body.bytes);
}

}  // namespace reeve::connection
