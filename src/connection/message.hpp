// Packets as messages: a dictionary and its descriptors, encoded into a packet and decoded out of one.
#pragma once

#include "../channel/channel.hpp"
#include "../object/object.hpp"

namespace reeve::connection {

/// A message ready to be sent, and to be sent again.
struct Parcel {
  channel::PacketKind kind = channel::PacketKind::request;
  std::uint64_t id = 0;
  std::uint64_t reply_to = 0;
  os::Deadline deadline;
  std::vector<std::byte> body;
  std::vector<channel::Attachment> attachments;
};

Result<Parcel> make_parcel(channel::PacketKind kind, const Dictionary& message);
/// An answer to the request `reply_to`: its result, or the error in its place where it cannot be sent.
Parcel make_answer(std::uint64_t reply_to, const Result<Dictionary>& answer);

Result<void> send(channel::Channel& channel, const Parcel& parcel);

/// The dictionary that a packet carries.
Result<Dictionary> open_packet(const channel::Packet& packet);

/// Ends a channel with a reason that the peer can read.
void end_with(channel::Channel& channel, const Error& reason);

}  // namespace reeve::connection
