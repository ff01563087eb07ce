// Packets as messages: a dictionary and what travels beside it, encoded into a parcel and read out of a packet.
#pragma once

#include "../channel/channel.hpp"
#include "../wire/wire.hpp"

namespace reeve::connection {

using channel::Parcel;

/// Makes a parcel of a message, over what it holds, whose room is used again.
Result<void> fill_parcel(Parcel& parcel, channel::PacketKind kind, const Dictionary& message);
Result<Parcel> make_parcel(channel::PacketKind kind, const Dictionary& message);

/// An answer to the request `reply_to`: its result, or the error in its place where it cannot be sent.
void fill_answer(Parcel& parcel, std::uint64_t reply_to, const Result<Dictionary>& answer);
Parcel make_answer(std::uint64_t reply_to, const Result<Dictionary>& answer);

/// The checked body of a packet.
Result<wire::Body> open_packet(channel::Packet& packet);

/// The Error that a packet of kind error or end carries.
Error read_error(channel::Packet& packet);

/// Ends a channel with a reason that the peer can read.
void end_with(channel::Channel& channel, const Error& reason);

}  // namespace reeve::connection
