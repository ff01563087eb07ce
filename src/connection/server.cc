#include "server.hpp"

#include <algorithm>
#include <string>

#include "../os/pipe.hpp"
#include "../os/process.hpp"
#include "../vocab/text.hpp"

namespace reeve::connection {
namespace {

// Whoever the kernel says it is, the same in all of one peer's channels.
std::uint64_t principal_of(const Peer& peer, const channel::Record& record, std::uint64_t number) {
  if (record.process != 0) return record.process;
  if (peer.trust == PeerClass::introduced) return std::uint64_t{1} << 63U | number;  // Nobody knows: each for itself.
  return (std::uint64_t{peer.uid} << 32U) | static_cast<std::uint32_t>(record.pid);
}

// Descriptors are the scarcest: what peers may hold of them leaves some for what is in a message at work.
quota::Amount holdings() {
  const std::size_t limit = os::descriptor_limit();
  return {kHeldBytesMax, std::min(kHeldDescriptorsMax, limit - std::min(limit, kSpareDescriptors)), kHeldRequestsMax};
}

bool is_past_deadline(const auto& state) {
  const os::Deadline& deadline = state.context.deadline;
  return deadline && *deadline <= os::now();
}

bool wants_still(const auto& state) { return state.ticket.wants_answer && !state.is_told; }

Error too_late() {
  return {Kind::timeout, code::kTimedOut, "no answer was there in time",
          "allow more time, or find out what keeps the service"};
}

}  // namespace

std::string Server::name_of(const Peer& peer) {
  const std::string process = peer.pid ? "process " + std::to_string(*peer.pid) : std::string("a process outside");
  return process + " of user " + std::to_string(peer.uid) + (peer.label.empty() ? "" : " (" + peer.label + ")");
}

Server::Server(os::Loop& loop)
    : loop_(loop),
      inbox_(holdings()),
      desk_(std::make_shared<Desk>(
          loop, [this](Desk::Given& given) { std::visit([this](auto& each) { take(each); }, given); })),
      last_use_(os::now()) {}

Server::~Server() {
  desk_->close();
  while (!conversations_.empty()) drop(conversations_.begin()->first);
}

Result<void> Server::add(channel::Channel channel, Peer peer, const channel::Record& record, SharedHandler handler) {
  channel.bind_to(record);
  channel.charge_to(principal_of(peer, record, next_));
  const std::uint64_t payer = channel.principal();
  last_use_ = os::now();
  return begin(std::make_unique<Conversation>(std::move(channel), std::move(peer), std::move(handler)), payer);
}

// A peer whose share of descriptors is used up is told so, and those it has go on.
Result<void> Server::begin(std::unique_ptr<Conversation> conversation, std::uint64_t payer) {
  auto charge = inbox_.ledger().account_of(payer).charge({.descriptors = 1});
  if (!charge) {
    end_with(conversation->channel, charge.error());
    return {};
  }
  conversation->charge = std::move(*charge);
  conversation->channel.take_cancels();
  // The greeting may find the peer gone already; reading then tells.
  (void)conversation->channel.greet();
  const std::uint64_t number = conversation->number = next_++;
  conversation->watch = REEVE_TRY(loop_.watch(
      conversation->channel.socket(), {.readable = true}, [this, number](os::Ready ready) { on_ready(number, ready); },
      os::Attends::yes));
  conversations_.emplace(number, std::move(conversation));
  return {};
}

void Server::wind_up() {
  for (const auto& [number, conversation] : conversations_) {
    if (!std::exchange(conversation->is_refusing, true)) os::refuse_more(conversation->channel.socket());
  }
}

bool Server::may_end() const {
  return !has_left_open_ && std::all_of(conversations_.begin(), conversations_.end(), [](const auto& entry) {
    const Conversation& conversation = *entry.second;
    return conversation.peer->trust != PeerClass::introduced && conversation.in_hand.empty() &&
           conversation.outbox.empty() && conversation.parked.empty();
  });
}

// Called where nobody holds a reference to a conversation: callbacks may answer what they like. They find this one
// gone.
void Server::drop(std::uint64_t number) {
  const auto dropped = conversations_.extract(number);
  dropped.mapped()->watch.drop();  // They may wait for something, while others are attended to.
  auto& in_hand = dropped.mapped()->in_hand;
  // What they hold is held until they are let go of, whoever has left.
  std::vector<std::shared_ptr<State>> states;
  for (InHand& request : in_hand) {
    states.push_back(request.state);
    request.deadline.drop();
    orphans_.push_back(std::move(request));
  }
  for (const auto& state : states) state->cancel();
}

// Dropped when whoever is at work now has finished: a handler, or a callback in the middle of others.
void Server::drop_later(Conversation& conversation) {
  conversation.is_over = true;
  if (sweep_.is_set()) return;
  sweep_ = loop_.at(os::now(), [this] {
    const auto is_over = [](const auto& entry) { return entry.second->is_over; };
    while (true) {
      const auto next = std::find_if(conversations_.begin(), conversations_.end(), is_over);
      if (next == conversations_.end()) return;
      drop(next->first);
    }
  });
}

void Server::on_ready(std::uint64_t number, os::Ready ready) {
  const auto found = conversations_.find(number);
  if (found == conversations_.end()) return;
  Conversation& conversation = *found->second;
  if (loop_.is_attending()) return attend(conversation, ready);
  if (conversation.is_over) return drop(number);
  // Whoever has hung up in both directions makes no room any more; sending tells.
  if ((ready.writable || ready.ended) && flush(conversation) == Next::over) return drop(number);
  if (read_some(conversation) == Next::over) return drop(number);
  // Nobody is there to be answered.
  if (ready.ended && conversation.has_ended) return drop(number);
  if (!watch(conversation)) drop(number);
}

// Watches for what can be done now: while too many answers wait nothing more is read.
bool Server::watch(Conversation& conversation) {
  os::Interest interest{.readable = conversation.has_room() && !conversation.has_ended,
                        .writable = !conversation.outbox.empty()};
  if (loop_.is_attending()) interest.readable = may_park(conversation);
  if (conversation.is_paused) interest = {};
  if (!conversation.parked.empty() && conversation.has_room()) unpark_later();
  if (interest == conversation.interest) return true;
  conversation.interest = interest;
  return conversation.watch.change(interest).has_value();
}

// This side lacks memory: no fault of the peer's, who stays ready to be read all the while.
Server::Next Server::pause(Conversation& conversation) {
  conversation.is_paused = true;
  resume_ = loop_.at(os::now() + kAcceptPause, [this] {
    for (auto& [number, paused] : conversations_) {
      if (std::exchange(paused->is_paused, false)) (void)watch(*paused);
    }
  });
  return Next::nothing_there;
}

// Whoever asks mostly waits for the answer, and the loop comes back at once if not; whoever only tells goes on telling.
Server::Next Server::read_some(Conversation& conversation) {
  for (std::size_t i = 0; i < kPacketsPerTurn && conversation.has_room(); ++i) {
    const Next next = read_one(conversation);
    if (conversation.is_over) return Next::over;
    if (next != Next::goes_on) return next;
  }
  return Next::nothing_there;
}

Server::Next Server::refuse(Conversation& conversation, const Error& reason) {
  learn_peer(conversation);
  os::show_line("reeve: refused " + name_of(*conversation.peer) + ": " + printable(reason.message));
  end_with(conversation.channel, reason);
  if (conversation.channel.has_left_open()) has_left_open_ = true;
  return Next::over;
}

// What the kernel said with the first packet, of a peer of whom the broker could not say it before.
void Server::learn_peer(Conversation& conversation) {
  Peer& peer = *conversation.peer;
  const auto sender = conversation.channel.sender();
  if (!sender || peer.binding != Binding::none) return;
  peer.binding = conversation.channel.binding();
  if (peer.trust == PeerClass::introduced) peer.uid = sender->uid;
  if (sender->pid != 0) peer.pid = sender->pid;
  // What rests on nothing but having the end is worth no more than the user it came from.
  if (peer.binding == Binding::end && peer.trust > PeerClass::uid_only) {
    static_cast<contract::Identity&>(peer) = {};
  }
  // Whoever has many connections mostly makes them one after the other.
  if (last_peer_ && *last_peer_ == peer) {
    conversation.peer = last_peer_;
  } else {
    last_peer_ = conversation.peer;
  }
}

Server::Next Server::read_one(Conversation& conversation) {
  if (conversation.parked.empty()) {
    auto incoming = conversation.channel.receive(inbox_);
    return take_incoming(conversation, incoming);
  }
  Result<channel::Incoming> incoming = std::move(conversation.parked.front());
  conversation.parked.pop_front();
  if (!conversation.parked.empty()) unpark_later();
  return take_incoming(conversation, incoming);
}

Server::Next Server::take_incoming(Conversation& conversation, Result<channel::Incoming>& incoming) {
  if (!incoming && !conversation.channel.is_broken()) return pause(conversation);
  if (!incoming) return refuse(conversation, incoming.error());
  if (std::holds_alternative<channel::Ended>(*incoming)) {
    conversation.has_ended = true;
    // Streams hear of no more room. That runs them on, and they may end.
    std::vector<std::shared_ptr<State>> streams;
    for (const InHand& request : conversation.in_hand) {
      if (request.state->wants_items) streams.push_back(request.state);
    }
    for (const auto& stream : streams) stream->end_credit();
    return conversation.is_done() ? Next::over : Next::nothing_there;
  }
  if (std::holds_alternative<channel::NothingYet>(*incoming)) return Next::nothing_there;
  if (const auto* refused = std::get_if<channel::Refused>(&*incoming)) {
    if (!channel::wants_answer(refused->header.kind)) return Next::goes_on;
    return answer(conversation, refused->header.id, refused->reason);
  }
  return take_packet(conversation, std::get<channel::Delivered>(*incoming));
}

Server::Next Server::take_packet(Conversation& conversation, channel::Delivered& packet) {
  learn_peer(conversation);
  switch (packet.header.kind) {
    case channel::PacketKind::end:
      return Next::over;
    case channel::PacketKind::request:
    case channel::PacketKind::stream:
    case channel::PacketKind::message:
      return take_request(conversation, packet);
    case channel::PacketKind::introduce:
      return take_introduction(conversation, packet);
    case channel::PacketKind::credit:
      return take_credit(conversation, packet);
    case channel::PacketKind::cancel:
      return take_cancel(conversation, {conversation.number, packet.header.reply_to});
    default:
      return refuse(conversation, Error{Kind::invalid, code::kBadPacket,
                                        "packet: a caller may send nothing but requests and messages", ""});
  }
}

Server::Next Server::take_request(Conversation& conversation, channel::Delivered& packet) {
  const channel::Header& header = packet.header;
  const bool is_request = channel::wants_answer(header.kind);
  const auto message = open_packet(packet);
  if (!message) return refuse(conversation, message.error());
  if (header.deadline != 0 && header.deadline < static_cast<std::uint64_t>(os::now().count())) {
    if (!is_request) return Next::goes_on;
    return answer(conversation, header.id,
                  {Kind::timeout, code::kTimedOut, "the request was taken up after its deadline", ""});
  }
  const Ticket ticket{conversation.number, is_request ? header.id : next_message_++, is_request};
  if (!conversation.in_hand.empty()) {
    const auto is_it = [&](const InHand& request) { return request.state->ticket == ticket; };
    if (std::any_of(conversation.in_hand.begin(), conversation.in_hand.end(), is_it)) {
      return refuse(conversation, Error{Kind::invalid, code::kBadPacket,
                                        "packet: a request with the id of one that is not answered yet", ""});
    }
    if (conversation.in_hand.size() == kRequestsInHandMax) {
      // A message has nobody who could be told.
      if (!is_request) return Next::goes_on;
      return answer(conversation, header.id,
                    {Kind::busy, code::kQueueFull, "the service has 64 requests of this connection in hand",
                     "ask again when one of them is answered"});
    }
  }
  auto charge = pay_for(conversation, packet);
  if (charge) return hand_over(conversation, ticket, packet, std::move(*charge), message->root());
  // One that is answered at once holds nothing: of those that are not, a few find room all the same.
  if (unpaid_ < kUnpaidRequestsMax) return hand_over(conversation, ticket, packet, {}, message->root());
  return is_request ? answer(conversation, header.id, charge.error()) : Next::goes_on;
}

// What a request brings may be held for as long as it is in hand: its sender pays, before anything is begun.
Result<quota::Charge> Server::pay_for(const Conversation& conversation, channel::Delivered& packet) {
  if (packet.charge.amount() != quota::Amount()) return std::move(packet.charge);
  const channel::Header& header = packet.header;
  return conversation.charge.account().charge(
      {.bytes = header.message_size, .descriptors = header.attachment_count, .objects = 1});
}

// To the service's own code, which answers at once or keeps the request.
Server::Next Server::hand_over(Conversation& conversation, Ticket ticket, const channel::Delivered& packet,
                               quota::Charge charge, const wire::DictionaryView& message) {
  // Where nobody keeps the one before, its room is used again. Taking it here comes after whatever another thread did
  // with it before it let go.
  if (!state_ || state_.use_count() != 1) state_ = std::make_shared<State>();
  const std::shared_ptr<State> state = state_;
  state->begin(desk_, ticket, conversation.peer, packet.header);
  Current current{conversation, *state};
  current_ = &current;
  const OnBehalf of_caller(state->context);
  (*conversation.handler)(message, Request(state, conversation.handler));
  current_ = nullptr;
  last_use_ = os::now();
  return current.outcome ? *current.outcome : keep(conversation, state, std::move(charge));
}

Result<void> Server::listen_to_others() {
  if (desk_watch_.is_set()) return {};
  const os::Fd& bell = *REEVE_TRY(desk_->bell());
  // Nothing of a user's runs there: who waits for such an answer has it while a handler waits.
  desk_watch_ =
      REEVE_TRY(loop_.watch(bell, {.readable = true}, [this](os::Ready) { desk_->take_others(); }, os::Attends::yes));
  return {};
}

// Where no descriptor is left for a bell: until there is one.
void Server::look_for_others() {
  if (others_.is_set()) return;
  others_ = loop_.at(os::now() + kAcceptPause, [this] {
    if (!listen_to_others()) look_for_others();
    desk_->take_others();
  });
}

// A request that its handler did not answer. Another thread may be doing so by now.
Server::Next Server::keep(Conversation& conversation, std::shared_ptr<State> state, quota::Charge charge) {
  const Ticket ticket = state->ticket;
  if (!listen_to_others()) look_for_others();
  InHand request{std::move(state), std::move(charge), {}};
  unpaid_ += request.is_unpaid() ? 1 : 0;
  if (const os::Deadline& deadline = request.state->context.deadline) {
    request.deadline = loop_.at(*deadline, [this, ticket] { pass_deadline(ticket); });
  }
  conversation.in_hand.push_back(std::move(request));
  return Next::goes_on;
}

// Of a request that is in hand, or whose handler runs; null where it is neither. Callbacks may answer it, and others.
std::shared_ptr<Server::State> Server::state_of(const Conversation& conversation, const Ticket& ticket) const {
  if (current_ != nullptr && current_->state.ticket == ticket) return current_->state.shared_from_this();
  for (const InHand& kept : conversation.in_hand) {
    if (kept.state->ticket == ticket) return kept.state;
  }
  return nullptr;
}

// Whatever comes of it is of no interest to anybody.
Server::Next Server::take_cancel(Conversation& conversation, const Ticket& ticket) {
  if (const auto state = state_of(conversation, ticket)) {
    state->is_told = true;
    cancel(conversation, *state);
  }
  return Next::goes_on;
}

// Nobody waits for it any more.
void Server::cancel(Conversation& conversation, State& state) {
  conversation.outbox.remove_if([&](const Parcel& parcel) {
    return parcel.kind == channel::PacketKind::item && parcel.reply_to == state.ticket.number;
  });
  state.cancel();
}

// Whatever it answers then is late. A stream of which something was taken out is over for its caller too.
void Server::pass_deadline(const Ticket& ticket) {
  const auto found = conversations_.find(ticket.conversation);
  if (found == conversations_.end() || found->second->is_over) return;
  Conversation& conversation = *found->second;
  const auto state = state_of(conversation, ticket);
  if (!state) return;
  if (state->wants_items && !std::exchange(state->is_told, true) &&
      (answer(conversation, ticket.number, too_late()) == Next::over || !watch(conversation))) {
    drop_later(conversation);
  }
  cancel(conversation, *state);
}

void Server::let_go(std::vector<InHand>& of, std::vector<InHand>::iterator request) {
  unpaid_ -= request->is_unpaid() ? 1 : 0;
  of.erase(request);
}

// What came of the request whose handler runs, or of one that was kept.
void Server::take(const Answer& given) {
  const Ticket& ticket = given.ticket;
  if (current_ != nullptr && current_->state.ticket == ticket) {
    current_->outcome = send_outcome(current_->conversation, current_->state);
    return;
  }
  last_use_ = os::now();
  const auto found = conversations_.find(ticket.conversation);
  const bool is_orphan = found == conversations_.end();
  std::vector<InHand>& all = is_orphan ? orphans_ : found->second->in_hand;
  const auto is_it = [&](const InHand& request) { return request.state->ticket == ticket; };
  const auto request = std::find_if(all.begin(), all.end(), is_it);
  if (request == all.end()) return;
  const std::shared_ptr<State> state = request->state;
  let_go(all, request);
  if (is_orphan) return;
  Conversation& conversation = *found->second;
  const bool is_over = send_outcome(conversation, *state) == Next::over;
  if (is_over || conversation.is_done() || !watch(conversation)) drop_later(conversation);
}

// Whoever waited hears of its deadline, and not of what was made of that here.
Server::Next Server::send_outcome(Conversation& conversation, State& state) {
  if (!wants_still(state)) return Next::goes_on;
  const bool is_late = state.answer.kind == channel::PacketKind::error && is_past_deadline(state);
  return is_late ? answer(conversation, state.ticket.number, too_late()) : send_answer(conversation, state.answer);
}

// A stream's items.

// Of one whose caller has left, or was told of an error, none go anywhere.
void Server::take(Item& given) {
  last_use_ = os::now();
  const auto found = conversations_.find(given.ticket.conversation);
  if (found == conversations_.end() || found->second->is_over) return;
  Conversation& conversation = *found->second;
  const auto state = state_of(conversation, given.ticket);
  if (!state || state->is_told) return;
  if (send_item(conversation, *state, std::move(given.parcel)) == Next::over || !watch(conversation)) {
    drop_later(conversation);
  }
}

// Where it cannot be sent the stream ends with an error: whoever reads it misses nothing without a word.
Server::Next Server::send_item(Conversation& conversation, State& state, Parcel item) {
  Result<void> sent = fail(Kind::busy, code::kQueueFull, "others wait before it");
  if (conversation.outbox.empty()) sent = conversation.channel.send(item);
  if (sent) return Next::goes_on;
  if (sent.error().kind == Kind::gone) return Next::over;
  if (sent.error().code == code::kQueueFull) {
    const std::int64_t cost = channel::item_cost(item.body.size(), item.attachments.size());
    auto charge = conversation.charge.account().charge(
        {.bytes = static_cast<std::uint64_t>(cost), .descriptors = item.attachments.size()});
    if (charge) {
      conversation.outbox.push(std::move(item), std::move(*charge));
      return flush(conversation);
    }
    sent = std::unexpected(charge.error());
  }
  stop_stream(state);
  return answer(conversation, state.ticket.number, sent.error());
}

// Its handler is told when nobody is in the middle of anything.
void Server::stop_stream(State& state) {
  state.is_told = true;
  loop_.post([held = state.shared_from_this()] { held->cancel(); });
}

Server::Next Server::take_credit(Conversation& conversation, channel::Delivered& packet) {
  const auto credit = channel::decode_credit(packet.body.bytes());
  if (!credit) return refuse(conversation, credit.error());
  const auto state = state_of(conversation, {conversation.number, packet.header.reply_to});
  if (!state) return Next::goes_on;
  const std::int64_t unsent = conversation.outbox.item_cost_of(packet.header.reply_to);
  if (state->wants_items && state->grant(credit->bytes, unsent)) return Next::goes_on;
  return refuse(conversation, Error{Kind::invalid, code::kBadPacket,
                                    "packet: more credit than a stream's window of 64 KiB, or for no stream", ""});
}

// A further caller, vouched for by this one alone, which pays for it.
Server::Next Server::take_introduction(Conversation& conversation, channel::Delivered& packet) {
  auto end = std::get<object::Descriptor>(packet.attachments.front()).fd->duplicate();
  if (!end) return Next::goes_on;  // Out of descriptors: the guest sees its channel end.
  channel::Channel introduced(std::move(*end));
  const std::uint64_t payer = conversation.channel.principal();
  introduced.charge_to(payer);
  Peer peer;
  peer.trust = PeerClass::introduced;
  // Without room for it in the loop the guest is told by the end of its channel; its host goes on.
  (void)begin(std::make_unique<Conversation>(std::move(introduced), std::move(peer), conversation.handler), payer);
  return Next::goes_on;
}

// Whoever asked mostly waits now, so that nothing further is there. Only a full queue is waited for: when the kernel
// will not carry more descriptors (ETOOMANYREFS) the socket is writable all the while, and the caller is told instead.
Server::Next Server::send_answer(Conversation& conversation, Parcel& parcel) {
  if (!conversation.outbox.empty() || parcel.is_long()) return put_off(conversation, std::move(parcel));
  auto sent = conversation.channel.send(parcel);
  if (!sent && sent.error().kind != Kind::gone && sent.error().code != code::kQueueFull) {
    fill_answer(parcel, parcel.reply_to, sent.error());
    sent = conversation.channel.send(parcel);
  }
  if (!sent && sent.error().code == code::kQueueFull) return put_off(conversation, std::move(parcel));
  parcel.attachments.clear();
  parcel.body.splices.clear();
  return sent ? Next::nothing_there : Next::over;
}

Server::Next Server::answer(Conversation& conversation, std::uint64_t request, const Error& error) {
  fill_answer(answer_, request, error);
  return send_answer(conversation, answer_);
}

// An answer that its caller's share has no room for becomes an error, which always has: there are few, and they are
// small.
Server::Next Server::put_off(Conversation& conversation, Parcel parcel) {
  auto charge =
      conversation.charge.account().charge({.bytes = parcel.body.size(), .descriptors = parcel.attachments.size()});
  if (charge) {
    conversation.outbox.push(std::move(parcel), std::move(*charge));
  } else {
    conversation.outbox.push(make_answer(parcel.reply_to, std::unexpected(charge.error())), {});
  }
  return flush(conversation);
}

// An answer that cannot be sent becomes an error; an error that cannot, and an answer that was begun, end the
// conversation.
Server::Next Server::flush(Conversation& conversation) {
  while (true) {
    const auto flushed = conversation.outbox.flush(conversation.channel);
    if (flushed) return Next::goes_on;
    Parcel& stuck = conversation.outbox.stuck();
    const bool is_final = stuck.kind == channel::PacketKind::error || stuck.sent != 0;
    if (flushed.error().kind == Kind::gone || is_final) return Next::over;
    if (stuck.kind == channel::PacketKind::item) {
      if (const auto state = state_of(conversation, {conversation.number, stuck.reply_to})) stop_stream(*state);
    }
    conversation.outbox.replace_stuck(make_answer(stuck.reply_to, std::unexpected(flushed.error())));
  }
}

}  // namespace reeve::connection
