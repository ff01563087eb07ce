// Streams on the caller's side: asking for one, taking its items, and telling the service of the room there is.
#include <algorithm>

#include "context.hpp"
#include "link.hpp"

namespace reeve::connection {
namespace {

using channel::PacketKind;

// A service is told of room for half a window at a time.
constexpr std::int64_t kCreditWorthSending = kStreamWindowBytes / 2;

}  // namespace

void Link::open(const Message& request, const CallOptions& options, Waiter& waiter) {
  waiter.stream_ = std::make_unique<Waiter::Stream>();
  if (const auto filled = fill_request(PacketKind::stream, request, options); !filled) {
    waiter.outcome_ = filled;
    return;
  }
  limit(waiter, options);
  waiter.chain_ = parcel_.chain;
  start(waiter);
  end_when_told(waiter, options);
  go_on_later();
}

void Link::await_news(Waiter& waiter) {
  const OnBehalf waiting({waiter.chain_, waiter.until_, true});
  while (!waiter.has_news()) {
    const auto waited = wait_once(waiter);
    if (!waited) give_up(waiter, waited.error().kind == Kind::timeout ? late(waiter) : waited.error());
  }
  awake_.done();
  go_on_later();
}

void Link::begin_stream(const Message& request, const CallOptions& options, Waiter& waiter) {
  waiter.stream_ = std::make_unique<Waiter::Stream>();
  (void)begin(PacketKind::stream, request, options, waiter);
}

// Kept by itself: the room that it came into is larger.
void Link::take_item_from(channel::Delivered& packet) {
  const std::uint64_t request = packet.header.reply_to;
  Waiter* const waiter = asker_of(request);
  if (waiter == nullptr) return;
  if (!waiter->stream_ || outbox_.find(request) != nullptr || waiter->stream_->window <= 0) {
    return end(Error{Kind::invalid, code::kBadPacket, "the service sent an item that it was not asked for", ""});
  }
  const std::int64_t cost = channel::item_cost(packet.body.size(), packet.attachments.size());
  packet.body = Data::copy_of(packet.body.bytes());
  auto body = open_packet(packet);
  if (!body) return end(body.error());
  waiter->stream_->window -= cost;
  waiter->stream_->items.push_back({std::move(*body), cost});
  if (!std::exchange(waiter->is_blocking_, true)) ready_.push_back(waiter);
}

std::optional<wire::Body> Link::take_item(Waiter& waiter) {
  if (!waiter.stream_ || waiter.stream_->items.empty()) return std::nullopt;
  auto [body, cost] = std::move(waiter.stream_->items.front());
  waiter.stream_->items.pop_front();
  waiter.stream_->taken += cost;
  if (!waiter.is_over() && say_credit(waiter)) {
    flush();
    go_on_later();
  }
  return std::move(body);
}

// For all that was taken, once that is worth a packet: an item may have been larger than a window. Whether it was said.
bool Link::say_credit(Waiter& waiter) {
  Waiter::Stream& stream = *waiter.stream_;
  // One that is not sent yet is enough: a service that does not read it cannot make this side say more. What is taken
  // meanwhile is said when it has gone.
  if (stream.taken < kCreditWorthSending || outbox_.find(stream.credit) != nullptr) return false;
  while (stream.taken > 0) {
    const std::int64_t bytes = std::min<std::int64_t>(stream.taken, kStreamWindowBytes);
    const channel::Credit credit{static_cast<std::uint64_t>(bytes)};
    Parcel parcel;
    parcel.kind = PacketKind::credit;
    parcel.reply_to = waiter.ticket_;
    const auto body = std::as_bytes(std::span(&credit, 1));
    parcel.body.bytes.assign(body.begin(), body.end());
    stream.taken -= bytes;
    stream.window += bytes;
    stream.credit = next_ticket_;
    send_behind_others(std::move(parcel));
  }
  return true;
}

}  // namespace reeve::connection
