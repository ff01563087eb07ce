#include "line.hpp"

#include <array>

namespace reeve::line {

void Line::open(Take take, std::function<void()> ended) {
  take_ = std::move(take);
  ended_ = std::move(ended);
  begin_to_watch();
}

void Line::begin_to_watch() {
  auto watch =
      loop_.watch(socket_, {.readable = true, .writable = is_full_}, [this](os::Ready ready) { on_ready(ready); });
  if (watch) {
    watch_ = std::move(*watch);
  } else {
    watch_later_ = loop_.at(os::now() + kAcceptPause, [this] { begin_to_watch(); });
  }
}

void Line::queue(Packet packet) {
  if (is_broken_) return;
  outbox_.push_back(std::move(packet));
  flush();
}

// What cannot be sent because the other end is gone is of no use to anybody; that it is gone, reading will tell.
void Line::flush() {
  while (!outbox_.empty()) {
    const Packet& next = outbox_.front();
    std::vector<int> raw;
    for (const os::Fd& fd : next.descriptors) raw.push_back(fd.raw());
    for (const os::Fd* fd : next.lent) raw.push_back(fd->raw());
    const std::array part{std::as_bytes(std::span(next.bytes))};
    const auto sent = os::send_packet(socket_, part, raw);
    const bool is_short =
        !sent && sent.error().kind == Kind::busy;  // The kernel lacks memory, or descriptors in flight.
    if (!sent && !is_short) {
      is_broken_ = true;
      outbox_.clear();
      break;
    }
    if (sent && *sent == os::Sent::whole) {
      outbox_.pop_front();
      continue;
    }
    if (when_full_ == WhenFull::wait) {
      if (is_short) {
        os::wait_until(os::now() + kAcceptPause);
      } else {
        (void)os::wait_for(socket_, os::Readiness::writable, std::nullopt);
      }
      continue;
    }
    if (is_short) {
      retry_ = loop_.at(os::now() + kAcceptPause, [this] { flush(); });
      return;
    }
    if (!is_full_) watch_for_room(true);
    return;
  }
  if (is_full_) watch_for_room(false);
}

void Line::watch_for_room(bool is_full) {
  is_full_ = is_full;
  (void)watch_.change({.readable = true, .writable = is_full});
}

Result<Line::Took> Line::take_one(const Take& take) {
  std::array<std::byte, contract::kLinePacketBytesMax> room;
  auto received = REEVE_TRY(os::receive_packet(socket_, room, rights_));
  if (std::holds_alternative<os::NothingYet>(received)) return Took::nothing;
  auto* arrival = std::get_if<os::Arrival>(&received);
  if (arrival == nullptr) return Took::end;
  // Truncated bytes fit no struct and are refused by whoever takes them; truncated descriptors are too few.
  take(std::span(room).first(arrival->size), std::move(arrival->descriptors));
  return Took::packet;
}

void Line::drain() {
  while (true) {
    const auto took = take_one(take_);
    if (took && *took == Took::packet) continue;
    if (!took && took.error().kind == Kind::busy) {
      os::wait_until(os::now() + kAcceptPause);
      continue;
    }
    return;
  }
}

Result<void> Line::take_next(const Take& take, const os::Deadline& deadline) {
  while (true) {
    if (!REEVE_TRY(os::wait_for(socket_, os::Readiness::readable, deadline))) {
      return fail(Kind::timeout, code::kTimedOut, "the line was silent for too long");
    }
    const auto took = take_one(take);
    if (!took && took.error().kind == Kind::busy) continue;
    if (REEVE_TRY(took) == Took::end) return fail(Kind::gone, code::kClosed, "the line has ended");
    if (*took == Took::packet) return {};
  }
}

void Line::on_ready(os::Ready ready) {
  if (ready.writable) flush();
  for (std::size_t i = 0; i < kPacketsPerTurn; ++i) {
    const auto took = take_one(take_);
    if (took && *took == Took::packet) continue;
    if ((took && *took == Took::nothing) || (!took && took.error().kind == Kind::busy)) return;
    watch_.drop();
    const auto ended = std::move(ended_);
    if (ended) ended();
    return;
  }
}

}  // namespace reeve::line
