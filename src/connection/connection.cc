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

class OnceDialer : public Dialer {
 public:
  explicit OnceDialer(const object::Right& right) : right_(right) {}
  Result<Dialed> dial(const os::Deadline&) override {
    if (!right_.end || right_.kind != object::RightKind::send) {
      return fail(Kind::gone, code::kClosed, "the right to send is used up", "ask whoever gave it for another");
    }
    auto end = REEVE_TRY(right_.end->duplicate());
    right_.end.reset();
    Peer peer;
    peer.trust = PeerClass::introduced;
    return Dialed{channel::Channel(std::move(end)), std::move(peer)};
  }

 private:
  object::Right right_;
};

}  // namespace

std::unique_ptr<Dialer> dialer_over(const object::Right& right) { return std::make_unique<OnceDialer>(right); }

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

// What was begun cannot be taken back: the service would wait for the rest for ever.
void Connection::give_up_sending() {
  if (current_ && parcel_.sent != 0 && !parcel_.is_sent) current_.reset();
}

// Sends the parcel, unless its outcome comes before all of it went: that is what is returned then. An Error in the
// place of the result is what kept it from being sent.
Result<std::optional<Error>> Connection::send_waiting() {
  const std::uint64_t id = parcel_.kind == channel::PacketKind::request ? parcel_.id : 0;
  while (true) {
    auto sent = current_->channel.send(parcel_);
    if (sent) return std::nullopt;
    if (sent.error().code != code::kQueueFull) return std::unexpected(std::move(sent).error());
    const auto ready = os::wait_for(current_->channel.socket(), os::Readiness::either, parcel_.deadline);
    if (!ready || !*ready) return give_up_sending(), ready ? timed_out().error() : ready.error();
    // Late answers are read meanwhile: a service that cannot get rid of them takes nothing either.
    auto incoming = receive();
    if (!incoming) return std::move(incoming).error();
    if (!*incoming) continue;
    auto outcome = take(**incoming, id);
    if (!outcome) continue;
    give_up_sending();
    return *outcome ? Error{Kind::invalid, code::kBadPacket, "the service answered before it was asked", ""}
                    : std::move(*outcome).error();
  }
}

// A service that died while nothing was asked of it is no news to the caller: what could not be sent was not taken up,
// and goes to a fresh one.
Result<void> Connection::send_whole() {
  for (int fresh = current_ ? 0 : 1;; ++fresh) {
    REEVE_TRY(connect(parcel_.deadline));
    auto told = send_waiting();
    if (told && *told) return std::unexpected(std::move(**told));
    if (told) return {};
    if (told.error().kind != Kind::gone) return std::unexpected(std::move(told).error());
    if (fresh > 0) {
      // It may have been told to stop in this moment; one that says why it ended the channel means it.
      auto reason = last_words();
      if (reason.kind != Kind::interrupted || fresh == kFruitlessStartsMax) return std::unexpected(std::move(reason));
    }
    current_.reset();
    parcel_.begin_again();
  }
}

// What was sent is let go with all that it shared.
Result<void> Connection::send_parcel() {
  auto sent = send_whole();
  parcel_.attachments.clear();
  parcel_.body.splices.clear();
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
  REEVE_TRY(send_parcel());
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
  return send_parcel();
}

Result<object::Right> Connection::introduce(CallOptions options) {
  auto introduction = REEVE_TRY(channel::make_introduction());
  parcel_ = std::move(introduction.parcel);
  parcel_.deadline = deadline_of(options);
  REEVE_TRY(send_parcel());
  return object::Right{std::make_shared<const os::Fd>(std::move(introduction.end)), object::RightKind::send};
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
    if (id != 0 && refused->header.reply_to == id) return std::unexpected(std::move(refused->reason));
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
