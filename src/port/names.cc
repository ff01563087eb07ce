// What is done by a name alone, where nobody owns a right as a value: what it stands for, and changing that.
#include <algorithm>
#include <array>

#include "space.hpp"

namespace reeve::port {
namespace {

std::unexpected<Error> no_such_name() {
  return fail(Kind::invalid, code::kNoSuchRight, "the name stands for nothing",
              "it was released before, or never was one");
}

std::unexpected<Error> bad_count(const char* what, const char* advice) {
  return fail(Kind::invalid, code::kReferences, what, advice);
}

}  // namespace

std::optional<Standing> Space::standing(Name name) {
  const Lock lock(mutex_);
  refresh(name);
  const Entry* const entry = table_.find(name);
  if (entry == nullptr || (entry->is_leaving && entry->is_once)) return std::nullopt;
  return Standing{entry->send,
                  entry->dead,
                  entry->port != nullptr && !entry->is_leaving,
                  entry->is_once,
                  entry->set != nullptr,
                  entry->dead_to != nullptr,
                  entry->tells_room != Entry::Room::no};
}

Result<Name> Space::make_dead(Name wanted) {
  Entry entry;
  entry.dead = 1;
  const Lock lock(mutex_);
  return table_.add(std::move(entry), wanted);
}

Result<void> Space::change(Name name, RightType type, std::int32_t by) {
  const Lock lock(mutex_);
  refresh(name);
  Entry* const entry = table_.find(name);
  if (entry == nullptr) return no_such_name();
  const bool is_send = type == RightType::send;
  std::uint32_t& count = is_send ? entry->send : entry->dead;
  if (count == 0) return no_such_name();
  const std::int64_t after = static_cast<std::int64_t>(count) + by;
  if (after > kUserReferencesMax) return bad_count("a name has 65,534 references at most", "release some");
  if (after < static_cast<std::int64_t>(entry->reserved)) {
    return bad_count("the name has fewer references than that", "release as many as there are");
  }
  if (after > 0) return count = static_cast<std::uint32_t>(after), Result<void>();
  count = 1;
  is_send ? release_send(name) : release_dead(name);
  return {};
}

Result<void> Space::destroy(Name name) {
  const Lock lock(mutex_);
  Entry* entry = table_.find(name);
  if (entry == nullptr || entry->is_leaving || entry->reserved > 0) return no_such_name();
  if (entry->port != nullptr && entry->port->guard.is_set) return guarded();
  if (entry->set != nullptr) {
    drop_set(name);
    return {};
  }
  if (entry->is_once) return drop(name), Result<void>();
  if (entry->send > 0) {
    entry->send = 1;
    release_send(name);
    entry = table_.find(name);
  }
  if (entry != nullptr && entry->dead > 0) {
    entry->dead = 1;
    release_dead(name);
    entry = table_.find(name);
  }
  if (entry != nullptr && entry->port != nullptr) destroy_port(name);
  return {};
}

Result<std::vector<Name>> Space::members(Name set) {
  const Lock lock(mutex_);
  const Entry* const entry = table_.find(set);
  if (entry == nullptr || entry->set == nullptr) return no_such_name();
  return std::vector<Name>(entry->set->members.begin(), entry->set->members.end());
}

Result<void> Space::move_to_set(Name port, Name set) {
  {
    const Lock lock(mutex_);
    Port& member = *REEVE_TRY(find_port(port))->port;
    const Entry* const entry = set ? table_.find(set) : nullptr;
    if (set && (entry == nullptr || entry->set == nullptr)) return no_such_name();
    if (!set && member.sets.empty()) return bad_count("the port is in no set", "insert it first");
    leave_sets(member);
  }
  return set ? insert(set, port) : Result<void>();
}

Result<PortStatus> Space::status(Name port) {
  const Lock lock(mutex_);
  const Entry& entry = *REEVE_TRY(find_port(port));
  Port& known = *entry.port;
  PortStatus status;
  status.queue_limit = known.queue_limit();
  status.sequence = known.sequence;
  status.make_send_count = known.make_send_count;
  status.waiting = known.notices().size();
  for (const auto& [number, line] : known.lines()) {
    const auto next = os::peek_packet(line.end, {});
    status.waiting += next && *next && **next > 0 ? 1 : 0;
    status.send_once += line.kind == LineKind::send_once ? 1 : 0;
  }
  status.sets = known.sets.size();
  status.has_senders = known.sender_count() > 0 || entry.send > 0;
  status.is_told_no_senders = known.no_senders_to != nullptr;
  status.is_told_destroyed = known.destroyed_to != nullptr;
  status.context = known.context;
  status.guard = known.guard;
  return status;
}

Result<Peeked> Space::peek(Name port, const Room& room) {
  const Lock lock(mutex_);
  const Port& known = *REEVE_TRY(find_port(port))->port;
  std::array<std::uint64_t, 8> numbers;
  for (const std::uint64_t number : REEVE_TRY(known.ready().wait(numbers, os::now()))) {
    const auto line = known.lines().find(number);
    if (line == known.lines().end()) continue;
    PeekedLetter front;
    if (REEVE_TRY(peek_letter(line->second, front))) {
      return Peeked{front.header.id, room.size_of(front.items(), front.data_size), known.sequence};
    }
  }
  return fail(Kind::timeout, code::kTimedOut, "no message waits", "wait for one");
}

Result<void> Space::set_make_send_count(Name port, std::uint32_t count) {
  const Lock lock(mutex_);
  Port& known = *REEVE_TRY(find_port(port))->port;
  known.make_send_count = count;
  check_no_senders(known);
  return {};
}

Result<void> Space::set_sequence(Name port, std::uint32_t next) {
  const Lock lock(mutex_);
  REEVE_TRY(find_port(port))->port->sequence = next;
  return {};
}

Result<void> Space::set_context(Name port, std::uint64_t context) {
  const Lock lock(mutex_);
  REEVE_TRY(find_port(port))->port->context = context;
  return {};
}

std::uint64_t Space::context(Name port) {
  const Lock lock(mutex_);
  const auto entry = find_port(port);
  return entry ? (*entry)->port->context : 0;
}

Result<void> Space::guard(Name port, const Guard& guard) {
  const Lock lock(mutex_);
  Port& known = *REEVE_TRY(find_port(port))->port;
  if (guard.is_set && known.guard.is_set) return bad_count("the port has a guard already", "take that off first");
  const bool is_immovable = known.guard.is_immovable || guard.is_immovable;
  if (guard.is_set) known.guard = guard;
  known.guard.is_immovable = is_immovable;
  return {};
}

Result<void> Space::unguard(Name port, std::uint64_t value) {
  const Lock lock(mutex_);
  Guard& guard = REEVE_TRY(find_port(port))->port->guard;
  if (!guard.is_set || guard.value != value) {
    return guarded();
  }
  guard = {.is_immovable = guard.is_immovable};
  return {};
}

Result<void> Space::attend(Name port, std::shared_ptr<Inlet> inlet) {
  const Lock lock(mutex_);
  Port& known = *REEVE_TRY(find_port(port))->port;
  const std::uint64_t number = next_number();
  REEVE_TRY(known.ready().add(inlet->descriptor(), number));
  known.inlet = std::move(inlet);
  known.inlet_number = number;
  return {};
}

void Space::admit(Inlet::Holder holder) {
  const Lock lock(mutex_);
  add_holder(std::move(holder));
}

// Where the port has gone meanwhile, or can hold no more, the other end is one of a dead port.
void Space::add_holder(Inlet::Holder holder) {
  const auto entry = find_port(holder.port);
  if (!entry) return;
  Line line;
  line.end = std::move(holder.end);
  (void)(*entry)->port->add_line(next_number(), std::move(line));
}

void Space::take_from_inlet(Port& port) {
  const std::shared_ptr<Inlet> inlet = port.inlet;
  auto holders = inlet->take();
  if (!holders) return port.ready().remove(inlet->descriptor());
  for (Inlet::Holder& holder : *holders) add_holder(std::move(holder));
}

// Whoever waited in another thread holds what it waited for, in the copy too, and never lets go of it.
void Space::abandon() {
  const Lock lock(mutex_);
  listing_.reset();
  table_.stop_telling();
  for (const Name name : table_.names()) {
    Entry& entry = *table_.find(name);
    for (SendLine* line : {entry.line.get(), entry.dead_to.get()}) {
      if (line != nullptr) line->abandon();
    }
    if (entry.port != nullptr) entry.port->abandon();
    if (entry.set == nullptr) continue;
    entry.set->ready.close();
    entry.set->bell.close();
  }
}

}  // namespace reeve::port
