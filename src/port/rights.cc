#include "rights.hpp"

#include "space.hpp"

namespace reeve::port {
namespace {

os::Deadline deadline_in(const std::optional<std::chrono::nanoseconds>& timeout) {
  if (!timeout) return std::nullopt;
  return os::now() + *timeout;
}

std::unexpected<Error> given_away() {
  return fail(Kind::invalid, code::kNoSuchRight, "the right was given away before", "copy it first");
}

}  // namespace

// Values as names, and names as values.
struct Conversion {
  template <class Right>
  static Right value(const std::shared_ptr<Space>& space, Name name) {
    return Right(space, name);
  }
  static Name forget(Reference& right) {
    right.space_.reset();
    return std::exchange(right.name_, Name());
  }

  static const Reference* reference(const Carried& carried, ItemKind& kind) {
    if (const auto* send = std::get_if<SendRight>(&carried)) return kind = ItemKind::send, send;
    if (const auto* once = std::get_if<SendOnceRight>(&carried)) return kind = ItemKind::send_once, once;
    if (const auto* receive = std::get_if<ReceiveRight>(&carried)) return kind = ItemKind::receive, receive;
    return nullptr;
  }

  static Result<Thing> thing(const Carried& carried, Place place, const std::shared_ptr<Space>& space) {
    Thing thing{ItemKind::none, place, {}};
    if (std::holds_alternative<DeadRight>(carried)) thing.kind = ItemKind::dead;
    if (const auto* memory = std::get_if<object::Memory>(&carried)) {
      thing.kind = ItemKind::memory;
      thing.memory = *memory;
    }
    const Reference* const right = reference(carried, thing.kind);
    if (right == nullptr) return thing;
    if (right->space_ != space) {
      return fail(Kind::invalid, code::kNoSuchRight, "a right that is carried is of another space, or was given away",
                  "a message carries rights of the space that it is sent from");
    }
    thing.name = right->name_;
    return thing;
  }

  static void forget(Carried& carried) {
    if (auto* send = std::get_if<SendRight>(&carried)) forget(*send);
    if (auto* once = std::get_if<SendOnceRight>(&carried)) forget(*once);
    if (auto* receive = std::get_if<ReceiveRight>(&carried)) forget(*receive);
  }

  static Carried carried(const std::shared_ptr<Space>& space, Thing& thing) {
    switch (thing.kind) {
      case ItemKind::send:
        return SendRight(space, thing.name);
      case ItemKind::send_once:
        return SendOnceRight(space, thing.name);
      case ItemKind::receive:
        return ReceiveRight(space, thing.name);
      case ItemKind::memory:
        return std::move(thing.memory);
      case ItemKind::dead:
        return DeadRight();
      case ItemKind::none:
      case ItemKind::array:
        break;
    }
    return NoRight();
  }

  static Result<void> send(const std::shared_ptr<Space>& space, Name to, RightType type, Message& message,
                           const SendOptions& options) {
    Outgoing outgoing{message.id, message.data.bytes(), {}};
    if (!std::holds_alternative<NoRight>(message.reply)) {
      outgoing.things.push_back(REEVE_TRY(thing(message.reply, Place::reply, space)));
    }
    for (const Carried& carried : message.carried) {
      outgoing.things.push_back(REEVE_TRY(thing(carried, Place::carried, space)));
    }
    REEVE_TRY(space->send(to, type, outgoing, deadline_in(options.timeout)));
    forget(message.reply);
    for (Carried& carried : message.carried) forget(carried);
    message = Message();
    return {};
  }

  static Result<Delivery> receive(const std::shared_ptr<Space>& space, Name from, const ReceiveOptions& options) {
    Room room;
    if (options.data_size_max < kLetterBytesMax) room.size_max = options.data_size_max;
    Taken taken = REEVE_TRY(space->receive(from, room, deadline_in(options.timeout)));
    if (const auto* large = std::get_if<TooLarge>(&taken.what)) return *large;
    if (const auto* told = std::get_if<Told>(&taken.what)) {
      Notification notification{told->kind, told->name, told->count, {}, taken.port, taken.sequence, {}};
      if (told->giver) notification.giver = Sender{told->giver->pid, told->giver->uid};
      if (told->destroyed) notification.destroyed = ReceiveRight(space, told->destroyed);
      return notification;
    }
    auto& incoming = std::get<Incoming>(taken.what);
    Received received;
    received.id = incoming.id;
    received.data = std::move(incoming.data);
    received.sender = {incoming.sender.pid, incoming.sender.uid};
    received.port = taken.port;
    received.sequence = taken.sequence;
    for (Thing& thing : incoming.things) {
      if (thing.kind == ItemKind::array) continue;  // Its elements are carried one by one.
      Carried value = carried(space, thing);
      if (thing.place == Place::reply) {
        received.reply = std::move(value);
      } else {
        received.carried.emplace_back(std::move(value));
      }
    }
    return received;
  }

  // What has the name is its owner's no longer.
  static Result<Name> hand_over(const std::shared_ptr<Space>& space, const Reference& right) {
    if (right.space_ == nullptr || right.space_ != space) return given_away();
    return right.name_;
  }

  // Whoever was to be told before is told that nothing will come.
  static Result<void> drop(const std::shared_ptr<Space>& space, Result<Name> before) {
    if (!before) return std::unexpected(std::move(before).error());
    if (*before) (void)space->release(*before, RightType::send_once);
    return {};
  }

