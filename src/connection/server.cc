#include "server.hpp"

namespace reeve::connection {

Server::Server(os::Loop& loop, Handler handler, std::function<void()> left)
    : loop_(loop), handler_(std::move(handler)), left_(std::move(left)) {}

Result<void> Server::add(channel::Channel channel, Peer peer) {
  if (peer.pid) channel.bind_to(*peer.pid);
  if (peer.pid == 0) peer.pid.reset();  // Somebody outside of this pid namespace: that is all there is to know.
  auto conversation = std::make_unique<Conversation>(std::move(channel), std::move(peer));
  // The greeting may find the peer gone already; reading then tells.
  (void)conversation->channel.greet();
  const std::uint64_t number = next_++;
  conversation->watch = REEVE_TRY(loop_.watch(conversation->channel.socket(), {.readable = true},
                                              [this, number](os::Ready ready) { on_ready(number, ready); }));
  conversations_.emplace(number, std::move(conversation));
  return {};
}

void Server::drop(std::uint64_t number) {
  conversations_.erase(number);
  if (left_) left_();
}

void Server::on_ready(std::uint64_t number, os::Ready) {
  Conversation& conversation = *conversations_.at(number);
  if (conversation.unsent && !flush(conversation)) return drop(number);
  bool more = !conversation.unsent;
  for (std::size_t i = 0; i < kPacketsPerTurn && more; ++i) {
    if (!read_one(conversation, more)) return drop(number);
  }
}

// False where the conversation is over.
bool Server::read_one(Conversation& conversation, bool& more) {
  auto incoming = conversation.channel.receive(inbox_);
  if (!incoming) {
    end_with(conversation.channel, incoming.error());
    return false;
  }
  if (std::holds_alternative<channel::Ended>(*incoming)) return false;
  if (std::holds_alternative<channel::NothingYet>(*incoming)) {
    more = false;
    return true;
  }
  const auto& packet = std::get<channel::Packet>(*incoming);
  if (packet.header.kind == channel::PacketKind::end) return false;
  if (packet.header.kind != channel::PacketKind::request) {
    end_with(conversation.channel,
             Error{Kind::invalid, code::kBadPacket, "packet: a caller may send nothing but requests", ""});
    return false;
  }
  const bool goes_on = answer(conversation, packet);
  more = !conversation.unsent;
  return goes_on;
}

bool Server::answer(Conversation& conversation, const channel::Packet& packet) {
  const auto request = open_packet(packet);
  if (!request) {
    end_with(conversation.channel, request.error());
    return false;
  }
  const std::uint64_t deadline = packet.header.deadline;
  if (deadline != 0 && deadline < static_cast<std::uint64_t>(os::now().count())) {
    const auto late = fail(Kind::timeout, code::kTimedOut, "the request was taken up after its deadline");
    return send_answer(conversation, make_answer(packet.header.id, late));
  }
  return send_answer(conversation, make_answer(packet.header.id, handler_(conversation.peer, *request)));
}

// False where the conversation is over. Only a full queue is waited for: when the kernel will not carry more
// descriptors (ETOOMANYREFS) the socket is writable all the while, and the caller is told instead.
bool Server::send_answer(Conversation& conversation, Parcel parcel) {
  auto sent = send(conversation.channel, parcel);
  if (!sent && sent.error().kind == Kind::busy && sent.error().code != code::kQueueFull) {
    parcel = make_answer(parcel.reply_to, std::unexpected(sent.error()));
    sent = send(conversation.channel, parcel);
  }
  if (sent) return true;
  if (sent.error().code != code::kQueueFull) return false;
  conversation.unsent = std::move(parcel);
  return conversation.watch.change({.writable = true}).has_value();
}

bool Server::flush(Conversation& conversation) {
  Parcel parcel = std::move(*conversation.unsent);
  conversation.unsent.reset();
  if (!send_answer(conversation, std::move(parcel))) return false;
  return conversation.unsent || conversation.watch.change({.readable = true}).has_value();
}

}  // namespace reeve::connection
