// A private, two-ended, message-preserving pipe between two processes.
//
// Owns:    one end; destroying it ends the channel.
// Threads: one owner; may move to another thread.
// Trust:   the peer is a stranger. After the first packet that breaks a rule every call returns that reason; the owner
//          passes it on with end().
// Errors:  gone, busy, bad-packet, bad-attachment, wrong-sender.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <variant>
#include <vector>

#include "packet.hpp"

namespace reeve::channel {

/// Room for one packet, shared by all the channels that one owner reads.
class Inbox {
 public:
  std::span<std::byte> room() {
    if (bytes_.empty()) bytes_.resize(kPacketBytesMax);
    return bytes_;
  }

 private:
  std::vector<std::byte> bytes_;
};

/// A packet to be sent; body and attachments stay the caller's.
struct Outgoing {
  PacketKind kind = PacketKind::request;
  std::uint64_t id = 0;
  std::uint64_t reply_to = 0;
  os::Deadline deadline;
  std::span<const std::byte> body;
  std::span<const Attachment> attachments;
};

struct NothingYet {};
/// The channel has ended, and all that came before was delivered.
struct Ended {};
using Incoming = std::variant<Packet, NothingYet, Ended>;

class Channel {
 public:
  /// Takes a connected channel socket. `rights` says whether this side wants descriptors at all.
  explicit Channel(os::Fd socket, os::Rights rights = os::Rights::accept);

  /// Every packet must come from the process with this pid, as the kernel counts for this process.
  void bind_to(std::int32_t pid) { expected_pid_ = pid; }

  /// Sends the first packet, which lets the peer know who is there, unless it was sent already.
  Result<void> greet();

  /// Sends one packet now. Errors: busy where the kernel's buffer is full (wait until writable); gone; too-large.
  Result<void> send(const Outgoing& packet);

  /// The next packet that has arrived.
  Result<Incoming> receive(Inbox& inbox);

  /// Tells the peer why (the body of an Error), as far as its queue allows, and ends the channel.
  void end(std::span<const std::byte> reason_body);

  /// Every packet must come from the process that sent the first one. Its pid as the kernel counts for this process:
  /// 0 for a process outside of its pid namespace, nothing before the first packet.
  std::optional<os::Credentials> sender() const { return sender_; }

  const os::Fd& socket() const { return socket_; }

 private:
  Result<Packet> accept(std::span<const std::byte> bytes, os::Arrival arrival);
  Result<void> check_sender(const os::Credentials& sender);
  Result<void> check_order(const Header& header);
  Result<std::vector<Attachment>> check_attachments(const DecodedHeader& decoded, std::vector<os::Fd> descriptors);
  Result<void> transmit(Header header, const Outgoing& packet);

  os::Fd socket_;
  os::Rights rights_;
  std::uint64_t sent_ = 0;
  std::uint64_t received_ = 0;
  std::optional<std::int32_t> expected_pid_;
  std::optional<os::Credentials> sender_;
  std::optional<Error> broken_;
};

}  // namespace reeve::channel
