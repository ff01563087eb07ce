#include "server.hpp"

#include <algorithm>
#include <string>

#include "../os/pipe.hpp"
#include "../os/process.hpp"
#include "../vocab/text.hpp"

namespace reeve::connection {
namespace {

// Whoever the kernel says it is, the same in all of one peer's channels.
std::uint64_t principal_of(const Peer& peer, const channel::Record& record) {
  if (record.process != 0) return record.process;
  return (std::uint64_t{peer.uid} << 32U) | static_cast<std::uint32_t>(record.pid);
}

std::string name_of(const Peer& peer) {
  const std::string process = peer.pid ? "process " + std::to_string(*peer.pid) : std::string("a process outside");
  return process + " of user " + std::to_string(peer.uid) + (peer.label.empty() ? "" : " (" + peer.label + ")");
}

// Descriptors are the scarcest: what peers may hold of them leaves some for what is in a message at work.
quota::Amount holdings() {
  const std::size_t limit = os::descriptor_limit();
  return {kHeldBytesMax, std::min(kHeldDescriptorsMax, limit - std::min(limit, kSpareDescriptors)), 0};
}

}  // namespace

Server::Server(os::Loop& loop) : loop_(loop), inbox_(holdings()), last_use_(os::now()) {}

Result<void> Server::add(channel::Channel channel, Peer peer, const channel::Record& record, SharedHandler handler) {
  channel.bind_to(record);
  channel.charge_to(principal_of(peer, record));
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
  // The greeting may find the peer gone already; reading then tells.
  (void)conversation->channel.greet();
  const std::uint64_t number = next_++;
  conversation->watch = REEVE_TRY(loop_.watch(conversation->channel.socket(), {.readable = true},
                                              [this, number](os::Ready ready) { on_ready(number, ready); }));
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
    return entry.second->peer.trust != PeerClass::introduced && entry.second->outbox.empty();
  });
}

void Server::drop(std::uint64_t number) { conversations_.erase(number); }

void Server::on_ready(std::uint64_t number, os::Ready ready) {
  Conversation& conversation = *conversations_.at(number);
  // Whoever has hung up in both directions makes no room any more; sending tells.
  if ((ready.writable || ready.ended) && flush(conversation) == Next::over) return drop(number);
  if (read_some(conversation) == Next::over) return drop(number);
  if (!watch(conversation)) drop(number);
}

// Watches for what can be done now: while too many answers wait nothing more is read.
bool Server::watch(Conversation& conversation) {
  os::Interest interest{.readable = conversation.outbox.count() < kUnsentAnswersMax && !conversation.has_ended,
                        .writable = !conversation.outbox.empty()};
  if (conversation.is_paused) interest = {};
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
  for (std::size_t i = 0; i < kPacketsPerTurn && conversation.outbox.count() < kUnsentAnswersMax; ++i) {
    const Next next = read_one(conversation);
    if (next != Next::goes_on) return next;
  }
  return Next::nothing_there;
}

Server::Next Server::refuse(Conversation& conversation, const Error& reason) {
  learn_peer(conversation);
  os::show_line("reeve: refused " + name_of(conversation.peer) + ": " + printable(reason.message));
  end_with(conversation.channel, reason);
  if (conversation.channel.has_left_open()) has_left_open_ = true;
  return Next::over;
}

// What the kernel said with the first packet, of a peer of whom the broker could not say it before.
void Server::learn_peer(Conversation& conversation) {
  Peer& peer = conversation.peer;
  const auto sender = conversation.channel.sender();
  if (!sender || peer.binding != Binding::none) return;
  peer.binding = conversation.channel.binding();
  if (peer.trust == PeerClass::introduced) peer.uid = sender->uid;
  if (sender->pid != 0) peer.pid = sender->pid;
  // What rests on nothing but having the end is worth no more than the user it came from.
  if (peer.binding == Binding::end && peer.trust > PeerClass::uid_only) {
    static_cast<contract::Identity&>(peer) = {};
  }
}

Server::Next Server::read_one(Conversation& conversation) {
  auto incoming = conversation.channel.receive(inbox_);
  if (!incoming && !conversation.channel.is_broken()) return pause(conversation);
  if (!incoming) return refuse(conversation, incoming.error());
  if (std::holds_alternative<channel::Ended>(*incoming)) {
    conversation.has_ended = true;
    return conversation.outbox.empty() ? Next::over : Next::nothing_there;
  }
  if (std::holds_alternative<channel::NothingYet>(*incoming)) return Next::nothing_there;
  if (const auto* refused = std::get_if<channel::Refused>(&*incoming)) {
    if (refused->header.kind != channel::PacketKind::request) return Next::goes_on;
    return answer(conversation, refused->header.id, std::unexpected(refused->reason));
  }
  return take(conversation, std::move(std::get<channel::Delivered>(*incoming)));
}

Server::Next Server::take(Conversation& conversation, channel::Delivered packet) {
  learn_peer(conversation);
  switch (packet.header.kind) {
    case channel::PacketKind::end:
      return Next::over;
    case channel::PacketKind::request:
    case channel::PacketKind::message:
      return take_request(conversation, packet);
    case channel::PacketKind::introduce:
      return take_introduction(conversation, packet);
    default:
      return refuse(conversation, Error{Kind::invalid, code::kBadPacket,
                                        "packet: a caller may send nothing but requests and messages", ""});
  }
}

Server::Next Server::take_request(Conversation& conversation, channel::Delivered& packet) {
  const std::uint64_t deadline = packet.header.deadline;
  const auto request = open_packet(packet);
  if (!request) return refuse(conversation, request.error());
  const bool is_late = deadline != 0 && deadline < static_cast<std::uint64_t>(os::now().count());
  if (packet.header.kind == channel::PacketKind::message) {
    if (!is_late) (void)(*conversation.handler)(conversation.peer, request->root());
    last_use_ = os::now();
    return Next::goes_on;
  }
  const std::uint64_t id = packet.header.id;
  if (is_late) {
    const auto late = fail(Kind::timeout, code::kTimedOut, "the request was taken up after its deadline");
    return answer(conversation, id, late);
  }
  const auto outcome = (*conversation.handler)(conversation.peer, request->root());
  last_use_ = os::now();
  return answer(conversation, id, outcome);
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
Server::Next Server::answer(Conversation& conversation, std::uint64_t request, const Result<Dictionary>& answer) {
  fill_answer(answer_, request, answer);
  if (!conversation.outbox.empty() || answer_.is_long()) return put_off(conversation, std::move(answer_));
  auto sent = conversation.channel.send(answer_);
  if (!sent && sent.error().kind != Kind::gone && sent.error().code != code::kQueueFull) {
    fill_answer(answer_, request, std::unexpected(sent.error()));
    sent = conversation.channel.send(answer_);
  }
  if (!sent) return sent.error().code == code::kQueueFull ? put_off(conversation, std::move(answer_)) : Next::over;
  answer_.attachments.clear();
  answer_.body.splices.clear();
  return Next::nothing_there;
}

// An answer that its caller's share has no room for becomes an error, which always has: there are few, and they are
// small.
Server::Next Server::put_off(Conversation& conversation, Parcel parcel) {
  const auto payer = inbox_.ledger().account_of(conversation.channel.principal());
  auto charge = payer.charge({.bytes = parcel.body.size(), .descriptors = parcel.attachments.size()});
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
    stuck = make_answer(stuck.reply_to, std::unexpected(flushed.error()));
  }
}

}  // namespace reeve::connection
