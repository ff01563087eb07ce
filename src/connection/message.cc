#include "message.hpp"

#include "../object/call.hpp"
#include "../os/attenuate.hpp"

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

void fill_error(Parcel& parcel, const Error& error) {
  if (fill_parcel(parcel, channel::PacketKind::error, small_error_message(error))) return;
  // The message is not text: say so instead.
  const Error plain{error.kind, error.code, "the service failed, and its message is not UTF-8", ""};
  REEVE_INVARIANT(fill_parcel(parcel, channel::PacketKind::error, small_error_message(plain)));
}

// A file that is handed over for reading can be read by whoever gets it, and no more.
Result<void> attenuate(object::Descriptor& descriptor) {
  if (descriptor.kind != os::DescriptorKind::file || descriptor.access != os::Access::read) return {};
  auto less = REEVE_TRY(os::for_reading_alone(*descriptor.fd));
  if (less) descriptor.fd = std::make_shared<const os::Fd>(std::move(*less));
  return {};
}

}  // namespace

Result<void> fill_parcel(Parcel& parcel, channel::PacketKind kind, const Message& message) {
  wire::Writer writer(parcel.body, parcel.attachments);
  message.write(writer);
  REEVE_TRY(writer.finish());
  for (object::Attachment& attachment : parcel.attachments) {
    auto* const descriptor = std::get_if<object::Descriptor>(&attachment);
    const auto attenuated = descriptor != nullptr ? attenuate(*descriptor) : Result<void>();
    if (attenuated) continue;
    parcel.attachments.clear();
    parcel.body.clear();
    return attenuated;
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

void fill_answer(Parcel& parcel, std::uint64_t reply_to, const Message& answer) {
  const auto filled = fill_parcel(parcel, channel::PacketKind::reply, answer);
  if (!filled) fill_error(parcel, filled.error());
  parcel.reply_to = reply_to;
}

void fill_answer(Parcel& parcel, std::uint64_t reply_to, const Error& error) {
  fill_error(parcel, error);
  parcel.reply_to = reply_to;
}

void fill_answer(Parcel& parcel, std::uint64_t reply_to, const Result<Dictionary>& answer) {
  if (!answer) return fill_answer(parcel, reply_to, answer.error());
  fill_answer(parcel, reply_to, WholeMessage(*answer));
}

Parcel make_answer(std::uint64_t reply_to, const Result<Dictionary>& answer) {
  Parcel parcel;
  fill_answer(parcel, reply_to, answer);
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
  Parcel parcel;
  fill_error(parcel, reason);
  channel.end(parcel.body.bytes);
}

}  // namespace reeve::connection
