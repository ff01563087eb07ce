// Receiving: what a packet brings gets names here, or the line that it came on is ended.
#include <algorithm>
#include <array>

#include "../os/descriptor.hpp"
#include "carrier.hpp"
#include "space.hpp"

namespace reeve::port {

// One look at a port.
class Receiving {
 public:
  Receiving(Space& space, Port& port, const Room& room) : space_(space), port_(port), room_(room) {}

  /// What is ready there under that number, if it is something to be received.
  Result<std::optional<Taken>> take(std::uint64_t number);
  void look_at_end(std::uint64_t number);

 private:
  Result<std::optional<Taken>> take_notice();
  Result<std::optional<Taken>> take_packet(std::uint64_t number, Line& line);
  Result<std::optional<TooLarge>> look_at_size(const Line& line, bool& is_ready) const;
  Result<std::optional<Taken>> take_letter(std::uint64_t number, const Letter& letter, os::Arrival& arrival);
  void take_introduction(const Introduction& introduction, os::Arrival& arrival);
  void look_whether_it_was_the_last(std::uint64_t number);
  void look_at_watched(Name name);
  Result<Thing> thing_of(const Item& item, os::Fd descriptor, std::uint64_t number, const Giver& giver);
  Result<Thing> take_send(const Item& item, os::Fd end, std::uint64_t giver, const quota::Account& account);
  Result<Thing> take_once(const Item& item, os::Fd end, const quota::Account& account);
  Result<Thing> take_port(const Item& item, const os::Fd& carrier, const Giver& giver);
  void give_back(const std::vector<Thing>& things);
  Taken taken(std::variant<Incoming, Told, TooLarge> what) { return {std::move(what), port_.name, port_.sequence++}; }

