#include "connection.hpp"

#include "../object/call.hpp"

namespace reeve::connection {
namespace {

os::Deadline deadline_of(const CallOptions& options) {
  if (!options.timeout) return std::nullopt;
  return os::now() + *options.timeout;
}

std::unexpected<Error> timed_out() {
  return fail(Kind::timeout, code::kTimedOut, "no answer came in time",
              "allow more time, or find out what keeps the service");
}

}  // namespace

Result<void> Connection::connect(const os::Deadline& deadline) {
  if (current_) return {};
  current_.emplace(REEVE_TRY(dialer_->dial(deadline)));
  return {};
}

Error Connection::lost() {
  current_.reset();
  return Error{Kind::interrupted, code::kInterrupted, "the service ended before it answered",
               "call again if doing it twice does no harm: a fresh service is started"};
}

Result<void> Connection::send_waiting(const Parcel& parcel) {
  while (true) {
    auto sent = send(current_->channel, parcel);
    if (sent || sent.error().code != code::kQueueFull) return sent;
    if (!REEVE_TRY(os::wait_for(current_->channel.socket(), os::Readiness::either, parcel.deadline)))
      return timed_out();
    // Late answers are read meanwhile: a service that cannot get rid of them takes nothing either.
    const auto packet = REEVE_TRY(receive());
    if (!packet) continue;
    if (auto outcome = take_packet(*packet, parcel.id); outcome && !*outcome) return std::unexpected(outcome->error());
  }
}

// A service that died while nothing was asked of it is no news to the caller: what could not be sent was not taken up,
// and goes to a fresh one.
Result<void> Connection::send_request(Parcel& parcel) {
  const bool fresh = !current_;
  REEVE_TRY(connect(parcel.deadline));
  auto sent = send_waiting(parcel);
  if (sent || sent.error().kind != Kind::gone) return sent;
  if (fresh) return std::unexpected(last_words());
  current_.reset();
  REEVE_TRY(connect(parcel.deadline));
  sent = send_waiting(parcel);
  if (!sent && sent.error().kind == Kind::gone) return std::unexpected(last_words());
  return sent;
}

// The reason that the other side left in the channel before it ended it.
Error Connection::last_words() {
  const auto outcome = await_answer(0, os::now());
  return outcome ? lost() : outcome.error();
}

Result<Dictionary> Connection::call(const Dictionary& request, CallOptions options) {
  Parcel parcel = REEVE_TRY(make_parcel(channel::PacketKind::request, request));
  parcel.id = next_id_++;
  parcel.deadline = deadline_of(options);
  REEVE_TRY(send_request(parcel));
  return await_answer(parcel.id, parcel.deadline);
}

// The outcome of request `id` if the packet brings it. A late answer to a request given up is nobody's.
std::optional<Result<Dictionary>> Connection::take_packet(const channel::Packet& packet, std::uint64_t id) {
  using channel::PacketKind;
  auto message = open_packet(packet);
  if (!message || packet.header.kind == PacketKind::request) {
    const Error reason =
        message ? Error{Kind::invalid, code::kBadPacket, "a service may not ask its caller", ""} : message.error();
    end_with(current_->channel, reason);
    current_.reset();
    return std::unexpected(reason);
  }
  if (packet.header.kind == PacketKind::end) {
    current_.reset();
    return std::unexpected(object::parse_error(*message));
  }
  if (packet.header.reply_to != id) return std::nullopt;
  if (packet.header.kind == PacketKind::error) return std::unexpected(object::parse_error(*message));
  return std::move(*message);
}

// What has come, if anything has. After an error there is no channel any more.
Result<std::optional<channel::Packet>> Connection::receive() {
  auto incoming = current_->channel.receive(inbox_);
  if (!incoming) {
    end_with(current_->channel, incoming.error());
    current_.reset();
    return std::unexpected(std::move(incoming).error());
  }
  if (std::holds_alternative<channel::Ended>(*incoming)) return std::unexpected(lost());
  if (auto* packet = std::get_if<channel::Packet>(&*incoming)) return std::move(*packet);
  return std::nullopt;
}

Result<void> Connection::wait(const os::Deadline& deadline) {
  if (REEVE_TRY(os::wait_for(current_->channel.socket(), os::Readiness::readable, deadline))) return {};
  return timed_out();
}

Result<Dictionary> Connection::await_answer(std::uint64_t id, const os::Deadline& deadline) {
  while (true) {
    const auto packet = REEVE_TRY(receive());
    if (!packet) {
      REEVE_TRY(wait(deadline));
    } else if (auto outcome = take_packet(*packet, id)) {
      return std::move(*outcome);
    }
  }
}

// Reads what has come, so that a service that died is not taken for one that is there.
Result<void> Connection::await_greeting(const os::Deadline& deadline) {
  REEVE_TRY(connect(deadline));
  (void)current_->channel.greet();  // Where nobody is left to hear it, reading tells.
  while (true) {
    const auto packet = REEVE_TRY(receive());
    if (packet) {
      if (auto outcome = take_packet(*packet, 0); outcome && !*outcome) return std::unexpected(outcome->error());
    } else if (current_->channel.sender()) {
      return {};
    } else {
      REEVE_TRY(wait(deadline));
    }
  }
}

Result<Peer> Connection::peer(CallOptions options) {
  const os::Deadline deadline = deadline_of(options);
  const bool fresh = !current_;
  auto greeted = await_greeting(deadline);
  if (!greeted && greeted.error().kind == Kind::interrupted && !fresh) greeted = await_greeting(deadline);
  if (!greeted) return std::unexpected(std::move(greeted).error());
  Peer peer = current_->peer;
  peer.pid = current_->channel.sender()->pid;
  peer.uid = current_->channel.sender()->uid;
  if (peer.pid == 0) peer.pid.reset();
  return peer;
}

}  // namespace reeve::connection
