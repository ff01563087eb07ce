// Packets as messages: a dictionary and what travels beside it, encoded into a parcel and read out of a packet.
#pragma once

#include "../channel/channel.hpp"
#include "../wire/wire.hpp"
#include "../wire/writer.hpp"

namespace reeve::connection {

using channel::Parcel;

/// What a message says: writes its dictionary.
class Message {
 public:
  virtual void write(wire::Writer& writer) const = 0;

 protected:
  ~Message() = default;
};

/// ... as a dictionary says it, which outlives this.
class WholeMessage final : public Message {
 public:
  explicit WholeMessage(const Dictionary& dictionary) : dictionary_(dictionary) {}
  void write(wire::Writer& writer) const override { writer.put(dictionary_); }

 private:
  const Dictionary& dictionary_;
};

/// ... as a function writes it.
template <class Write>
class Written final : public Message {
 public:
  explicit Written(Write write) : write_(std::move(write)) {}
  void write(wire::Writer& writer) const override { write_(writer); }

 private:
  Write write_;
};

/// Makes a parcel of a message, over what it holds, whose room is used again.
Result<void> fill_parcel(Parcel& parcel, channel::PacketKind kind, const Message& message);
inline Result<void> fill_parcel(Parcel& parcel, channel::PacketKind kind, const Dictionary& message) {
  return fill_parcel(parcel, kind, WholeMessage(message));
}
Result<Parcel> make_parcel(channel::PacketKind kind, const Dictionary& message);

/// An answer to the request `reply_to`: what it says, or the error in its place where it cannot be sent.
void fill_answer(Parcel& parcel, std::uint64_t reply_to, const Message& answer);
void fill_answer(Parcel& parcel, std::uint64_t reply_to, const Error& error);
void fill_answer(Parcel& parcel, std::uint64_t reply_to, const Result<Dictionary>& answer);
Parcel make_answer(std::uint64_t reply_to, const Result<Dictionary>& answer);

/// The checked body of a packet.
Result<wire::Body> open_packet(channel::Packet& packet);

/// The Error that a packet of kind error or end carries.
Error read_error(channel::Packet& packet);

/// Ends a channel with a reason that the peer can read.
void end_with(channel::Channel& channel, const Error& reason);

}  // namespace reeve::connection
