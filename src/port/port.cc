#include "port.hpp"

#include "../os/random.hpp"

namespace reeve::port {

std::unexpected<Error> guarded() { return fail(Kind::denied, code::kGuarded, "the port is guarded", "give its guard"); }

Result<std::shared_ptr<Port>> Port::make(std::uint32_t queue_limit) {
  os::ReadySet ready = REEVE_TRY(os::ReadySet::make());
  std::shared_ptr<Port> port(new Port(std::move(ready), queue_limit));
  port->id = os::random_token();
  return port;
}

Result<void> Port::add_line(std::uint64_t number, Line line) {
  if (lines_.size() == kPortLinesMax) {
    return fail(Kind::busy, code::kQueueFull, "a port has as many lines as it can have", "give some rights up");
  }
  REEVE_TRY(ready_.add(line.end, number));
  if (ends_) REEVE_TRY(ends_->add_end_once(line.end, number));
  sender_count_ += line.kind == LineKind::send && !line.is_own ? 1 : 0;
  // Its holder may know no better than that there is the usual limit.
  if (line.kind == LineKind::send && queue_limit_ != kQueueLimit) tell_holder(line, queue_limit_, Tell::now);
  lines_.emplace(number, std::move(line));
  return {};
}

Line* Port::line(std::uint64_t number) {
  const auto found = lines_.find(number);
  return found == lines_.end() ? nullptr : &found->second;
}

void Port::remove_line(std::uint64_t number) {
  const auto found = lines_.find(number);
  if (found == lines_.end()) return;
  const Line& line = found->second;
  sender_count_ -= line.kind == LineKind::send && !line.is_own ? 1 : 0;
  // A copy of it may be on its way in a carrier, where these would go on watching it.
  ready_.remove(line.end);
  if (ends_) ends_->remove(line.end);
  lines_.erase(found);
}

void Port::disown(std::uint64_t number) {
  Line* const own = line(number);
  if (own == nullptr || !own->is_own) return;
  own->is_own = false;
  ++sender_count_;
}

void Port::drop_lines() {
  while (!lines_.empty()) remove_line(lines_.begin()->first);
}

Result<const os::ReadySet*> Port::ends() {
  if (!ends_) {
    os::ReadySet ends = REEVE_TRY(os::ReadySet::make());
    for (const auto& [number, line] : lines_) REEVE_TRY(ends.add_end_once(line.end, number));
    ends_ = std::move(ends);
  }
  return &*ends_;
}

Result<void> Port::expect_waiters() {
  if (bell_) return {};
  os::Bell bell = REEVE_TRY(os::Bell::make());
  REEVE_TRY(ready_.add(bell.descriptor(), 0));
  bell_ = std::move(bell);
  if (!notices_.empty()) bell_->ring();
  return {};
}

void Port::add_notice(Notice notice) {
  notices_.push_back(std::move(notice));
  if (bell_) bell_->ring();
}

std::optional<Notice> Port::next_notice() {
  if (notices_.empty()) return std::nullopt;
  Notice notice = std::move(notices_.front());
  notices_.pop_front();
  if (notices_.empty() && bell_) bell_->hush();
  return notice;
}

void Port::close() {
  is_open_ = false;
  if (bell_) bell_->ring();
}

void Port::abandon() {
  for (auto& [number, line] : lines_) {
    line.end.close();
    line.charge = {};
  }
  for (const Notice& notice : notices_) {
    if (notice.port != nullptr) notice.port->abandon();
  }
  for (SendLine* told : {no_senders_to.get(), destroyed_to.get()}) {
    if (told != nullptr) told->abandon();
  }
  ready_.close();
  if (ends_) ends_->close();
  if (bell_) bell_->close();
  charge = {};
}

void Port::open() {
  is_open_ = true;
  if (notices_.empty() && bell_) bell_->hush();
}

void Port::set_queue_limit(std::uint32_t limit) {
  queue_limit_ = limit;
  for (auto& [number, line] : lines_) {
    if (line.kind == LineKind::send) tell_holder(line, limit, Tell::now);
  }
}

}  // namespace reeve::port
