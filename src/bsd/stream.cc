#include "stream.hpp"

#include <array>

#include "../http/head.hpp"
#include "../os/socket.hpp"
#include "../os/stream.hpp"
#include "../vocab/bounds.hpp"
#include "call.hpp"

namespace reeve::bsd {
namespace {

constexpr std::size_t kReadBytes = 16 * 1024;
constexpr std::size_t kLastReadsMax = 4096;  // Of what came before the other end went: more than a socket holds.
constexpr std::chrono::hours kForEver{240};

Error ended(bool is_within) {
  return {Kind::gone, code::kClosed,
          is_within ? "the other end has gone, in the middle of a message" : "the other end has gone", "connect again"};
}

}  // namespace

void tell_later(os::Loop loop, SocketSent then, Result<void> outcome) {
  if (!then) return;
  loop.post([then = std::move(then), outcome = std::move(outcome)] { call([&] { then(outcome); }); });
}

SocketLimits::SocketLimits()
    : message_bytes(kFrameBodyBytesMax),
      held_bytes(kFrameHeldBytesMax),
      held_bytes_of_one(kFrameHeldOfOneMax),
      unsent_messages(kUnsentFramesMax),
      unsent_bytes(kUnsentFrameBytesMax),
      unsent_bytes_of_all(kUnsentFrameBytesOfAllMax),
      frame_time(kFrameTime),
      clients(kSocketClientsMax),
      clients_of_one_process(kSocketsPerProcessMax) {}

Stream::Stream(const os::Loop& loop, os::Fd socket, const SocketLimits& limits, std::shared_ptr<Holding> holding,
               std::shared_ptr<Held> held, Events events)
    : loop_(loop),
      socket_(std::move(socket)),
      limits_(limits),
      holding_(std::move(holding)),
      of_process_(std::move(held)),
      events_(std::move(events)),
      reader_(limits.message_bytes) {}

Result<std::shared_ptr<Stream>> Stream::make(const os::Loop& loop, os::Fd socket, const SocketLimits& limits,
                                             std::shared_ptr<Holding> holding, std::shared_ptr<Held> held,
                                             Events events) {
  std::shared_ptr<Stream> stream(
      new Stream(loop, std::move(socket), limits, std::move(holding), std::move(held), std::move(events)));
  stream->watch_ = REEVE_TRY(stream->loop_.watch(stream->socket_, {.readable = true},
                                                 [raw = stream.get()](os::Ready ready) { raw->on_ready(ready); }));
  return stream;
}

// Whoever is told of a message, or of the end, may let go of this, or run the loop.
void Stream::on_ready(os::Ready ready) {
  if (is_reading_) return;
  const auto self = shared_from_this();
  auto done = exchange(ready);
  if (done && is_open()) done = watch();
  if (!done) end(done.error());
}

// What came before the other end went is taken first.
Result<void> Stream::exchange(os::Ready ready) {
  if (ready.readable || ready.ended) REEVE_TRY(read());
  if (!ready.writable || !is_open()) return {};
  if (const auto sent = flush(); !sent) return std::unexpected(read_to_the_end(sent.error()));
  return {};
}

// Whether there may be more.
Result<bool> Stream::read() {
  std::array<std::byte, kReadBytes> room;
  bool is_more = true;
  for (std::size_t i = 0; i < kPacketsPerTurn && is_open() && is_more; ++i) {
    const auto size = REEVE_TRY(os::receive_some(socket_, room));
    if (!size) return false;
    if (*size == 0) return std::unexpected(ended(reader_.is_within()));
    is_reading_ = true;
    const auto taken = take(std::span(room).first(*size));
    is_reading_ = false;
    REEVE_TRY(taken);
    is_more = *size == room.size();
  }
  return is_more && is_open();
}

// Why it ends, by what is still there to be read.
Error Stream::read_to_the_end(const Error& why) {
  for (std::size_t i = 0; i < kLastReadsMax && is_open(); ++i) {
    const auto more = read();
    if (!more) return more.error();
    if (!*more) break;
  }
  return why;
}

Result<void> Stream::take(std::span<const std::byte> bytes) {
  while (!bytes.empty() && is_open()) {
    auto body = REEVE_TRY(reader_.take(bytes));
    if (!body) break;
    late_reading_.drop();
    REEVE_TRY(events_.body(std::move(*body)));
  }
  return is_open() ? hold() : Result<void>();
}

// What has come of a message that is not whole costs memory, and is to be whole in time.
Result<void> Stream::hold() {
  const std::size_t now_held = reader_.is_within() ? reader_.held() : 0;
  holding_->in_part += now_held - held_;
  of_process_->of_one += now_held - held_;
  held_ = now_held;
  if (of_process_->of_one > limits_.held_bytes_of_one || holding_->in_part > limits_.held_bytes) {
    return fail(Kind::busy, code::kQueueFull, "too much is held of messages that are not whole yet", "send it later");
  }
  if (!reader_.is_within()) late_reading_.drop();
  if (reader_.is_within() && !late_reading_.is_set()) limit_time(late_reading_, &Stream::is_late_reading);
  return {};
}

void Stream::limit_time(os::Loop::Timer& timer, void (Stream::*late)()) {
  if (limits_.frame_time >= kForEver) return;
  timer = loop_.at(os::now() + limits_.frame_time, [this, late] {
    const auto self = shared_from_this();
    (this->*late)();
  });
}

// Unless it was this side that did not read.
void Stream::is_late_reading() {
  const auto more = is_reading_ ? Result<bool>(true) : read();
  if (!more) return end(more.error());
  if (!is_open() || !reader_.is_within()) return;
  if (*more) return limit_time(late_reading_, &Stream::is_late_reading);
  end(Error{Kind::timeout, code::kTimedOut, "a message was begun, and has not come whole in time", "send it at once"});
}

void Stream::is_late_writing() {
  if (unsent_.empty()) return;
  if (std::exchange(has_taken_any_, false)) return limit_time(late_writing_, &Stream::is_late_writing);
  end(Error{Kind::timeout, code::kTimedOut, "the other end has read nothing of what it was sent", "have it read"});
}

void Stream::tell(SocketSent then, Result<void> outcome) { tell_later(loop_, std::move(then), std::move(outcome)); }

void Stream::send(Data body, SocketSent then, Owed owed) {
  if (!is_open()) return tell(std::move(then), std::unexpected(ended(false)));
  Unsent message{http::head_of(body.size()), std::move(body), 0, std::move(then)};
  const bool is_full = unsent_.size() >= limits_.unsent_messages ||
                       unsent_bytes_ + message.size() > limits_.unsent_bytes ||
                       holding_->unsent + message.size() > limits_.unsent_bytes_of_all;
  if (is_full && !unsent_.empty() && owed == Owed::no) {
    return tell(std::move(message.then),
                fail(Kind::busy, code::kQueueFull, "the other end does not read what it is sent",
                     "send less often, or wait until what was sent before is"));
  }
  unsent_bytes_ += message.size();
  holding_->unsent += message.size();
  unsent_.push_back(std::move(message));
  if (unsent_.size() > 1) return;
  auto done = flush();
  if (done) done = watch();
  if (done) return;
  loop_.post([weak = weak_from_this(), why = done.error()] {
    const auto still = weak.lock();
    if (still && still->is_open()) still->end(still->read_to_the_end(why));
  });
}

Result<void> Stream::flush() {
  while (!unsent_.empty()) {
    Unsent& first = unsent_.front();
    const auto head = std::as_bytes(std::span(first.head)).subspan(std::min(first.sent, first.head.size()));
    const std::size_t of_body = first.sent - (first.head.size() - head.size());
    const std::array parts{head, first.body.bytes().subspan(of_body)};
    const std::size_t sent = REEVE_TRY(os::send_some(socket_, parts));
    if (sent == 0) break;
    has_taken_any_ = true;
    first.sent += sent;
    if (first.sent < first.size()) continue;
    unsent_bytes_ -= first.size();
    holding_->unsent -= first.size();
    SocketSent then = std::move(first.then);
    unsent_.pop_front();
    tell(std::move(then), {});
  }
  if (unsent_.empty()) late_writing_.drop();
  if (!unsent_.empty() && !late_writing_.is_set()) {
    has_taken_any_ = false;
    limit_time(late_writing_, &Stream::is_late_writing);
  }
  return {};
}

Result<void> Stream::watch() {
  const bool is_writing = !unsent_.empty();
  if (std::exchange(is_writing_, is_writing) == is_writing) return {};
  return watch_.change({.readable = true, .writable = is_writing});
}

void Stream::close() {
  watch_.drop();
  late_reading_.drop();
  late_writing_.drop();
  socket_.close();
  holding_->in_part -= held_;
  of_process_->of_one -= std::exchange(held_, 0);
  holding_->unsent -= std::exchange(unsent_bytes_, 0);
  for (Unsent& each : std::exchange(unsent_, {})) tell(std::move(each.then), std::unexpected(ended(false)));
}

void Stream::end(const Error& why) {
  if (!is_open()) return;
  close();
  events_.ended(why);
}

}  // namespace reeve::bsd
