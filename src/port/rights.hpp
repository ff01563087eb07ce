// Ports, as Mach has them: many who may send, one who receives, and rights to do either that travel inside messages.
//
// A right is a value that can be moved and not copied: to give it away is to move it into a message. Whoever receives
// the message has it then. What a right is called, and how many references a name has, its PortSpace knows.
//
// Owns:    a right owns one reference to a name of its space, which lives for as long as any right of it does.
// Threads: a right has one owner at a time; different rights of one space may be used by different threads at once, and
//          several threads may wait for one port.
// Trust:   who holds a right is a stranger. Each message comes with its sender as the kernel tells it; who gave its
//          right to it, and who else has one, nobody can say.
// Errors:  no-such-right, dead-port, references; too-large, queue-full, timed-out, bad-packet; system.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <variant>
#include <vector>

#include "../object/data.hpp"
#include "../object/memory.hpp"
#include "../os/clock.hpp"
#include "../os/fd.hpp"
#include "../vocab/bounds.hpp"
#include "../vocab/result.hpp"
#include "name.hpp"

namespace reeve::port {

class Space;
struct Message;
class SendOnceRight;

/// What every right is: one reference to a name.
class Reference {
 public:
  /// Of the right in its space; the same for all references to it. 0 once it was given away.
  Name name() const { return name_; }
  /// Whether it is there: it was not moved from, and not given away.
  explicit operator bool() const { return space_ != nullptr; }

 protected:
  /// @cond
  friend struct Conversion;
  Reference() = default;
  Reference(std::shared_ptr<Space> space, Name name) : space_(std::move(space)), name_(name) {}
  Reference(Reference&& other) noexcept : space_(std::move(other.space_)), name_(std::exchange(other.name_, Name())) {}
  ~Reference() = default;
  void swap(Reference& other) noexcept {
    std::swap(space_, other.space_);
    std::swap(name_, other.name_);
  }
  std::shared_ptr<Space> space_;
  Name name_;
  /// @endcond
};

/// How long to try.
struct SendOptions {
  std::optional<std::chrono::nanoseconds> timeout;  ///< 0: not at all where it would have to wait; none: for ever
};

/// The power to send any number of messages to one port. Destroying it gives up one reference.
class SendRight : public Reference {
 public:
  SendRight() = default;
  SendRight(SendRight&&) noexcept = default;
  SendRight& operator=(SendRight&& other) noexcept;
  ~SendRight();

  /// One more reference to the same name. Errors: references beyond 65,534 (Mach's MACH_PORT_UREFS_MAX); dead-port.
  Result<SendRight> copy() const;

  /// Sends it, and what it carries goes with it: the message is empty then. After an error it is as it was, with all
  /// its rights. It waits while as many of this space's messages as the port's queue limit says lie there untaken, or
  /// the kernel has no room. What is carried and dead by now arrives as a DeadRight.
  /// Errors: dead-port; timed-out; too-large for more than 64 KiB of data or 16 things carried; no-such-right for one
  /// of another space; busy where the kernel has too many descriptors on their way.
  Result<void> send(Message& message, const SendOptions& options = {}) const;

  /// Whether the port is no more, as far as is known. A name that is dead stays dead.
  bool is_dead() const;

  /// Has that port told once when this one is no more, with a further reference to this name, which is dead then; at
  /// once if it is; or when the last reference to its name is given up before that. It takes the place of what was
  /// asked for the name before. Errors: unsupported where the send-once right is not to a port of this space.
  Result<void> notify_when_dead(SendOnceRight to) const;

  /// Has that port told once when a message could be sent without waiting, at once if it can; or when this port is no
  /// more, as notify_when_dead does, whose place it takes. Errors: as that.
  Result<void> notify_when_possible(SendOnceRight to) const;

 private:
  friend struct Conversion;
  SendRight(std::shared_ptr<Space> space, Name name) : Reference(std::move(space), name) {}
};

/// The power to send one message. Destroyed unused, it has its port told so.
class SendOnceRight : public Reference {
 public:
  SendOnceRight() = default;
  SendOnceRight(SendOnceRight&&) noexcept = default;
  SendOnceRight& operator=(SendOnceRight&& other) noexcept;
  ~SendOnceRight();

  /// As SendRight::send; it does not wait for the queue, and the right is used up by it.
  Result<void> send(Message& message, const SendOptions& options = {});

 private:
  friend struct Conversion;
  SendOnceRight(std::shared_ptr<Space> space, Name name) : Reference(std::move(space), name) {}
};

struct Received;
struct Notification;
/// The first message of the queue has more data than was asked for; it is left there.
struct TooLarge {
  std::size_t size = 0;  ///< in bytes
};
/// What comes out of a port. Notifications are from this space itself: no message can be taken for one. A port that
/// came from elsewhere may bring some, which say whose word they are.
using Delivery = std::variant<Received, Notification, TooLarge>;

/// How long to wait, and for how much.
struct ReceiveOptions {
  std::optional<std::chrono::nanoseconds> timeout;  ///< 0: what is there; none: for ever
  std::size_t data_size_max = kLetterBytesMax;      ///< in bytes
};

/// The power to receive from a port, which nobody else has. Destroying it destroys the port: whoever holds a right to
/// it has a dead name then.
class ReceiveRight : public Reference {
 public:
  ReceiveRight() = default;
  ReceiveRight(ReceiveRight&&) noexcept = default;
  ReceiveRight& operator=(ReceiveRight&& other) noexcept;
  ~ReceiveRight();

  /// A send right to it, under the same name. Errors: references.
  Result<SendRight> make_send() const;
  /// A send-once right to it, under a name of its own. Errors: busy.
  Result<SendOnceRight> make_send_once() const;

