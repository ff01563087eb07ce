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

Result<void> Connection::send_waiting() {
  while (true) {
    auto sent = current_->channel.send(parcel_);
    if (sent || sent.error().code != code::kQueueFull) return sent;
    if (!REEVE_TRY(os::wait_for(current_->channel.socket(), os::Readiness::either, parcel_.deadline))) {
      // What was begun cannot be taken back: the service would wait for the rest for ever.
      if (parcel_.sent != 0) current_.reset();
      return timed_out();
    }
    // Late answers are read meanwhile: a service that cannot get rid of them takes nothing either.
    auto incoming = REEVE_TRY(receive());
    if (!incoming) continue;
    if (auto outcome = take(*incoming, parcel_.id); outcome && !*outcome) return std::unexpected(outcome->error());
  }
}

// A service that died while nothing was asked of it is no news to the caller: what could not be sent was not taken up,
// and goes to a fresh one.
Result<void> Connection::send_parcel() {
  const bool fresh = !current_;
  REEVE_TRY(connect(parcel_.deadline));
  auto sent = send_waiting();
  if (sent || sent.error().kind != Kind::gone) return sent;
  if (fresh) return std::unexpected(last_words());
  current_.reset();
  parcel_.begin_again();
  REEVE_TRY(connect(parcel_.deadline));
  sent = send_waiting();
  if (!sent && sent.error().kind == Kind::gone) return std::unexpected(last_words());
  return sent;
}

// The reason that the other side left in the channel before it ended it. Where it left none, and not even an end can be
// read, what the kernel said as we sent stands: nobody is there. It is no matter of time.
Error Connection::last_words() {
  const auto outcome = await_answer(0, os::now());
  return outcome || outcome.error().kind == Kind::timeout ? lost() : outcome.error();
}

Result<wire::Body> Connection::exchange(const Dictionary& request, CallOptions options) {
  REEVE_TRY(fill_parcel(parcel_, channel::PacketKind::request, request));
  parcel_.id = next_id_++;
  parcel_.deadline = deadline_of(options);
  auto sent = send_parcel();
  parcel_.attachments.clear();
  parcel_.body.splices.clear();
  if (!sent) return std::unexpected(std::move(sent).error());
  return await_answer(parcel_.id, parcel_.deadline);
}

Result<Dictionary> Connection::call(const Dictionary& request, CallOptions options) {
  const wire::Body body = REEVE_TRY(exchange(request, options));
  return body.root().object();
}

Result<void> Connection::post(const Dictionary& message, CallOptions options) {
  REEVE_TRY(fill_parcel(parcel_, channel::PacketKind::message, message));
  parcel_.id = 0;
  parcel_.deadline = deadline_of(options);
  auto sent = send_parcel();
  parcel_.attachments.clear();
  parcel_.body.splices.clear();
  return sent;
}

Result<object::Right> Connection::introduce(CallOptions options) {
  const os::Deadline deadline = deadline_of(options);
  REEVE_TRY(connect(deadline));
  while (true) {
    auto end = current_->channel.introduce();
    if (end) return object::Right{std::make_shared<const os::Fd>(std::move(*end)), object::RightKind::send};
    if (end.error().code != code::kQueueFull) return std::unexpected(std::move(end).error());
    if (!REEVE_TRY(os::wait_for(current_->channel.socket(), os::Readiness::writable, deadline))) return timed_out();
  }
}

std::optional<Connection::Outcome> Connection::end(const Error& reason) {
  end_with(current_->channel, reason);
  current_.reset();
  return std::unexpected(reason);
}

// The outcome of request `id` if what came is that. A late answer to a request given up is nobody's.
std::optional<Connection::Outcome> Connection::take(channel::Incoming& incoming, std::uint64_t id) {
  if (auto* packet = std::get_if<channel::Delivered>(&incoming)) return take_packet(*packet, id);
  if (auto* refused = std::get_if<channel::Refused>(&incoming)) {
    if (refused->header.reply_to == id) return std::unexpected(std::move(refused->reason));
  }
  return std::nullopt;
}

std::optional<Connection::Outcome> Connection::take_packet(channel::Delivered& packet, std::uint64_t id) {
  using channel::PacketKind;
  const channel::Header& header = packet.header;
  if (header.kind == PacketKind::end) {
    const Error reason = read_error(packet);
    current_.reset();
    return std::unexpected(reason);
  }
  if (header.kind != PacketKind::reply && header.kind != PacketKind::error) {
    return end(Error{Kind::invalid, code::kBadPacket, "a service may not ask its caller", ""});
  }
  auto body = open_packet(packet);
  if (!body) return end(body.error());
  if (header.reply_to != id) return std::nullopt;
  if (header.kind == PacketKind::error) return std::unexpected(object::parse_error(body->root().object()));
  return std::move(*body);
}

// What has come, if anything has. After an error there is no channel any more.
Result<std::optional<channel::Incoming>> Connection::receive() {
  auto incoming = current_->channel.receive(inbox_);
  if (!incoming) return std::unexpected(end(incoming.error())->error());
  if (std::holds_alternative<channel::Ended>(*incoming)) return std::unexpected(lost());
  if (std::holds_alternative<channel::NothingYet>(*incoming)) return std::nullopt;
  return std::move(*incoming);
}

Result<void> Connection::wait(const os::Deadline& deadline) {
  if (REEVE_TRY(os::wait_for(current_->channel.socket(), os::Readiness::readable, deadline))) return {};
  return timed_out();
}

Connection::Outcome Connection::await_answer(std::uint64_t id, const os::Deadline& deadline) {
  while (true) {
    auto incoming = REEVE_TRY(receive());
    if (!incoming) {
      REEVE_TRY(wait(deadline));
    } else if (auto outcome = take(*incoming, id)) {
      return std::move(*outcome);
    }
  }
}

// Reads what has come, so that a service that died is not taken for one that is there.
Result<void> Connection::await_greeting(const os::Deadline& deadline) {
  REEVE_TRY(connect(deadline));
  (void)current_->channel.greet();  // Where nobody is left to hear it, reading tells.
  while (true) {
    auto incoming = REEVE_TRY(receive());
    if (incoming) {
      if (auto outcome = take(*incoming, 0); outcome && !*outcome) return std::unexpected(outcome->error());
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
  peer.binding = current_->channel.binding();
  return peer;
}

}  // namespace reeve::connection