  Space& space_;
  Port& port_;
  const Room& room_;
  bool takes_no_letters_ = false;
};

namespace {

constexpr std::chrono::microseconds kAtOnce{3};  // A wait that found something there; one that slept takes longer.
constexpr int kRoundsBeyond = 64;                // Of a deadline that has passed, for what only has to be looked at.
constexpr int kTurns = 16;                       // Of the lines that were found ready, before others are looked for.

// Under that name still: it may have left and come back under another.
bool is_there(const Port& port, Name name) { return port.is_open() && port.name == name; }
bool is_there(const Set& set, Name) { return set.is_open; }
const os::ReadySet& ready_of(const Port& port) { return port.ready(); }
const os::ReadySet& ready_of(const Set& set) { return set.ready; }

std::unexpected<Error> bad_end() {
  return fail(Kind::invalid, code::kBadAttachment, "line: a right that is no end of a channel");
}

std::unexpected<Error> not_here() {
  return fail(Kind::gone, code::kDeadPort, "the receive right is not here any more", "ask whoever has it now");
}

}  // namespace

Result<Taken> Space::receive(Name from, const Room& room, const os::Deadline& deadline) {
  Lock lock(mutex_);
  const Source source = REEVE_TRY(source_of(from));
  const auto* port = std::get_if<std::shared_ptr<Port>>(&source);
  if (port != nullptr) {
    REEVE_TRY((*port)->expect_waiters());
    if (auto outcome = REEVE_TRY(take_found(**port, room))) return std::move(*outcome);
  }
  const auto is_open = [&] { return std::visit([&](const auto& s) { return is_there(*s, from); }, source); };
  for (int rounds = 0;;) {
    // Waited for without the lock: others may do what they like with the space, and wait for the same.
    lock.unlock();
    Found found;
    const os::Time before = os::now();
    const auto waited = std::visit([&](const auto& s) { return ready_of(*s).wait(found.numbers, deadline); }, source);
    found.are_more = os::now() - before < kAtOnce;
    lock.lock();
    if (!is_open()) return not_here();
    found.count = REEVE_TRY(waited).size();
    if (port != nullptr) {
      (*port)->found = found;
      if (auto outcome = REEVE_TRY(take_found(**port, room))) return std::move(*outcome);
    }
    for (std::size_t i = 0; port == nullptr && i < found.count; ++i) {
      if (auto outcome = REEVE_TRY(take_at_member(found.numbers[i], room))) return std::move(*outcome);
    }
    if (!is_open()) return not_here();
    if (deadline && os::now() >= *deadline && (found.count == 0 || ++rounds > kRoundsBeyond)) {
      return fail(Kind::timeout, code::kTimedOut, "nothing came in time", "allow more time");
    }
  }
}

// What was found ready in one wait is taken without another. While messages come faster than they are taken, a line is
// tried again too; and now and then all have to wait in line.
Result<std::optional<Taken>> Space::take_found(Port& port, const Room& room) {
  while (port.found.next < port.found.count) {
    const std::size_t i = port.found.next++;
    const std::uint64_t number = port.found.numbers[i];
    auto outcome = REEVE_TRY(Receiving(*this, port, room).take(number));
    if (!outcome) continue;
    if (port.found.are_more && ++port.found.turns < kTurns) port.found.put_last(number);
    return outcome;
  }
  return std::nullopt;
}

Result<std::optional<Taken>> Space::take_at_member(std::uint64_t number, const Room& room) {
  Entry* const member = table_.find(Name{static_cast<std::uint32_t>(number)});
  if (member == nullptr || member->port == nullptr) return std::nullopt;
  const std::shared_ptr<Port> port = member->port;
  std::array<std::uint64_t, 8> numbers;
  for (const std::uint64_t ready : REEVE_TRY(port->ready().wait(numbers, os::now()))) {
    auto outcome = REEVE_TRY(Receiving(*this, *port, room).take(ready));
    if (outcome) return outcome;
  }
  return std::nullopt;
}

// Of a holder that has gone: whom it introduced, and that nothing comes any more. What it has sent stays where it is,
// and so does its line until somebody has received that.
void Receiving::look_at_end(std::uint64_t number) {
  takes_no_letters_ = true;
  while (const Line* line = port_.line(number)) {
    Header header;
    const auto next = os::peek_packet(line->end, std::as_writable_bytes(std::span(&header, 1)));
    if (!next || !*next || (**next >= sizeof header && header.kind == PacketKind::message)) return;
    if (!take_packet(number, *port_.line(number))) return;
  }
}

void Space::look_for_ends(Port& port) {
  std::array<std::uint64_t, 16> room;
  while (true) {
    const auto ends = port.ends();
    if (!ends) return;
    const auto numbers = (*ends)->wait(room, os::now());
    if (!numbers || numbers->empty()) return;
    for (const std::uint64_t number : *numbers) Receiving(*this, port, Room()).look_at_end(number);
  }
}

Result<std::optional<Taken>> Receiving::take(std::uint64_t number) {
  if (number == 0) return take_notice();
  if (port_.inlet != nullptr && number == port_.inlet_number) return space_.take_from_inlet(port_), std::nullopt;
  const auto watched = port_.watched.find(number);
  if (watched != port_.watched.end()) return look_at_watched(watched->second), std::nullopt;
  Line* const line = port_.line(number);
  if (line == nullptr) return std::nullopt;  // It was there when the kernel was asked.
  return take_packet(number, *line);
}

void Receiving::look_at_watched(Name name) {
  const Entry* const entry = space_.table_.find(name);
  if (entry == nullptr) return;
  space_.tell_room(name);
  if (entry->port != nullptr) return space_.look_for_ends(*entry->port);
  space_.refresh(name);
}

Result<std::optional<Taken>> Receiving::take_notice() {
  if (port_.notices().empty()) return std::nullopt;
  const std::size_t takes = room_.size_of_notice(port_.notices().front().kind);
  if (takes > room_.size_max) return Taken{TooLarge{takes}, port_.name, port_.sequence};
  auto notice = port_.next_notice();
  Told told{notice->kind, notice->name, notice->count, {}, notice->giver};
  if (notice->port != nullptr) told.destroyed = REEVE_TRY(space_.add_port(std::move(notice->port)));
  return taken(told);
}

// Whether the next packet has more than was asked for.
Result<std::optional<TooLarge>> Receiving::look_at_size(const Line& line, bool& is_ready) const {
  PeekedLetter front;
  if (!REEVE_TRY(peek_letter(line, front, &is_ready))) return std::nullopt;
  const std::size_t takes = room_.size_of(front.items(), front.data_size);
  return takes > room_.size_max ? std::optional(TooLarge{takes}) : std::nullopt;
}

Result<std::optional<Taken>> Receiving::take_packet(std::uint64_t number, Line& line) {
  if (room_.size_max < SIZE_MAX) {
    bool is_ready = false;
    if (const auto large = REEVE_TRY(look_at_size(line, is_ready))) return Taken{*large, port_.name, port_.sequence};
    if (!is_ready) return std::nullopt;
  }
  auto received = REEVE_TRY(os::receive_packet(line.end, space_.room_, os::Rights::accept));
  if (std::holds_alternative<os::NothingYet>(received)) return std::nullopt;
  auto* const arrival = std::get_if<os::Arrival>(&received);
  if (arrival == nullptr || arrival->truncated || arrival->left_open) {
    return space_.end_line(port_, number), std::nullopt;
  }
  const auto packet = decode_packet(std::span(space_.room_).first(arrival->size), arrival->descriptors.size());
  const auto* letter = packet ? std::get_if<Letter>(&*packet) : nullptr;
  // What is larger than it seemed a moment ago was made to seem so.
  if (letter != nullptr && (takes_no_letters_ || room_.size_of(letter->items, letter->data.size()) > room_.size_max)) {
    return space_.end_line(port_, number), std::nullopt;
  }
  if (letter != nullptr) return take_letter(number, *letter, *arrival);
  const auto* introduction = packet ? std::get_if<Introduction>(&*packet) : nullptr;
  if (introduction == nullptr || line.kind != LineKind::send || introduction->kind != LineKind::send) {
    return space_.end_line(port_, number), std::nullopt;
  }
  take_introduction(*introduction, *arrival);
  return std::nullopt;
}

// Whoever introduces pays for the line. One that cannot be paid for is closed, and its holder finds the port dead.
void Receiving::take_introduction(const Introduction& introduction, os::Arrival& arrival) {
  os::Fd& end = arrival.descriptors.front();
  if (!os::is_kind(end, os::DescriptorKind::channel) || !os::ask_for_senders(end)) return;
  auto charge = space_.account_of(arrival.sender).charge({.descriptors = 1});
  if (!charge) return;
  (void)port_.add_line(space_.next_number(),
                       {.end = std::move(end), .kind = introduction.kind, .charge = std::move(*charge)});
}

Result<std::optional<Taken>> Receiving::take_letter(std::uint64_t number, const Letter& letter, os::Arrival& arrival) {
  Incoming incoming{letter.id, object::Data::copy_of(letter.data), {}, arrival.sender, port_.line(number)->kind};
  std::optional<Giver> giver;  // who has given something
  std::size_t used = 0;
  for (const Item& item : letter.items) {
    if (!giver) giver = Giver{arrival.sender, space_.account_of(arrival.sender)};
    os::Fd descriptor = has_descriptor(item.kind) ? std::move(arrival.descriptors[used++]) : os::Fd();
    auto thing = thing_of(item, std::move(descriptor), number, *giver);
    // What cannot be held here arrives dead.
    if (!thing && thing.error().kind != Kind::invalid) thing = Thing{ItemKind::dead, item.place, {}, {}, item.kind};
    if (!thing) {
      give_back(incoming.things);
      space_.end_line(port_, number);
      return std::nullopt;
    }
    incoming.things.push_back(std::move(*thing));
  }
  Line& line = *port_.line(number);
  if (line.kind == LineKind::send_once) {
    port_.remove_line(number);
  } else {
    ++line.taken;
    tell_holder(line, port_.queue_limit(), Tell::when_due);
    if (port_.no_senders_to != nullptr) look_whether_it_was_the_last(number);
  }
  return taken(std::move(incoming));
}

// Where a sender that has gone is missed only when all that it has sent was received.
void Receiving::look_whether_it_was_the_last(std::uint64_t number) {
  const auto next = os::peek_packet(port_.line(number)->end, {});
  const bool has_gone = next && *next && **next == 0;
  has_gone ? space_.end_line(port_, number) : space_.check_no_senders(port_);
}

Result<Thing> Receiving::thing_of(const Item& item, os::Fd descriptor, std::uint64_t number, const Giver& giver) {
  switch (item.kind) {
    case ItemKind::send:
      return take_send(item, std::move(descriptor), number, giver.account);
    case ItemKind::send_once:
      return take_once(item, std::move(descriptor), giver.account);
    case ItemKind::receive:
      return take_port(item, descriptor, giver);
    case ItemKind::memory: {
      if (!os::is_kind(descriptor, os::DescriptorKind::memory) || REEVE_TRY(os::memory_size(descriptor)) < item.size) {
        return fail(Kind::invalid, code::kBadAttachment, "line: memory that is not sealed, or smaller than it says");
      }
      const auto size = static_cast<std::uint32_t>(item.size);
      object::Memory memory(std::make_shared<const os::Fd>(std::move(descriptor)), os::DescriptorKind::memory, size);
      return Thing{item.kind, item.place, {}, std::move(memory)};
    }
    case ItemKind::none:
    case ItemKind::dead:
    case ItemKind::array:
      break;
  }
  return Thing{item.kind, item.place, {}, {}, item.as, static_cast<std::uint32_t>(item.size)};
}

// What the same giver gave before, or a right to a port of this space, has its name already.
Result<Thing> Receiving::take_send(const Item& item, os::Fd end, std::uint64_t giver, const quota::Account& account) {
  if (!os::is_kind(end, os::DescriptorKind::channel)) return bad_end();
  if (const Name known = space_.known_send(item.id, giver)) {
    return Thing{item.kind, item.place, known, {}};
  }
  quota::Charge charge = REEVE_TRY(account.charge({.descriptors = 1}));
  Entry entry;
  entry.line = std::make_shared<SendLine>();
  entry.line->end = std::move(end);
  entry.line->id = item.id;
  entry.line->window = item.window;
  entry.line->giver = giver;
  entry.line->charge = std::move(charge);
  entry.send = 1;
  const Name name = REEVE_TRY(space_.table_.add(std::move(entry)));
  space_.given_.emplace(std::pair(item.id, giver), name);
  return Thing{item.kind, item.place, name, {}};
}

Result<Thing> Receiving::take_once(const Item& item, os::Fd end, const quota::Account& account) {
  if (!os::is_kind(end, os::DescriptorKind::channel)) return bad_end();
  quota::Charge charge = REEVE_TRY(account.charge({.descriptors = 1}));
  Entry entry;
  entry.line = std::make_shared<SendLine>();
  entry.line->end = std::move(end);
  entry.line->charge = std::move(charge);
  entry.is_once = true;
  return Thing{item.kind, item.place, REEVE_TRY(space_.table_.add(std::move(entry))), {}};
}

Result<Thing> Receiving::take_port(const Item& item, const os::Fd& carrier, const Giver& giver) {
  if (!os::is_kind(carrier, os::DescriptorKind::channel)) return bad_end();
  auto port = REEVE_TRY(unpack(carrier, giver, [this] { return space_.next_number(); }));
  return Thing{item.kind, item.place, REEVE_TRY(space_.add_port(std::move(port))), {}};
}

void Receiving::give_back(const std::vector<Thing>& things) {
  for (const Thing& thing : things) {
    const Entry* const entry = thing.name ? space_.table_.find(thing.name) : nullptr;
    if (entry != nullptr && entry->dead > 0) {
      space_.release_dead(thing.name);  // It may have died since.
      continue;
    }
    if (thing.kind == ItemKind::send) space_.release_send(thing.name);
    if (thing.kind == ItemKind::send_once) space_.drop(thing.name);
    if (thing.kind == ItemKind::receive) space_.destroy_port(thing.name);
  }
}

}  // namespace reeve::port