  /// The next message or notification. Of one sender they come in order, and what a sender sent before it gave its
  /// right on comes before all that is sent by that.
  /// What comes with it and cannot be held here arrives as a DeadRight.
  /// Errors: timed-out; dead-port where the right has gone elsewhere; busy where no descriptor is left to wait with.
  Result<Delivery> receive(const ReceiveOptions& options = {}) const;

  /// How many messages of each sender may wait, 1 to 1,024 (Mach's MACH_PORT_QLIMIT_MAX; 5 at first).
  Result<void> set_queue_limit(std::uint32_t limit) const;

  /// Has that port told, once, when no send right is left, and at least so many were made; at once if it is so.
  Result<void> notify_when_no_senders(SendOnceRight to, std::uint32_t make_send_count = 0) const;

  /// Has that port get this receive right, with its queue and its senders, where it would be destroyed: as a
  /// notification, or, where it is another space's, as a message with the id 69 that carries it. Of a process that is
  /// killed the kernel destroys all. Errors: no-such-right for a right to this very port.
  Result<void> notify_when_destroyed(SendOnceRight to) const;

 private:
  friend struct Conversion;
  ReceiveRight(std::shared_ptr<Space> space, Name name) : Reference(std::move(space), name) {}
};

/// Several ports of a space that are received from as one.
class PortSet : public Reference {
 public:
  PortSet() = default;
  PortSet(PortSet&&) noexcept = default;
  PortSet& operator=(PortSet&& other) noexcept;
  ~PortSet();

  /// A port may be a member of several sets, and can be received from by itself still. Errors: no-such-right.
  Result<void> insert(const ReceiveRight& port) const;
  /// Errors: no-such-right for one that is no member.
  Result<void> remove(const ReceiveRight& port) const;
  /// As ReceiveRight::receive; Received::port tells the member.
  Result<Delivery> receive(const ReceiveOptions& options = {}) const;

 private:
  friend struct Conversion;
  PortSet(std::shared_ptr<Space> space, Name name) : Reference(std::move(space), name) {}
};

/// No right, where one might have been.
struct NoRight {};
/// What was a right when it was put into the message; its port was no more when it came.
struct DeadRight {};
/// What travels in a message beside its data.
using Carried = std::variant<NoRight, DeadRight, SendRight, SendOnceRight, ReceiveRight, object::Memory>;

/// What is sent.
struct Message {
  std::int32_t id = 0;           ///< whatever sender and receiver agree on
  object::Data data;             ///< at most 64 KiB (kLetterBytesMax); more is handed over as Memory
  std::vector<Carried> carried;  ///< at most 16 with `reply`; memory is sealed
  Carried reply;                 ///< how to answer, where that is wanted: a send or send-once right
};

/// Who sent a message, as the kernel tells it.
struct Sender {
  std::int32_t pid = 0;       ///< 0 for a process that this one's pid namespace does not show
  std::uint32_t uid = 65534;  ///< as this process's user namespace maps it; 65534 for what it does not
};

/// What is received.
struct Received : Message {
  Sender sender;               ///< not its own word
  Name port;                   ///< where it came in
  std::uint32_t sequence = 0;  ///< of messages and notifications of the port, since this space has it
};

/// What a space tells of its own rights.
struct Notification {
  NotificationKind kind = NotificationKind::send_once;  ///< what is told
  Name name;                                            ///< of dead_name, send_possible and port_deleted: which
  std::uint32_t make_send_count = 0;                    ///< of no_senders: how many were made
  ReceiveRight destroyed;                               ///< of port_destroyed
  Name port;                                            ///< where it came in
  std::uint32_t sequence = 0;                           ///< as of a message
  std::optional<Sender> giver;                          ///< whose word it is, of one that came with its port
};

/// What a port is made with.
struct PortOptions {
  std::uint32_t queue_limit = kQueueLimit;  ///< 1 to 1,024
};

/// The names of one task: as a rule there is one in a process. Two in one process are to each other what two processes
/// are.
/// Threads: any.
class PortSpace {
 public:
  /// An empty one.
  static PortSpace make();
  PortSpace(PortSpace&&) noexcept = default;
  PortSpace& operator=(PortSpace&&) noexcept = default;

  /// A new port. Errors: busy.
  Result<ReceiveRight> make_port(const PortOptions& options = {}) const;
  /// A new set with no member. Errors: busy.
  Result<PortSet> make_set() const;

  /// A send right as a descriptor, for a child to inherit, and what it is made of again in the space that it came to.
  /// After an error the right is as it was. Errors: dead-port; busy where its queue has no room for an introduction
  /// just now.
  /// @{
  Result<os::Fd> give_out(SendRight&& right) const;
  Result<SendRight> take_in(os::Fd end) const;
  /// @}

  /// From now on `reeve ports` can show what the names of this space stand for, to whoever may look into the process.
  /// Takes a descriptor. Where REEVE_PORTS is `listed` in the environment each space does so from its beginning.
  /// Errors: busy.
  Result<void> allow_listing() const;

  /// Every name, in no order.
  std::vector<Name> names() const;
  /// How many references of that type the name has; 0 where it is none.
  std::uint32_t references(Name name, RightType type) const;

 private:
  explicit PortSpace(std::shared_ptr<Space> space) : space_(std::move(space)) {}
  std::shared_ptr<Space> space_;
};

}  // namespace reeve::port

namespace reeve {
using port::DeadRight;
using port::NoRight;
using port::PortSet;
using port::PortSpace;
using port::ReceiveRight;
using port::SendOnceRight;
using port::SendRight;
}  // namespace reeve
