// How long callers wait, who gives their calls up, and who is told of a channel's end.
#include "link_limits.hpp"

#include <algorithm>

#include "context.hpp"

namespace reeve::connection {
namespace {

constexpr std::size_t kLookedThroughMax = 1024;  // Packets before the end: more than a queue holds.

os::Deadline earlier(const os::Deadline& one, const os::Deadline& other) {
  if (!one || !other) return one ? one : other;
  return std::min(*one, *other);
}

}  // namespace

os::Deadline deadline_of(const CallOptions& options) {
  os::Deadline deadline = options.until;
  const auto to_send = options.send_timeout.value_or(std::chrono::nanoseconds(0));
  if (options.timeout) deadline = earlier(deadline, os::now() + to_send + *options.timeout);
  return options.is_own ? deadline : earlier(deadline, Context::current().deadline);
}

void Link::limit(Waiter& waiter, const CallOptions& options) const {
  waiter.until_ = parcel_.deadline;
  waiter.send_by_.reset();
  if (!options.send_timeout) return;
  waiter.send_by_ = os::now() + *options.send_timeout;
  waiter.answer_within_ = options.timeout;
}

os::Deadline Link::limit_of(const Waiter& waiter) { return earlier(waiter.send_by_, waiter.until_); }

// What has passed that limit. One that is begun is sent to its end, and may be done.
Error Link::late(const Waiter& waiter) const {
  const Parcel* unsent = waiter.send_by_ ? outbox_.find(waiter.ticket_) : nullptr;
  const bool is_begun = unsent != nullptr && unsent->sent != 0;
  return waiter.send_by_ && !is_begun ? not_sent().error() : timed_out().error();
}

void Link::end_in_time(Waiter& waiter, os::Loop& loop) {
  const os::Deadline limit = limit_of(waiter);
  if (!limit || waiter.deadline_.is_set()) return;
  waiter.deadline_ = loop.at(*limit, [this, &waiter] {
    const auto self = shared_from_this();
    give_up(waiter, late(waiter));
    go_on_later();
  });
}

void Link::end_when_told(Waiter& waiter, const CallOptions& options) {
  if (!options.stop || waiter.is_over()) return;
  waiter.stopped_.emplace(*options.stop, [this, &waiter] {
    const auto self = shared_from_this();
    self->give_up(waiter, cancelled());  // after which this function is no more
    self->go_on_later();
  });
}

void Link::now_awaits_answer(Waiter& waiter) {
  waiter.send_by_.reset();
  if (waiter.answer_within_) waiter.until_ = earlier(waiter.until_, os::now() + *waiter.answer_within_);
  if (!waiter.deadline_.is_set()) return;
  waiter.deadline_.drop();
  if (auto loop = loop_.get()) end_in_time(waiter, *loop);
}

// Who is told.

Result<void> Link::on_end(std::function<void(const Error& why)> ended, const CallOptions& options) {
  if (!loop_.get()) return no_loop();
  REEVE_TRY(connect(options));
  if (!current_) return std::unexpected(last_end_);
  ended_ = std::move(ended);
  return {};
}

Result<void> Link::connect(const CallOptions& options) {
  REEVE_TRY(may_block());
  REEVE_TRY(connect(deadline_of(options)));
  go_on_later();
  return {};
}

bool Link::is_connected() {
  for (std::size_t i = 0; i < kLookedThroughMax && current_ && read_one(); ++i) {
  }
  go_on_later();
  return current_.has_value();
}

}  // namespace reeve::connection