  static void release(Reference& right, RightType type) {
    if (right.space_ == nullptr) return;
    (void)right.space_->release(right.name_, type);
    forget(right);
  }
};

SendRight::~SendRight() { Conversion::release(*this, RightType::send); }
SendOnceRight::~SendOnceRight() { Conversion::release(*this, RightType::send_once); }
ReceiveRight::~ReceiveRight() { Conversion::release(*this, RightType::receive); }
PortSet::~PortSet() { Conversion::release(*this, RightType::port_set); }

SendRight& SendRight::operator=(SendRight&& other) noexcept {
  SendRight(std::move(other)).swap(*this);
  return *this;
}
SendOnceRight& SendOnceRight::operator=(SendOnceRight&& other) noexcept {
  SendOnceRight(std::move(other)).swap(*this);
  return *this;
}
ReceiveRight& ReceiveRight::operator=(ReceiveRight&& other) noexcept {
  ReceiveRight(std::move(other)).swap(*this);
  return *this;
}
PortSet& PortSet::operator=(PortSet&& other) noexcept {
  PortSet(std::move(other)).swap(*this);
  return *this;
}

Result<SendRight> SendRight::copy() const {
  if (!*this) return given_away();
  REEVE_TRY(space_->copy_send(name_));
  return Conversion::value<SendRight>(space_, name_);
}

Result<void> SendRight::send(Message& message, const SendOptions& options) const {
  if (!*this) return given_away();
  return Conversion::send(space_, name_, RightType::send, message, options);
}

bool SendRight::is_dead() const { return *this && space_->references(name_, RightType::dead_name) > 0; }

Result<void> SendRight::notify_when_dead(SendOnceRight to) const {
  if (!*this) return given_away();
  REEVE_TRY(Conversion::drop(space_, space_->tell_dead(name_, REEVE_TRY(Conversion::hand_over(space_, to)))));
  Conversion::forget(to);
  return {};
}

Result<void> SendRight::notify_when_possible(SendOnceRight to) const {
  if (!*this) return given_away();
  const Name once = REEVE_TRY(Conversion::hand_over(space_, to));
  REEVE_TRY(Conversion::drop(space_, space_->tell_possible(name_, once, true)));
  Conversion::forget(to);
  return {};
}

Result<void> SendOnceRight::send(Message& message, const SendOptions& options) {
  if (!*this) return given_away();
  REEVE_TRY(Conversion::send(space_, name_, RightType::send_once, message, options));
  Conversion::forget(*this);
  return {};
}

Result<SendRight> ReceiveRight::make_send() const {
  if (!*this) return given_away();
  REEVE_TRY(space_->make_send(name_));
  return Conversion::value<SendRight>(space_, name_);
}

Result<SendOnceRight> ReceiveRight::make_send_once() const {
  if (!*this) return given_away();
  return Conversion::value<SendOnceRight>(space_, REEVE_TRY(space_->make_send_once(name_)));
}

Result<Delivery> ReceiveRight::receive(const ReceiveOptions& options) const {
  if (!*this) return given_away();
  return Conversion::receive(space_, name_, options);
}

Result<void> ReceiveRight::set_queue_limit(std::uint32_t limit) const {
  if (!*this) return given_away();
  return space_->set_queue_limit(name_, limit);
}

Result<void> ReceiveRight::notify_when_no_senders(SendOnceRight to, std::uint32_t make_send_count) const {
  if (!*this) return given_away();
  const Name once = REEVE_TRY(Conversion::hand_over(space_, to));
  REEVE_TRY(Conversion::drop(space_, space_->tell_no_senders(name_, once, make_send_count)));
  Conversion::forget(to);
  return {};
}

Result<void> ReceiveRight::notify_when_destroyed(SendOnceRight to) const {
  if (!*this) return given_away();
  REEVE_TRY(Conversion::drop(space_, space_->tell_destroyed(name_, REEVE_TRY(Conversion::hand_over(space_, to)))));
  Conversion::forget(to);
  return {};
}

Result<void> PortSet::insert(const ReceiveRight& port) const {
  if (!*this) return given_away();
  return space_->insert(name_, REEVE_TRY(Conversion::hand_over(space_, port)));
}

Result<void> PortSet::remove(const ReceiveRight& port) const {
  if (!*this) return given_away();
  return space_->remove(name_, REEVE_TRY(Conversion::hand_over(space_, port)));
}

Result<Delivery> PortSet::receive(const ReceiveOptions& options) const {
  if (!*this) return given_away();
  return Conversion::receive(space_, name_, options);
}

PortSpace PortSpace::make() { return PortSpace(std::make_shared<Space>()); }

Result<void> PortSpace::allow_listing() const { return space_->allow_listing(); }

Result<ReceiveRight> PortSpace::make_port(const PortOptions& options) const {
  return Conversion::value<ReceiveRight>(space_, REEVE_TRY(space_->make_port(options)));
}

Result<PortSet> PortSpace::make_set() const {
  return Conversion::value<PortSet>(space_, REEVE_TRY(space_->make_set()));
}

Result<os::Fd> PortSpace::give_out(SendRight&& right) const {
  os::Fd end = REEVE_TRY(space_->give_out(REEVE_TRY(Conversion::hand_over(space_, right))));
  Conversion::forget(right);
  return end;
}

Result<SendRight> PortSpace::take_in(os::Fd end) const {
  return Conversion::value<SendRight>(space_, REEVE_TRY(space_->take_in(std::move(end))));
}

std::vector<Name> PortSpace::names() const { return space_->names(); }
std::uint32_t PortSpace::references(Name name, RightType type) const { return space_->references(name, type); }

}  // namespace reeve::port
