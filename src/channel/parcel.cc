#include "parcel.hpp"

#include <algorithm>

#include "channel.hpp"

namespace reeve::channel {

Result<Introduction> make_introduction() {
  auto [theirs, ours] = REEVE_TRY(os::channel_pair());
  Introduction introduction{{}, std::move(ours)};
  introduction.parcel.kind = PacketKind::introduce;
  introduction.parcel.attachments.emplace_back(object::Descriptor{std::make_shared<const os::Fd>(std::move(theirs)),
                                                                  os::DescriptorKind::channel, os::Access::read_write});
  return introduction;
}

namespace {

std::size_t items_in(const Parcel& parcel) { return parcel.kind == PacketKind::item ? 1 : 0; }

}  // namespace

void Outbox::push(Parcel parcel, quota::Charge charge) {
  item_count_ += items_in(parcel);
  queue_.push_back({std::move(parcel), std::move(charge)});
}

void Outbox::replace_stuck(Parcel parcel) {
  item_count_ -= items_in(*stuck_);
  item_count_ += items_in(parcel);
  *stuck_ = std::move(parcel);
}

void Outbox::begin_long_ones() {
  while (!queue_.empty() && queue_.front().parcel.is_long() && long_.size() < kPartialCountMax) {
    long_.splice(long_.end(), queue_, queue_.begin());
  }
}

bool Outbox::small_may_go() const {
  if (queue_.empty() || queue_.front().parcel.is_long()) return false;
  return queue_.front().parcel.kind != PacketKind::introduce || long_.empty();
}

Result<void> Outbox::send_next(Channel& channel, std::list<Waiting>& from) {
  stuck_ = &from.front().parcel;
  REEVE_TRY(channel.send_next(*stuck_));
  if (stuck_->is_sent) {
    item_count_ -= items_in(*stuck_);
    from.pop_front();
  } else {
    from.splice(from.end(), from, from.begin());
  }
  return {};
}

Result<bool> Outbox::flush(Channel& channel) {
  while (!empty()) {
    begin_long_ones();
    Result<void> sent;
    if (small_may_go()) sent = send_next(channel, queue_);
    if (sent && !long_.empty()) sent = send_next(channel, long_);
    if (sent) continue;
    if (sent.error().code == code::kQueueFull) return false;
    return std::unexpected(std::move(sent).error());
  }
  return true;
}

const Parcel* Outbox::find(std::uint64_t tag) const {
  for (const std::list<Waiting>* list : {&queue_, &long_}) {
    for (const Waiting& waiting : *list) {
      if (waiting.parcel.tag == tag) return &waiting.parcel;
    }
  }
  return nullptr;
}

bool Outbox::has_below(std::uint64_t tag) const {
  const auto is_below = [tag](const Waiting& waiting) { return waiting.parcel.tag < tag; };
  return std::any_of(queue_.begin(), queue_.end(), is_below) || std::any_of(long_.begin(), long_.end(), is_below);
}

std::int64_t Outbox::item_cost_of(std::uint64_t stream) const {
  std::int64_t cost = 0;
  if (item_count_ == 0) return cost;
  for (const Waiting& waiting : queue_) {
    const Parcel& parcel = waiting.parcel;
    if (parcel.kind != PacketKind::item || parcel.reply_to != stream) continue;
    cost += item_cost(parcel.body.size(), parcel.attachments.size());
  }
  return cost;
}

void Outbox::remove_if(const std::function<bool(const Parcel&)>& is_unwanted) {
  const auto is_it = [&](const Waiting& waiting) {
    if (!is_unwanted(waiting.parcel)) return false;
    item_count_ -= items_in(waiting.parcel);
    return true;
  };
  std::erase_if(queue_, is_it);
  std::erase_if(long_, is_it);
}

void Outbox::begin_again() {
  queue_.splice(queue_.begin(), long_);
  for (Waiting& waiting : queue_) waiting.parcel.begin_again();
}

}  // namespace reeve::channel
