// What a server does while one of its handlers waits for something: peers are heard, and nothing is taken up.
#include <string>
#include <vector>

#include "../object/text.hpp"
#include "../os/process.hpp"
#include "server.hpp"

namespace reeve::connection {
namespace {

// After which nothing more comes.
bool is_last(const Result<channel::Incoming>& incoming) {
  if (!incoming || std::holds_alternative<channel::Ended>(*incoming)) return true;
  const auto* packet = std::get_if<channel::Delivered>(&*incoming);
  return packet != nullptr && packet->header.kind == channel::PacketKind::end;
}

// A few bytes, and no answer: there is always room for it.
bool is_word(const channel::Packet& packet) {
  const channel::PacketKind kind = packet.header.kind;
  return kind == channel::PacketKind::cancel || kind == channel::PacketKind::credit || kind == channel::PacketKind::end;
}

}  // namespace

// A handler waits. Nothing is dropped here, where it may be that conversation's.
void Server::attend(Conversation& conversation, os::Ready ready) {
  if ((ready.writable || ready.ended) && !conversation.is_over && flush(conversation) == Next::over) {
    drop_later(conversation);
  }
  for (std::size_t i = 0; i < kPacketsPerTurn && may_park(conversation) && park_one(conversation); ++i) {
  }
  if (!conversation.is_over && !watch(conversation)) drop_later(conversation);
  if (conversation.is_over || (ready.ended && !may_park(conversation))) loop_.leave_alone();
}

bool Server::may_park(const Conversation& conversation) {
  if (conversation.is_over || conversation.has_ended || !conversation.has_room()) return false;
  return conversation.parked.empty() ||
         (conversation.parked.size() < kParkedPacketsMax && !is_last(conversation.parked.back()));
}

// Whether there was something.
bool Server::park_one(Conversation& conversation) {
  auto incoming = conversation.channel.receive(inbox_);
  if (!incoming && !conversation.channel.is_broken()) return loop_.leave_alone(), false;
  if (incoming && std::holds_alternative<channel::NothingYet>(*incoming)) return false;
  const auto* packet = incoming ? std::get_if<channel::Delivered>(&*incoming) : nullptr;
  const bool asks = packet != nullptr && channel::wants_answer(packet->header.kind);
  const Context& context = Context::current();
  if (asks && context.is_waiting && is_behind(packet->header.chain, context.chain)) {
    if (answer(conversation, packet->header.id, deadlock(conversation)) == Next::over) {
      drop_later(conversation);
    }
  } else {
    park(conversation, std::move(incoming));
  }
  return true;
}

// Kept by itself, since the room that it came into is larger, and paid for: one that nobody pays for is refused.
void Server::park(Conversation& conversation, Result<channel::Incoming> incoming) {
  if (auto* packet = incoming ? std::get_if<channel::Delivered>(&*incoming) : nullptr) {
    if (packet->charge.amount() == quota::Amount()) {
      packet->body = Data::copy_of(packet->body.bytes());
      auto charge = is_word(*packet) ? quota::Charge() : pay_for(conversation, *packet);
      if (charge) packet->charge = std::move(*charge);
      if (!charge) incoming = channel::Refused{packet->header, std::move(charge).error()};
    }
  }
  conversation.parked.push_back(std::move(incoming));
  unpark_later();
}

void Server::unpark_later() {
  if (unpark_.is_set()) return;
  unpark_ = loop_.at(os::now(), [this] {
    std::vector<std::uint64_t> waiting;
    for (const auto& [number, conversation] : conversations_) {
      const bool has_room = conversation->has_room();
      if (!conversation->parked.empty() && has_room) waiting.push_back(number);
    }
    for (const std::uint64_t number : waiting) {
      if (conversations_.contains(number)) on_ready(number, {.readable = true});
    }
  });
}

Error Server::deadlock(Conversation& conversation) {
  learn_peer(conversation);
  const std::string chain = object::text_of(Uuid{Context::current().chain});
  const std::string self = name_.empty() ? "process " + std::to_string(os::own_pid()) : name_;
  return {Kind::invalid, code::kDeadlock,
          self + " waits for an answer in the chain of calls " + chain + ", which has come back to it by " +
              name_of(*conversation.peer),
          "have one of them wait without blocking (call_then, co_await), or ask for less"};
}

}  // namespace reeve::connection
