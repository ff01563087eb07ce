// A private, two-ended, message-preserving pipe between two processes.
//
// Owns:    one end; destroying it ends the channel.
// Threads: one owner; may move to another thread.
// Trust:   the peer is a stranger. After the first packet that breaks a rule every call returns that reason; the owner
//          passes it on with end().
// Errors:  gone, busy, bad-packet, bad-attachment, wrong-sender.
#pragma once

#include <cstdint>
#include <list>
#include <optional>
#include <span>
#include <variant>
#include <vector>

#include "../os/socket.hpp"
#include "inbox.hpp"
#include "parcel.hpp"
#include "peer.hpp"

namespace reeve::channel {

struct NothingYet {};
/// The channel has ended, and all that came before was delivered.
struct Ended {
  std::uint64_t unread = 0;  ///< the tag of the parcel sent last, where the peer has not read all of it for certain
};
/// A message for which this side had no room: its sender has sent more than its share. It is skipped; what wants an
/// answer should get the error.
struct Refused {
  Header header;
  Error reason;
};
/// A whole message, and what pays for it while it is held.
struct Delivered : Packet {
  Delivered(Packet packet, quota::Charge c) : Packet(std::move(packet)), charge(std::move(c)) {}
  quota::Charge charge;
};
using Incoming = std::variant<Delivered, NothingYet, Ended, Refused>;

class Channel {
 public:
  /// Takes a connected channel socket. `rights` says whether this side wants descriptors at all.
  explicit Channel(os::Fd socket, os::Rights rights = os::Rights::accept);

  /// Every packet must come from the process of which the broker kept this record; call it before the first is
  /// received. With a pid, that is what the kernel must say of each. Without one, the peer lives where this process
  /// sees no pids: its first packet must come with the pidfd of the record, and what the kernel cannot say is said by
  /// binding().
  void bind_to(const Record& record);

  /// This end was another process's before: the peer goes on from wherever it had come to.
  void take_over() { is_taken_over_ = true; }
  /// The peer may be followed by another process of the same user, which says so by a hello of its own: that one is
  /// delivered. Only the user of each packet is compared.
  void let_peer_be_replaced() { may_be_replaced_ = true; }

  /// Who pays for what is held of this channel's messages: a number for the peer, the same in all its channels.
  void charge_to(std::uint64_t principal) { principal_ = principal; }
  std::uint64_t principal() const { return principal_; }

  /// Sends the first packet, which lets the peer know who is there, unless it was sent already.
  Result<void> greet();

  /// Sends as much of the parcel as the kernel takes now. Errors: busy (queue-full) where that is not all of it: wait
  /// until the channel is writable and send on; busy otherwise; gone; too-large.
  Result<void> send(Parcel& parcel);

  /// Sends the next packet of a parcel.
  Result<void> send_next(Parcel& parcel);

  /// The next message that has arrived as a whole, waiting for its packets if it is to. NothingYet may also mean that
  /// many fragments have come and others should have their turn: the socket is then readable still. An error is the
  /// channel's end, but for what the kernel or this process lacks just now: then is_broken() is false, nothing was
  /// read, and it can be tried again.
  Result<Incoming> receive(Inbox& inbox, os::Wait wait = os::Wait::no);

  bool is_broken() const { return broken_ != nullptr; }

  /// Tells the peer why (the body of an Error), as far as its queue allows, and ends the channel.
  void end(std::span<const std::byte> reason_body);

  /// Every packet must come from the process that sent the first one. Its pid as the kernel counts for this process:
  /// 0 for a process outside of its pid namespace, nothing before the first packet.
  std::optional<os::Credentials> sender() const { return sender_; }
  Binding binding() const { return binding_; }

  /// Says in the hello to come that this side takes packets of kind cancel; whether the peer's hello said so.
  void take_cancels() { own_features_ |= kTakesCancels; }
  bool peer_takes_cancels() const { return (features_ & kTakesCancels) != 0; }

  /// Whether a descriptor came that nobody may close: closing it could wait for ever, and so could the process's exit.
  bool has_left_open() const { return has_left_open_; }

  const os::Fd& socket() const { return socket_; }

 private:
  // A message of which not every fragment has come.
  struct Partial {
    Header header;
    std::shared_ptr<Buffer> buffer;  // null for one that is refused, and skipped
    std::size_t begin = 0;           // where in the buffer its body begins
    std::size_t received = 0;
    std::vector<object::Attachment> attachments;
    quota::Charge charge;
    std::span<std::byte> rest() const;
  };
  // Where a packet is received.
  struct Place {
    std::shared_ptr<Buffer> room;
    Partial* expected = nullptr;       // whose next fragment it may be
    std::shared_ptr<Buffer> its_room;  // which may have to outlive it: another message of another peer may come
    std::span<std::byte> tail;         // ... what of that lies behind the header and before the rest
  };
  Result<Place> next_place(Inbox& inbox);
  Result<os::Received> receive_at(const Place& place, os::Wait wait);
  // These leave `outcome` as it is where there is nothing to tell yet.
  Result<void> receive_into(Incoming& outcome, Inbox& inbox, os::Wait wait);
  Result<void> accept(os::Arrival& arrival, Place& place, Inbox& inbox, Incoming& outcome);
  Result<void> accept_hello(std::span<const std::byte> body);
  Result<void> begin_partial(const Header& header, std::span<const std::byte> body, std::shared_ptr<Buffer> room,
                             std::vector<object::Attachment> attachments, Inbox& inbox, Incoming& outcome);
  void advance(Partial& partial, std::size_t size, Incoming& outcome);
  Result<Partial*> partial_of(const Header& header);
  Result<void> check_arrival(const os::Arrival& arrival);
  Result<void> check_sender(const os::Arrival& arrival);
  Result<void> bind_first(const os::Arrival& arrival);
  void begin_anew(std::uint64_t sequence);
  Result<void> check_order(const Header& header);
  Result<std::vector<object::Attachment>> check_attachments(const Table& table, std::vector<os::Fd> descriptors);
  Result<void> transmit(Header& header, std::span<const object::Attachment> attachments,
                        std::span<const std::span<const std::byte>> body);
  Result<void> transmit_small(const Header& header, std::span<const std::byte> body);
  Result<void> put_on_the_wire(std::span<const std::span<const std::byte>> parts, std::span<const int> raw);

  os::Fd socket_;
  os::Rights rights_;
  std::uint64_t principal_ = 0;
  std::uint64_t sent_ = 0;
  std::uint64_t last_tag_ = 0;  // of the parcel that was sent last, all or in part
  bool was_reset_ = false;      // The peer has ended without reading that.
  std::uint64_t received_ = 0;
  std::uint64_t next_message_ = 1;
  std::int64_t clock_offset_ = 0;
  std::uint64_t own_features_ = 0;
  std::uint64_t features_ = 0;  // the peer's
  std::list<Partial> partials_;
  Partial* last_ = nullptr;  // the partial that the last fragment belonged to, while it goes on
  std::optional<Record> record_;
  Binding binding_ = Binding::none;
  bool is_passing_process_ = false;
  bool has_left_open_ = false;
  bool is_taken_over_ = false;
  bool may_be_replaced_ = false;
  std::optional<os::Credentials> sender_;
  std::unique_ptr<const Error> broken_;
};

}  // namespace reeve::channel
