#include "space.hpp"

#include <algorithm>
#include <array>

#include "../os/process.hpp"
#include "../os/random.hpp"
#include "carrier.hpp"

namespace reeve::port {
namespace {

// Half of what the process may have: the rest is its own, and what its own rights take.
quota::Amount limit() {
  return {.descriptors = std::min<std::uint64_t>(os::descriptor_limit() / 2, kPortDescriptorsMax)};
}

std::unexpected<Error> no_such(const char* what) {
  return fail(Kind::invalid, code::kNoSuchRight, std::string("the name stands for no ") + what,
              "it was given away or released before, or never was one");
}

Result<void> check_queue_limit(std::uint32_t limit) {
  if (limit > 0 && limit <= kQueueLimitMax) return {};
  return fail(Kind::invalid, code::kTooLarge, "a queue limit is 1 to 1024 messages", "ask for one of those");
}

Result<void> add_send(Entry& entry) {
  if (entry.send == kUserReferencesMax) {
    return fail(Kind::invalid, code::kReferences, "a name has 65,534 references already", "release some");
  }
  ++entry.send;
  return {};
}

}  // namespace

// Where there is no memory to list its names in it does all else.
Space::Space() : ledger_(limit()), room_(kPacketBytesMax) {
  if (os::trusted_variable("REEVE_PORTS") == "listed") (void)allow_listing();
}

Result<Entry*> Space::find_port(Name name) {
  Entry* const entry = table_.find(name);
  if (entry == nullptr || entry->port == nullptr || entry->is_leaving) return no_such("receive right");
  return entry;
}

Result<Entry*> Space::find_send(Name name) {
  Entry* const entry = table_.find(name);
  if (entry != nullptr && entry->dead > 0) return dead_port();
  if (entry == nullptr || entry->send == 0) return no_such("send right");
  return entry;
}

Result<Entry*> Space::find_once(Name name) {
  Entry* const entry = table_.find(name);
  if (entry != nullptr && entry->dead > 0) return dead_port();
  if (entry == nullptr || !entry->is_once || entry->is_leaving) return no_such("send-once right");
  return entry;
}

Result<Name> Space::add_port(std::shared_ptr<Port> port, Name wanted) {
  Port& known = *port;
  known.open();
  known.sequence = 0;
  known.make_send_count = 0;
  Entry entry;
  entry.port = std::move(port);
  known.name = REEVE_TRY(table_.add(std::move(entry), wanted));
  own_.emplace(known.id, known.name);
  return known.name;
}

Result<Name> Space::make_port(const PortOptions& options, Name wanted) {
  REEVE_TRY(check_queue_limit(options.queue_limit));
  const Lock lock(mutex_);
  return add_port(REEVE_TRY(Port::make(options.queue_limit)), wanted);
}

Result<Name> Space::make_set(Name wanted) {
  os::ReadySet ready = REEVE_TRY(os::ReadySet::make());
  os::Bell bell = REEVE_TRY(os::Bell::make());
  REEVE_TRY(ready.add(bell.descriptor(), 0));
  Entry entry;
  entry.set = std::make_shared<Set>(Set{std::move(ready), std::move(bell), {}, true});
  const Lock lock(mutex_);
  return table_.add(std::move(entry), wanted);
}

Result<void> Space::make_send(Name port) {
  const Lock lock(mutex_);
  Entry& entry = *REEVE_TRY(find_port(port));
  REEVE_TRY(add_send(entry));
  ++entry.port->make_send_count;
  return {};
}

Result<std::pair<os::Fd, std::uint64_t>> Space::new_line(Port& port, LineKind kind, Holder holder) {
  auto [sender, receiver] = REEVE_TRY(os::channel_pair());
  const std::uint64_t number = next_number();
  const bool is_own = holder == Holder::this_space;
  REEVE_TRY(port.add_line(number, {.end = std::move(receiver), .kind = kind, .is_own = is_own, .charge = {}}));
  return std::pair(std::move(sender), number);
}

Result<Name> Space::make_send_once(Name port, Name wanted) {
  const Lock lock(mutex_);
  const std::shared_ptr<Port> known = REEVE_TRY(find_port(port))->port;
  auto [end, number] = REEVE_TRY(new_line(*known, LineKind::send_once));
  Entry entry;
  entry.line = std::make_shared<SendLine>();
  entry.line->end = std::move(end);
  entry.line->own = known;
  entry.line->number = number;
  entry.is_once = true;
  auto name = table_.add(std::move(entry), wanted);
  if (!name) known->remove_line(number);
  return name;
}

void Space::unmake_once(Name once) {
  const Lock lock(mutex_);
  const auto entry = find_once(once);
  if (!entry && entry.error().kind == Kind::gone) release_dead(once);  // Its port has ended meanwhile.
  if (!entry) return;
  if (const auto port = (*entry)->line->own.lock()) port->remove_line((*entry)->line->number);
  drop(once);
}

std::shared_ptr<SendLine> Space::take_once(Name once) {
  std::shared_ptr<SendLine> line = table_.find(once)->line;
  drop(once);
  return line;
}

Name Space::give_once(std::shared_ptr<SendLine> line) {
  if (line == nullptr) return {};
  Entry entry;
  entry.line = std::move(line);
  entry.is_once = true;
  return table_.add(std::move(entry)).value_or(Name());
}

Result<std::shared_ptr<SendLine>> Space::own_line(Entry& entry) {
  if (entry.line == nullptr) {
    Port& port = *entry.port;
    auto [end, number] = REEVE_TRY(new_line(port, LineKind::send, Holder::this_space));
    entry.line = std::make_shared<SendLine>();
    entry.line->end = std::move(end);
    entry.line->id = port.id;
    entry.line->window = port.queue_limit();
    entry.line->own = entry.port;
    entry.line->number = number;
  }
  return entry.line;
}

Result<void> Space::copy_send(Name name) {
  const Lock lock(mutex_);
  refresh(name);
  return add_send(*REEVE_TRY(find_send(name)));
}

Result<void> Space::release(Name name, RightType type) {
  const Lock lock(mutex_);
  Entry* const entry = table_.find(name);
  if (entry == nullptr || (entry->is_leaving && entry->is_once)) return no_such("right");
  // A right that died turned into a dead name, under whoever holds it.
  const bool is_dead = entry->dead > 0 && type != RightType::receive && type != RightType::port_set;
  if (is_dead && entry->dead > entry->reserved) return release_dead(name), Result<void>();
  if (type == RightType::send && entry->send > entry->reserved) return release_send(name), Result<void>();
  if (type == RightType::send_once && entry->is_once) return drop(name), Result<void>();
  if (type == RightType::receive && entry->port != nullptr) {
    if (entry->port->guard.is_set) return guarded();
    return destroy_port(name), Result<void>();
  }
  if (type != RightType::port_set || entry->set == nullptr) return no_such("right of that type");
  return drop_set(name), Result<void>();
}

void Space::drop_set(Name name) {
  Set& set = *table_.find(name)->set;
  for (const Name member : set.members) std::erase(table_.find(member)->port->sets, name);
  set.is_open = false;
  set.bell.ring();
  drop(name);
}

void Space::release_send(Name name) {
  Entry& entry = *table_.find(name);
  if (--entry.send > 0) return;
  if (entry.port == nullptr) return drop(name);
  check_no_senders(*entry.port);
}

void Space::release_dead(Name name) {
  Entry& entry = *table_.find(name);
  if (--entry.dead > 0 || entry.send > 0 || entry.port != nullptr) return;
  drop(name);
}

void Space::drop(Name name) {
  forget(name);
  const Entry entry = table_.take(name);
  if (entry.dead_to != nullptr) tell(entry.dead_to, {NotificationKind::port_deleted, name, 0, nullptr});
}

void Space::leave_sets(Port& port) {
  for (const Name set : port.sets) {
    Set& known = *table_.find(set)->set;
    known.ready.remove(port.ready().descriptor());
    known.members.erase(port.name);
  }
  port.sets.clear();
}

void Space::part_with(Port& port) {
  own_.erase(port.id);
  leave_sets(port);
  port.no_senders_to.reset();
  forget_ends(port);
  port.destroyed_to.reset();
  if (port.inlet != nullptr) port.ready().remove(port.inlet->descriptor());
  port.inlet.reset();
  port.guard = {};
  port.context = 0;
}

// Whoever asked for the port has it instead, with all that is queued there.
void Space::destroy_port(Name name) {
  Entry& entry = *table_.find(name);
  if (entry.send > 0 && entry.port->destroyed_to != nullptr) (void)own_line(entry);  // Without it they end here.
  const std::shared_ptr<Port> port = std::exchange(entry.port, nullptr);
  const std::shared_ptr<SendLine> heir = port->destroyed_to;
  part_with(*port);
  port->close();
  if (heir == nullptr) {
    port->drop_lines();
    if (entry.send > 0) return end_sends(name);
    return drop(name);
  }
  if (entry.line != nullptr) {
    port->disown(entry.line->number);
    entry.line->own.reset();
  }
  if (entry.send == 0) {
    drop(name);
  } else if (entry.line == nullptr) {
    end_sends(name);
  }
  tell(heir, {NotificationKind::port_destroyed, {}, 0, port});
}

// The name is dead, with as many references as it had. Whoever asked to be told of that is, which is one more.
void Space::end_sends(Name name) {
  Entry& entry = *table_.find(name);
  if (entry.dead > 0) return;
  forget(name);
  entry.dead = std::max<std::uint32_t>(entry.send, 1);
  entry.send = 0;
  entry.is_once = false;
  entry.line.reset();
  tell_end(entry, name);
}

void Space::tell_end(Entry& entry, Name name) {
  const auto to = std::exchange(entry.dead_to, nullptr);
  if (to == nullptr) return;
  entry.tells_room = Entry::Room::no;
  entry.dead += entry.dead < kUserReferencesMax ? 1 : 0;
  tell(to, {NotificationKind::dead_name, name, 0, nullptr});
}

void Space::refresh(Name name) {
  Entry* const entry = table_.find(name);
  if (entry == nullptr || entry->line == nullptr || entry->port != nullptr || entry->is_leaving) return;
  if (!read_credits(*entry->line)) end_sends(name);
}

// A port of this space is there still, and has another line made for it when it is needed.
void Space::end_line_of(Name name) {
  Entry* const entry = table_.find(name);
  if (entry == nullptr) return;
  if (entry->port == nullptr) return end_sends(name);
  lose_own_line(*entry, name);
}

// What was queued there is lost: whoever waits for room has it.
void Space::lose_own_line(Entry& entry, Name name) {
  forget_watch(entry);
  entry.line.reset();
  if (std::exchange(entry.tells_room, Entry::Room::no) == Entry::Room::no) return;
  const auto to = std::exchange(entry.dead_to, nullptr);
  if (to != nullptr) tell(to, {NotificationKind::send_possible, name, 0, nullptr});
}

void Space::forget(Name name) {
  Entry& entry = *table_.find(name);
  forget_watch(entry);
  if (entry.line == nullptr) return;
  const auto given = given_.find({entry.line->id, entry.line->giver});
  if (given != given_.end() && given->second == name) given_.erase(given);
}

Name Space::known_send(const PortId& id, std::uint64_t giver) {
  if (id == PortId{}) return {};
  Name name;
  if (const auto own = own_.find(id); own != own_.end()) {
    name = own->second;
  } else if (const auto given = given_.find({id, giver}); given != given_.end()) {
    name = given->second;
    refresh(name);
  }
  Entry* const entry = table_.find(name);
  if (entry == nullptr || entry->is_leaving || entry->dead > 0 || entry->send == kUserReferencesMax) return {};
  ++entry->send;
  return name;
}

quota::Account Space::account_of(const os::Credentials& sender) {
  const auto user = static_cast<std::uint64_t>(sender.uid) << 32;
  return ledger_.account_of(sender.pid > 0 ? static_cast<std::uint64_t>(sender.pid) : user);
}

// By the port that is told, so that whoever waits there finds out.
Result<void> Space::watch_end(Entry& entry, Name name) {
  const bool tells_room = entry.tells_room != Entry::Room::no && entry.line != nullptr;
  if (!entry.dead_to || (entry.port != nullptr && !tells_room)) return {};
  const std::shared_ptr<Port> told = entry.dead_to->own.lock();
  if (told == nullptr || !told->is_open()) return {};
  const std::uint64_t number = next_number();
  REEVE_TRY(tells_room ? told->ready().add_change(entry.line->end, number)
                       : told->ready().add_end(entry.line->end, number));
  told->watched.emplace(number, name);
  entry.watch = number;
  return {};
}

void Space::forget_ends(Port& port) {
  const std::shared_ptr<Port> told = port.ends_told.lock();
  port.ends_told.reset();
  if (told == nullptr) return;
  told->watched.erase(port.ends_number);
  if (const auto ends = port.ends()) told->ready().remove((*ends)->descriptor());
}

void Space::tell_nobody_at(Port& port) {
  for (const auto& [number, name] : std::exchange(port.watched, {})) {
    Entry* const entry = table_.find(name);
    if (entry == nullptr) continue;
    if (entry->watch == number) {
      entry->watch = 0;
      entry->dead_to.reset();
    } else if (entry->port != nullptr && entry->port->ends_number == number) {
      entry->port->ends_told.reset();
      entry->port->no_senders_to.reset();
    }
  }
}

void Space::forget_watch(Entry& entry) {
  if (entry.watch == 0) return;
  if (const std::shared_ptr<Port> told = entry.dead_to->own.lock()) {
    told->watched.erase(entry.watch);
    told->ready().remove(entry.line->end);
  }
  entry.watch = 0;
}

void Space::check_no_senders(Port& port) {
  if (!port.no_senders_to || port.sender_count() > 0 || port.make_send_count < port.no_senders_sync) return;
  const Entry& entry = *table_.find(port.name);
  if (entry.send > 0) return;
  if (entry.line != nullptr && os::has_unread(entry.line->end)) return;  // A right that is on its way here.
  const auto to = std::exchange(port.no_senders_to, nullptr);
  forget_ends(port);
  tell(to, {NotificationKind::no_senders, {}, port.make_send_count, nullptr});
}

// Uses up a send-once right of the space's own; where its port has moved on, it is told by a message like any other.
void Space::tell(const std::shared_ptr<SendLine>& once, Notice notice) {
  const std::shared_ptr<Port> port = once->own.lock();
  if (port != nullptr && port->is_open()) {
    port->remove_line(once->number);
    return port->add_notice(std::move(notice));
  }
  const Header header{.id = static_cast<std::int32_t>(notice.kind), .count = notice.port != nullptr ? 1U : 0U};
  const auto carrier = notice.port != nullptr ? pack(*notice.port) : os::Fd();
  if (!carrier) return;
  const Item item{.kind = ItemKind::receive};
  const int raw = carrier->raw();
  const std::uint32_t value = is_about_name(notice.kind) ? notice.name.value : notice.count;
  (void)send_body(once->end, header,
                  notice.port != nullptr ? std::as_bytes(std::span(&item, 1)) : std::as_bytes(std::span(&value, 1)),
                  std::span(&raw, header.count));
}

void Space::end_line(Port& port, std::uint64_t number) {
  const bool is_once = port.line(number)->kind == LineKind::send_once;
  if (port.line(number)->is_own) lose_own_line(*table_.find(port.name), port.name);  // Another is made when needed.
  port.remove_line(number);
  if (is_once) return port.add_notice({NotificationKind::send_once, {}, 0, nullptr});
  check_no_senders(port);
}

Result<std::shared_ptr<Port>> Space::port_told_by(Name once) {
  auto port = REEVE_TRY(find_once(once))->line->own.lock();
  if (port != nullptr && port->is_open()) return port;
  return fail(Kind::unsupported, code::kNoSuchRight, "only a port of the same space is told", "make a port for that");
}

Result<void> Space::set_queue_limit(Name port, std::uint32_t limit) {
  REEVE_TRY(check_queue_limit(limit));
  const Lock lock(mutex_);
  REEVE_TRY(find_port(port))->port->set_queue_limit(limit);
  return {};
}

Result<Name> Space::tell_no_senders(Name port, Name to, std::uint32_t make_send_count) {
  const Lock lock(mutex_);
  const std::shared_ptr<Port> known = REEVE_TRY(find_port(port))->port;
  const std::shared_ptr<Port> told = to ? REEVE_TRY(port_told_by(to)) : nullptr;
  forget_ends(*known);
  if (told != nullptr && told != known) {
    const std::uint64_t number = next_number();
    const os::ReadySet& ends = *REEVE_TRY(known->ends());
    REEVE_TRY(told->ready().add(ends.descriptor(), number));
    told->watched.emplace(number, port);
    known->ends_told = told;
    known->ends_number = number;
  }
  const Name before = give_once(std::exchange(known->no_senders_to, to ? take_once(to) : nullptr));
  known->no_senders_sync = make_send_count;
  check_no_senders(*known);
  return before;
}

Result<Name> Space::tell_dead(Name name, Name to) {
  const Lock lock(mutex_);
  return ask(name, to, Entry::Room::no);
}

Result<Name> Space::tell_possible(Name name, Name to, bool at_once) {
  const Lock lock(mutex_);
  const Name before = REEVE_TRY(ask(name, to, at_once ? Entry::Room::awaited : Entry::Room::asked));
  tell_room(name);
  return before;
}

Result<Name> Space::ask(Name name, Name to, Entry::Room room) {
  refresh(name);
  if (to) REEVE_TRY(port_told_by(to));
  if (to == name) return no_such("right but the one to tell by");
  Entry* entry = table_.find(name);
  if (entry == nullptr || entry->set != nullptr) return no_such("right to a port");
  if (room != Entry::Room::no && entry->send > 0) REEVE_TRY(own_line(*entry));
  forget_watch(*entry);
  const Name before = give_once(std::exchange(entry->dead_to, to ? take_once(to) : nullptr));
  entry = table_.find(name);  // The table may have grown.
  entry->tells_room = to ? room : Entry::Room::no;
  if (entry->dead > 0) return tell_end(*entry, name), before;
  const auto watched = watch_end(*entry, name);
  if (watched) return before;
  entry->dead_to.reset();
  if (before) drop(before);
  return std::unexpected(watched.error());
}

void Space::await_room(Name name) {
  const Lock lock(mutex_);
  Entry* const entry = table_.find(name);
  if (entry == nullptr || entry->tells_room == Entry::Room::no) return;
  entry->tells_room = Entry::Room::awaited;
  tell_room(name);
}

void Space::tell_room(Name name) {
  refresh(name);
  Entry* const entry = table_.find(name);
  if (entry == nullptr || entry->tells_room != Entry::Room::awaited || entry->line == nullptr) return;
  if (entry->port != nullptr && !read_credits(*entry->line)) return;  // refresh has done that for others.
  if (is_full(*entry->line)) return;
  forget_watch(*entry);
  entry->tells_room = Entry::Room::no;
  if (const auto to = std::exchange(entry->dead_to, nullptr)) {
    tell(to, {NotificationKind::send_possible, name, 0, nullptr});
  }
}

Result<Name> Space::tell_destroyed(Name port, Name to) {
  const Lock lock(mutex_);
  const std::shared_ptr<Port> known = REEVE_TRY(find_port(port))->port;
  // It is this space that ends the port, and sends it wherever that is.
  if (to && REEVE_TRY(find_once(to))->line->own.lock() == known) {
    return fail(Kind::invalid, code::kNoSuchRight, "a port cannot be told of its own end", "name another");
  }
  return give_once(std::exchange(known->destroyed_to, to ? take_once(to) : nullptr));
}

Result<void> Space::insert(Name set, Name port) {
  const Lock lock(mutex_);
  Entry* const entry = table_.find(set);
  if (entry == nullptr || entry->set == nullptr) return no_such("port set");
  Port& member = *REEVE_TRY(find_port(port))->port;
  if (entry->set->members.contains(port)) return {};
  REEVE_TRY(member.expect_waiters());
  REEVE_TRY(entry->set->ready.add(member.ready().descriptor(), port.value));
  entry->set->members.insert(port);
  member.sets.push_back(set);
  return {};
}

Result<void> Space::remove(Name set, Name port) {
  const Lock lock(mutex_);
  Entry* const entry = table_.find(set);
  if (entry == nullptr || entry->set == nullptr) return no_such("port set");
  if (entry->set->members.erase(port) == 0) return no_such("member of the set");
  Port& member = *table_.find(port)->port;
  entry->set->ready.remove(member.ready().descriptor());
  std::erase(member.sets, set);
  return {};
}

Result<os::Fd> Space::give_out(Name send) {
  const Lock lock(mutex_);
  refresh(send);
  Entry& entry = *REEVE_TRY(find_send(send));
  if (entry.port != nullptr) {
    auto [end, number] = REEVE_TRY(new_line(*entry.port, LineKind::send));
    release_send(send);
    return std::move(end);
  }
  auto [given, introduced] = REEVE_TRY(os::channel_pair());
  const auto sent = REEVE_TRY(send_introduction(*entry.line, introduced));
  if (sent == os::Sent::not_now) {
    return fail(Kind::busy, code::kQueueFull, "the port's queue has no room for an introduction", "try again later");
  }
  release_send(send);
  return std::move(given);
}

Result<Name> Space::take_in(os::Fd end) {
  if (!os::is_channel_socket(end)) {
    return fail(Kind::invalid, code::kBadAttachment, "the descriptor is no end of a channel", "pass one of give_out");
  }
  Entry entry;
  entry.line = std::make_shared<SendLine>();
  entry.line->end = std::move(end);
  entry.line->id = os::random_token();  // What it is called here is of use to those who are given it from here.
  entry.send = 1;
  const Lock lock(mutex_);
  return table_.add(std::move(entry));
}

std::vector<Name> Space::names() {
  const Lock lock(mutex_);
  return table_.names();
}

std::uint32_t Space::references(Name name, RightType type) {
  const Lock lock(mutex_);
  refresh(name);
  const Entry* const entry = table_.find(name);
  if (entry == nullptr || entry->is_leaving) return 0;
  switch (type) {
    case RightType::send:
      return entry->send;
    case RightType::dead_name:
      return entry->dead;
    case RightType::send_once:
      return entry->is_once ? 1 : 0;
    case RightType::receive:
      return entry->port != nullptr ? 1 : 0;
    case RightType::port_set:
      return entry->set != nullptr ? 1 : 0;
  }
  return 0;
}

Result<Space::Source> Space::source_of(Name name) {
  Entry* const entry = table_.find(name);
  if (entry == nullptr || entry->is_leaving) return no_such("receive right");
  if (entry->port != nullptr) return entry->port;
  if (entry->set != nullptr) return entry->set;
  return no_such("receive right");
}

}  // namespace reeve::port
