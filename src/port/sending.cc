// Sending: what a message carries is made ready first, in a way that can be undone; one packet then moves it all, or
// nothing.
#include <algorithm>
#include <array>
#include <cstring>

#include "carrier.hpp"
#include "space.hpp"

namespace reeve::port {
namespace {

// Whoever waits looks again, at first soon: another thread may have read what it waits for, a port whose words found no
// room tells nothing, and one that took the last message between a look and the next message has not told of it.
constexpr std::chrono::milliseconds kFirstLook{1};
constexpr std::chrono::milliseconds kNextLook{50};
constexpr std::size_t kInOnePiece = 512;  // Bytes of data that are copied: a second piece costs the kernel more.
constexpr std::uint64_t kSendsBetweenLooks = 16;  // ... and who does not wait, at what the port has told.

}  // namespace

class Sending {
 public:
  Sending(Space& space, Space::Lock& lock, const Outgoing& message, const os::Deadline& deadline)
      : space_(space), lock_(lock), message_(message), deadline_(deadline) {}
  Sending(const Sending&) = delete;
  Sending& operator=(const Sending&) = delete;
  ~Sending() { undo(); }

  Result<void> run(Name to, RightType type, Use use);

 private:
  // Where it goes.
  Name to_;
  RightType type_ = RightType::send;

  // What was made ready of one thing.
  struct Step {
    Item item;
    Name name;                       // that has a right less afterwards
    os::Fd made;                     // the end that travels, where it is not the right's own
    std::shared_ptr<SendLine> line;  // ... a send-once right's, which is its own
    object::Memory memory;
    std::shared_ptr<Port> port;  // that moves, or to which a line was made
    std::uint64_t number = 0;    // of that line
    bool is_made = false;        // ... for a right that was not there before
    int raw() const { return made ? made.raw() : line != nullptr ? line->end.raw() : memory.shared()->raw(); }
  };
  Result<void> check() const;
  Result<Entry*> destination(Name to, RightType type) const;
  Result<bool> has_room(SendLine& line);
  Result<void> wait(const std::shared_ptr<SendLine>& line, os::Readiness readiness);
  Result<void> make_ready(const Thing& thing);
  Result<void> reserve(Step& step, Name name);
  static void become_dead(Step& step) { step.item.as = std::exchange(step.item.kind, ItemKind::dead); }
  Result<void> make_send_ready(Step& step, Name name);
  Result<void> make_once_ready(Step& step);
  Result<void> make_line(Step& step, std::shared_ptr<Port> port);
  Result<void> introduce(Step& step, Name name, std::shared_ptr<SendLine> line);
  Result<void> pack_ports();
  void unpack_ports();
  Result<os::Sent> transmit(const os::Fd& end) const;
  void commit(Name to, RightType type);
  void leave(Step& step);
  void give_up(Name name);
  void undo();

