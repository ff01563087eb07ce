// Holding a conversation up on the caller's side: suspensions, and barriers.
#include "link.hpp"

namespace reeve::connection {

void Link::suspend() {
  ++suspensions_;
  watch_.drop();
}

Result<void> Link::may_block() const {
  if (!dialer_) return std::unexpected(given_up());
  if (suspensions_ == 0) return {};
  return fail(Kind::invalid, code::kSuspended, "the connection is suspended, and the call would wait for its end",
              "resume it first, or use a call that does not block");
}

Result<void> Link::resume() {
  if (suspensions_ == 0) {
    return fail(Kind::invalid, code::kSuspended, "the connection is not suspended", "resume it once for each suspend");
  }
  if (--suspensions_ > 0) return {};
  flush();
  go_on_later();
  return {};
}

void Link::barrier(std::function<void()> then) {
  auto loop = loop_.get();
  if (!loop) return then();
  barriers_.push_back({next_ticket_, std::move(then)});
  pass_barriers(*loop);
}

void Link::pass_barriers(os::Loop& loop) {
  while (!barriers_.empty() && !outbox_.has_below(barriers_.front().ticket)) {
    loop.post(std::move(barriers_.front().then));
    barriers_.pop_front();
  }
}

}  // namespace reeve::connection
