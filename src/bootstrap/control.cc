#include "control.hpp"

#include "../connection/message.hpp"
#include "../contract/inherited.hpp"
#include "../os/process.hpp"

namespace reeve::bootstrap {
namespace {

Control* line = nullptr;  // of the service that runs, one in a process

}  // namespace

Control::Control(channel::Channel channel, HandedOver handed_over)
    : channel_(std::move(channel)), handed_over_(std::move(handed_over)) {
  channel_.let_peer_be_replaced();
}

// The broker reads whatever it has to write, and so does the one that follows it: waiting for room here cannot be for
// ever.
Result<void> Control::send(channel::PacketKind kind, const Dictionary& message, std::uint64_t id) {
  connection::Parcel parcel = REEVE_TRY(connection::make_parcel(kind, message));
  parcel.id = id;
  while (true) {
    const auto sent = channel_.send(parcel);
    if (sent || sent.error().code != code::kQueueFull) return sent;
    REEVE_TRY(os::wait_for(channel_.socket(), os::Readiness::writable, {}));
  }
}

Result<std::uint64_t> Control::ask(contract::Request request, Answered answered) {
  const std::uint64_t id = ++last_id_;
  REEVE_TRY(send(channel::PacketKind::request, contract::encode(request), id));
  pending_.emplace(id, Pending{std::move(request), std::move(answered)});
  return id;
}

Result<Dictionary> Control::ask_and_wait(contract::Request request, const os::Deadline& deadline) {
  std::optional<Result<Dictionary>> outcome;
  const std::uint64_t id =
      REEVE_TRY(ask(std::move(request), [&](Result<Dictionary> answer) { outcome = std::move(answer); }));
  while (!outcome) {
    auto came = os::wait_for(channel_.socket(), os::Readiness::readable, deadline);
    if (came && *came) {
      if (auto read = read_what_came(); read || outcome) continue;
      came = std::unexpected(*over_);
    } else if (came) {
      came = fail(Kind::timeout, code::kTimedOut, "the broker did not answer in time", "allow more time");
    }
    pending_.erase(id);
    return std::unexpected(came.error());
  }
  return std::move(*outcome);
}

Result<void> Control::say_what_is_taken() {
  return send(channel::PacketKind::message, contract::encode(contract::Taken{taken_, broker_}));
}

Result<void> Control::read_what_came() {
  while (!over_) {
    auto read = read_one();
    if (!read && !over_) over_ = std::move(read).error();
    if (read && !*read) return {};
  }
  return std::unexpected(*over_);
}

// A descriptor is kept for the moment in which an end arrives: without room for it the line would break.
Result<bool> Control::read_one() {
  spare_.close();
  auto incoming = channel_.receive(inbox_);
  if (auto spare = channel_.socket().duplicate()) spare_ = std::move(*spare);
  if (!incoming) return std::unexpected(std::move(incoming).error());
  if (std::holds_alternative<channel::NothingYet>(*incoming)) return false;
  if (std::holds_alternative<channel::Ended>(*incoming)) {
    has_ended_ = true;
    return fail(Kind::gone, code::kClosed, "the broker and its supervisor have ended");
  }
  // The broker sends nothing that this side has no room for.
  if (auto* packet = std::get_if<channel::Delivered>(&*incoming)) REEVE_TRY(take_packet(*packet));
  return true;
}

Result<void> Control::take_packet(channel::Delivered& packet) {
  using channel::PacketKind;
  const channel::Header header = packet.header;
  if (header.kind == PacketKind::hello) return {};
  Dictionary message = REEVE_TRY(connection::open_packet(packet)).root().object();
  switch (header.kind) {
    case PacketKind::message:
      return std::visit([this](const auto& told) { return take(told); }, REEVE_TRY(contract::decode_told(message)));
    case PacketKind::end:
      return std::unexpected(object::parse_error(message));
    case PacketKind::error:
      return take_answer(header.reply_to, std::unexpected(object::parse_error(message))), Result<void>();
    case PacketKind::reply:
      return take_answer(header.reply_to, std::move(message)), Result<void>();
    default:
      return fail(Kind::invalid, code::kBadPacket, "the broker asked something of its service");
  }
}

// What was asked twice may be answered twice; and nobody waits for what came too late.
void Control::take_answer(std::uint64_t id, Result<Dictionary> answer) {
  auto pending = pending_.extract(id);
  if (!pending.empty()) pending.mapped().answered(std::move(answer));
}

Result<void> Control::take(const contract::Handover& handover) {
  // A broker that has just begun hands over again what the one before may not have.
  if (handover.number <= taken_) return {};
  // Said before the first packet is read there: what was read cannot go to another instance.
  taken_ = handover.number;
  REEVE_TRY(say_what_is_taken());
  handed_over_(handover, static_cast<bool>(spare_));
  return {};
}

// A broker that has just begun knows neither which ends were taken nor what was asked of the one before.
Result<void> Control::take(const contract::Succession& succession) {
  broker_ = succession.broker;
  REEVE_TRY(say_what_is_taken());
  for (const auto& [id, pending] : pending_) {
    REEVE_TRY(send(channel::PacketKind::request, contract::encode(pending.request), id));
  }
  return {};
}

OnlyLine::OnlyLine(Control& control) { line = &control; }
OnlyLine::~OnlyLine() { line = nullptr; }

Result<Control*> only_line() {
  if (!os::trusted_variable(contract::kFilterVariable)) return nullptr;
  if (line != nullptr) return line;
  return fail(Kind::denied, code::kNotPrivileged, "a confined service can call others only while it serves",
              "make the call when a request has come, or in started()");
}

}  // namespace reeve::bootstrap