  Space& space_;
  Space::Lock& lock_;
  const Outgoing& message_;
  const os::Deadline& deadline_;
  std::vector<Step> steps_;
  Step destination_{};  // where it is a right that is given up
  std::chrono::milliseconds look_after_ = kFirstLook;
};

Result<void> Space::send(Name to, RightType type, const Outgoing& message, const os::Deadline& deadline, Use use) {
  Lock lock(mutex_);
  return Sending(*this, lock, message, deadline).run(to, type, use);
}

Result<void> Sending::run(Name to, RightType type, Use use) {
  to_ = to;
  type_ = type;
  REEVE_TRY(check());
  if (use == Use::move && type == RightType::send) {
    REEVE_TRY(space_.find_send(to));
    REEVE_TRY(reserve(destination_, to));
  }
  while (true) {
    Entry& entry = *REEVE_TRY(destination(to, type));
    const std::shared_ptr<SendLine> line = entry.port ? REEVE_TRY(space_.own_line(entry)) : entry.line;
    auto sent = type != RightType::send_once ? has_room(*line) : Result<bool>(true);
    if (sent && !*sent) {
      REEVE_TRY(wait(line, os::Readiness::readable));
      continue;
    }
    if (sent && steps_.size() < message_.things.size()) {
      REEVE_TRY(make_ready(message_.things[steps_.size()]));
      continue;  // It may have waited, and anything may have happened.
    }
    if (sent) {
      REEVE_TRY(pack_ports());
      const auto whole = transmit(line->end);
      if (whole && *whole == os::Sent::whole) {
        ++line->sent;
        return commit(to, type), Result<void>();
      }
      unpack_ports();  // Nobody may wait for what is packed.
      if (whole) {
        REEVE_TRY(wait(line, os::Readiness::writable));
        continue;
      }
      sent = std::unexpected(whole.error());
    }
    if (sent.error().kind == Kind::busy) return std::unexpected(sent.error());
    space_.end_line_of(to);
  }
}

Result<void> Sending::check() const {
  if (message_.data.size() > kLetterBytesMax) {
    return fail(Kind::invalid, code::kTooLarge, "a message to a port has at most 64 KiB of data",
                "hand more over as Memory");
  }
  if (message_.things.size() > kAttachmentCountMax) {
    return fail(Kind::invalid, code::kTooLarge, "a message to a port carries at most 16 things",
                "send them in several");
  }
  for (const Thing& thing : message_.things) {
    if (thing.place == Place::reply && thing.kind > ItemKind::send_once) {
      return fail(Kind::invalid, code::kNoSuchRight, "what is to be answered by is no send or send-once right",
                  "carry it beside that");
    }
  }
  return {};
}

Result<Entry*> Sending::destination(Name to, RightType type) const {
  if (type == RightType::receive) return space_.find_port(to);
  return type == RightType::send_once ? space_.find_once(to) : space_.find_send(to);
}

// Errors: gone where the line has ended.
Result<bool> Sending::has_room(SendLine& line) {
  if (line.sent % kSendsBetweenLooks == 0 || is_full(line)) REEVE_TRY(read_credits(line));
  return !is_full(line);
}

Result<void> Sending::wait(const std::shared_ptr<SendLine>& line, os::Readiness readiness) {
  if (deadline_ && os::now() >= *deadline_) {
    return fail(Kind::timeout, code::kTimedOut, "the port's queue is full",
                "allow more time, or have it raise its limit");
  }
  const os::Time next_look = os::now() + look_after_;
  look_after_ = std::min(2 * look_after_, kNextLook);
  lock_.unlock();
  const auto ready = os::wait_for(line->end, readiness, deadline_ ? std::min(*deadline_, next_look) : next_look);
  lock_.lock();
  if (!ready) return std::unexpected(ready.error());
  space_.refresh(to_);  // It may have ended meanwhile, whatever this waits for.
  REEVE_TRY(destination(to_, type_));
  return {};
}

Result<void> Sending::make_ready(const Thing& thing) {
  Step step{};
  step.item.kind = thing.kind;
  step.item.place = thing.place;
  step.item.as = thing.as;
  step.item.size = thing.count;
  if (thing.use == Use::make) {
    const auto is_moved = [&](const Step& before) {
      return before.item.kind == ItemKind::receive && before.name == thing.name;
    };
    if (std::any_of(steps_.begin(), steps_.end(), is_moved)) {
      return fail(Kind::invalid, code::kNoSuchRight, "a right is made of a port that the message has moved by then",
                  "make it first");
    }
    REEVE_TRY(make_line(step, REEVE_TRY(space_.find_port(thing.name))->port));
    step.is_made = true;
    steps_.push_back(std::move(step));
    return {};
  }
  switch (thing.kind) {
    case ItemKind::send:
      REEVE_TRY(make_send_ready(step, thing.name));
      if (thing.use == Use::move) REEVE_TRY(reserve(step, thing.name));
      break;
    case ItemKind::send_once:
      step.name = thing.name;
      REEVE_TRY(make_once_ready(step));
      break;
    case ItemKind::memory:
      if (!thing.memory.is_sealed() || thing.memory.size() == 0) {
        return fail(Kind::invalid, code::kBadAttachment, "memory that is not sealed, or empty", "seal it first");
      }
      step.item.size = thing.memory.size();
      step.memory = thing.memory;
      break;
    case ItemKind::receive:  // It is packed when all else is ready.
      step.name = thing.name;
      break;
    case ItemKind::none:
    case ItemKind::dead:
    case ItemKind::array:
      break;
  }
  steps_.push_back(std::move(step));
  return {};
}

// One reference is the message's from now on. It may have waited, and the name may be somebody's who has released it.
Result<void> Sending::reserve(Step& step, Name name) {
  Entry* const entry = space_.table_.find(name);
  if (entry != nullptr && std::max(entry->send, entry->dead) > entry->reserved) {
    step.name = name;
    return ++entry->reserved, Result<void>();
  }
  if (step.number != 0) step.port->remove_line(step.number);
  return fail(Kind::invalid, code::kNoSuchRight, "the name has fewer references than the message carries",
              "carry a right once, or copy it first");
}

Result<void> Sending::make_send_ready(Step& step, Name name) {
  space_.refresh(name);
  auto entry = space_.find_send(name);
  if (entry) return (*entry)->port != nullptr ? make_line(step, (*entry)->port) : introduce(step, name, (*entry)->line);
  if (entry.error().kind != Kind::gone) return std::unexpected(entry.error());
  return become_dead(step), Result<void>();
}

// To a port of this space.
Result<void> Sending::make_line(Step& step, std::shared_ptr<Port> port) {
  const bool is_send = step.item.kind == ItemKind::send;
  auto [end, number] = REEVE_TRY(space_.new_line(*port, is_send ? LineKind::send : LineKind::send_once));
  step.number = number;
  step.made = std::move(end);
  if (is_send) {
    step.item.window = port->queue_limit();
    step.item.id = port->id;
  }
  step.port = std::move(port);
  return {};
}

// A holder gives a line of its own away by asking the port, down its own line, to take another one: whatever comes on
// that the port sees only after all that the giver has sent. `line` is held by value: the right may go while this
// waits.
Result<void> Sending::introduce(Step& step, Name name, std::shared_ptr<SendLine> line) {
  auto [given, introduced] = REEVE_TRY(os::channel_pair());
  while (true) {
    const auto sent = send_introduction(*line, introduced);
    if (!sent && sent.error().kind != Kind::gone) return std::unexpected(sent.error());
    if (!sent) {
      space_.end_line_of(name);
      return become_dead(step), Result<void>();
    }
    if (*sent == os::Sent::whole) break;
    REEVE_TRY(wait(line, os::Readiness::writable));
  }
  step.made = std::move(given);
  step.item.window = line->window;
  step.item.id = line->id;
  return {};
}

Result<void> Sending::make_once_ready(Step& step) {
  space_.refresh(step.name);
  const auto entry = space_.find_once(step.name);
  if (!entry) {
    if (entry.error().kind != Kind::gone) return std::unexpected(entry.error());
    become_dead(step);
    return reserve(step, step.name);
  }
  (*entry)->is_leaving = true;
  ++(*entry)->reserved;
  step.line = (*entry)->line;
  return {};
}

// Right before they are sent, since from then on nobody may look at them here.
Result<void> Sending::pack_ports() {
  for (Step& step : steps_) {
    if (step.item.kind != ItemKind::receive) continue;
    Entry& entry = *REEVE_TRY(space_.find_port(step.name));
    if (entry.port->guard.is_strict || entry.port->guard.is_immovable) return guarded();
    if (entry.send > 0) REEVE_TRY(space_.own_line(entry));
    step.made = REEVE_TRY(pack(*entry.port));
    step.port = entry.port;
    entry.is_leaving = true;
  }
  return {};
}

void Sending::unpack_ports() {
  for (Step& step : steps_) {
    if (step.item.kind != ItemKind::receive || step.port == nullptr) continue;
    space_.table_.find(step.name)->is_leaving = false;
    step.port.reset();
    step.made.close();
  }
}

Result<os::Sent> Sending::transmit(const os::Fd& end) const {
  std::array<std::byte, sizeof(Header) + kAttachmentCountMax * sizeof(Item) + kInOnePiece> front;
  const Header header{.id = message_.id, .count = static_cast<std::uint32_t>(steps_.size())};
  std::memcpy(front.data(), &header, sizeof header);
  std::size_t size = sizeof header;
  std::array<int, kAttachmentCountMax> descriptors;
  std::size_t count = 0;
  for (const Step& step : steps_) {
    std::memcpy(&front[size], &step.item, sizeof step.item);
    size += sizeof step.item;
    if (has_descriptor(step.item.kind)) descriptors[count++] = step.raw();
  }
  const bool is_small = message_.data.size() <= kInOnePiece;
  if (is_small && !message_.data.empty()) {
    std::memcpy(&front[size], message_.data.data(), message_.data.size());
    size += message_.data.size();
  }
  const std::array<std::span<const std::byte>, 2> parts{std::span(front).first(size), message_.data};
  return os::send_packet(end, std::span(parts).first(is_small ? 1 : 2), std::span(descriptors).first(count));
}

void Sending::commit(Name to, RightType type) {
  if (type == RightType::receive) ++space_.table_.find(to)->port->make_send_count;
  for (Step& step : steps_) {
    if (step.is_made && step.item.kind == ItemKind::send) ++step.port->make_send_count;
    if (!step.name) continue;
    if (step.item.kind == ItemKind::receive) {
      leave(step);
      continue;
    }
    give_up(step.name);
  }
  steps_.clear();
  if (std::exchange(destination_.name, Name())) give_up(to);
  if (type == RightType::send_once) space_.drop(to);
}

// A reference that was the message's.
void Sending::give_up(Name name) {
  Entry& entry = *space_.table_.find(name);
  --entry.reserved;
  if (entry.dead > 0) return space_.release_dead(name);  // It may have died since.
  if (entry.is_once) return space_.drop(name);
  space_.release_send(name);
}

// The port is elsewhere now, with all that was in it; this space may send to it still.
void Sending::leave(Step& step) {
  Entry& entry = *space_.table_.find(step.name);
  step.port->close();
  space_.part_with(*step.port);
  space_.tell_nobody_at(*step.port);
  step.port->drop_lines();
  entry.port.reset();
  entry.is_leaving = false;
  if (entry.send == 0) return space_.drop(step.name);
  entry.line->own.reset();
  (void)space_.watch_end(entry, step.name);
}

void Sending::undo() {
  unpack_ports();
  for (Step& step : steps_) {
    if (step.number != 0) step.port->remove_line(step.number);
    if (!step.name || step.item.kind == ItemKind::receive) continue;
    Entry& entry = *space_.table_.find(step.name);
    --entry.reserved;
    entry.is_leaving = entry.is_leaving && step.line == nullptr;
  }
  if (destination_.name) --space_.table_.find(destination_.name)->reserved;
  destination_.name = {};
  steps_.clear();
}

}  // namespace reeve::port
