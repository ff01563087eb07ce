#include "stream.hpp"

#include <array>

#include "../http/head.hpp"
#include "../os/socket.hpp"
#include "../os/stream.hpp"
#include "../vocab/bounds.hpp"

namespace reeve::bsd {
namespace {

constexpr std::size_t kReadBytes = 16 * 1024;

Error ended(bool is_within) {
  return {Kind::gone, code::kClosed,
          is_within ? "the other end has gone, in the middle of a message" : "the other end has gone", "connect again"};
}

}  // namespace

SocketLimits::SocketLimits()
    : message_bytes(kFrameBodyBytesMax),
      held_bytes(kFrameHeldBytesMax),
      unsent_messages(kUnsentFramesMax),
      unsent_bytes(kUnsentFrameBytesMax),
      frame_time(kFrameTime),
      clients(kSocketClientsMax),
      clients_of_one_process(kSocketsPerProcessMax) {}

Stream::Stream(const os::Loop& loop, os::Fd socket, const SocketLimits& limits, std::shared_ptr<Holding> holding,
               Events events)
    : loop_(loop),
      socket_(std::move(socket)),
      limits_(limits),
      holding_(std::move(holding)),
      events_(std::move(events)),
      reader_(limits.message_bytes) {}

Result<std::shared_ptr<Stream>> Stream::make(const os::Loop& loop, os::Fd socket, const SocketLimits& limits,
                                             std::shared_ptr<Holding> holding, Events events) {
  (void)os::refuse_rights(socket);
  std::shared_ptr<Stream> stream(new Stream(loop, std::move(socket), limits, std::move(holding), std::move(events)));
  stream->watch_ = REEVE_TRY(stream->loop_.watch(stream->socket_, {.readable = true},
                                                 [raw = stream.get()](os::Ready ready) { raw->on_ready(ready); }));
  return stream;
}

// Whoever is told of a message, or of the end, may let go of this.
void Stream::on_ready(os::Ready ready) {
  const auto self = shared_from_this();
  auto done = ready.writable ? flush() : Result<void>();
  if (done && (ready.readable || ready.ended)) done = read();
  if (done && is_open()) done = watch();
  if (!done) end(done.error());
}

Result<void> Stream::read() {
  std::array<std::byte, kReadBytes> room;
  for (std::size_t i = 0; i < kPacketsPerTurn && is_open(); ++i) {
    const auto size = REEVE_TRY(os::receive_some(socket_, room));
    if (!size) break;
    if (*size == 0) return std::unexpected(ended(reader_.is_within()));
    REEVE_TRY(take(std::span(room).first(*size)));
    if (*size < room.size()) break;  // Most likely that is all; else it is readable still.
  }
  return is_open() ? hold() : Result<void>();
}

Result<void> Stream::take(std::span<const std::byte> bytes) {
  while (!bytes.empty() && is_open()) {
    auto body = REEVE_TRY(reader_.take(bytes));
    if (!body) return hold();
    late_.drop();
    REEVE_TRY(events_.body(std::move(*body)));
  }
  return {};
}

// What has come of a message that is not whole costs memory, and is to be whole in time.
Result<void> Stream::hold() {
  holding_->bytes += reader_.held() - std::exchange(held_, reader_.held());
  if (holding_->bytes > limits_.held_bytes) {
    return fail(Kind::busy, code::kQueueFull, "too much is held of messages that are not whole yet", "send it later");
  }
  if (!reader_.is_within()) {
    late_.drop();
  } else if (!late_.is_set()) {
    late_ = loop_.at(os::now() + limits_.frame_time, [this] {
      const auto self = shared_from_this();
      end(Error{Kind::timeout, code::kTimedOut, "a message was begun, and has not come whole in time",
                "send it at once"});
    });
  }
  return {};
}

void Stream::tell(SocketSent then, Result<void> outcome) {
  if (then) loop_.post([then = std::move(then), outcome = std::move(outcome)] { then(outcome); });
}

void Stream::send(Data body, SocketSent then) {
  if (!is_open()) return tell(std::move(then), std::unexpected(ended(false)));
  Unsent message{http::head_of(body.size()), std::move(body), 0, std::move(then)};
  const bool is_full =
      unsent_.size() >= limits_.unsent_messages || unsent_bytes_ + message.size() > limits_.unsent_bytes;
  if (is_full && !unsent_.empty()) {
    return tell(std::move(message.then),
                fail(Kind::busy, code::kQueueFull, "the other end does not read what it is sent",
                     "send less often, or wait until what was sent before is"));
  }
  unsent_bytes_ += message.size();
  unsent_.push_back(std::move(message));
  if (unsent_.size() > 1) return;
  auto done = flush();
  if (done) done = watch();
  if (!done)
    loop_.post([weak = weak_from_this(), why = done.error()] {
      if (const auto still = weak.lock()) still->end(why);
    });
}

Result<void> Stream::flush() {
  while (!unsent_.empty()) {
    Unsent& first = unsent_.front();
    const auto head = std::as_bytes(std::span(first.head)).subspan(std::min(first.sent, first.head.size()));
    const std::size_t of_body = first.sent - (first.head.size() - head.size());
    const std::array parts{head, first.body.bytes().subspan(of_body)};
    const std::size_t sent = REEVE_TRY(os::send_some(socket_, parts));
    if (sent == 0) return {};
    first.sent += sent;
    if (first.sent < first.size()) continue;
    unsent_bytes_ -= first.size();
    SocketSent then = std::move(first.then);
    unsent_.pop_front();
    tell(std::move(then), {});
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
  late_.drop();
  socket_.close();
  holding_->bytes -= std::exchange(held_, 0);
  for (Unsent& each : std::exchange(unsent_, {})) tell(std::move(each.then), std::unexpected(ended(false)));
}

void Stream::end(const Error& why) {
  if (!is_open()) return;
  close();
  events_.ended(why);
}

}  // namespace reeve::bsd
