#include "end.hpp"

#include "call.hpp"

namespace reeve::bsd {

std::unexpected<Error> not_connected() {
  return fail(Kind::gone, code::kClosed, "the other end has gone, or was never there", "connect again");
}

Result<std::shared_ptr<End>> End::make(std::shared_ptr<const EndKind> kind, os::Fd socket, std::shared_ptr<Held> held,
                                       Events events) {
  auto end = std::make_shared<End>(std::move(kind), std::move(events));
  const auto weak = end->weak_from_this();
  Stream::Events told{[weak](Data body) {
                        const auto still = weak.lock();
                        return still ? still->take(std::move(body)) : Result<void>();
                      },
                      [weak](const Error& why) {
                        const auto still = weak.lock();
                        if (!still) return;
                        still->close();
                        still->events_.ended(why);
                      }};
  end->stream_ = REEVE_TRY(Stream::make(end->kind_->loop, std::move(socket), end->kind_->limits, end->kind_->holding,
                                        std::move(held), std::move(told)));
  return end;
}

void End::send(Letter letter, SocketSent then) {
  auto body = encode(std::move(letter), kind_->own);
  if (!body) return tell_later(kind_->loop, std::move(then), std::unexpected(std::move(body).error()));
  stream_->send(std::move(*body), std::move(then));
}

void End::send(SocketMessage message, SocketSent then) { send(Letter{std::move(message)}, std::move(then)); }

// One that cannot be sent is not waited for.
void End::send_acknowledged(SocketMessage message, SocketSent then) {
  if (unacknowledged_.size() >= kind_->limits.unsent_messages) {
    return tell_later(kind_->loop, std::move(then),
                      fail(Kind::busy, code::kQueueFull, "the other end acknowledges nothing", "wait until it does"));
  }
  const std::uint64_t number = next_++;
  unacknowledged_.emplace(number, std::move(then));
  send(Letter{std::move(message), number}, [weak = weak_from_this(), number](const Result<void>& sent) {
    const auto still = weak.lock();
    if (!sent && still) still->tell_acknowledged(number, sent);
  });
}

void End::tell_acknowledged(std::uint64_t number, const Result<void>& outcome) {
  const auto waiting = unacknowledged_.extract(number);
  if (!waiting.empty() && waiting.mapped()) call([&] { waiting.mapped()(outcome); });
}

Result<void> End::take(Data body) {
  Letter letter = REEVE_TRY(decode(std::move(body), kind_->allowed));
  if (letter.acknowledged && letter.message.name.empty()) {
    tell_acknowledged(*letter.acknowledged, {});
    return {};
  }
  events_.received(std::move(letter.message));
  if (!letter.acknowledge || !stream_->is_open()) return {};
  if (stream_->owes_too_much()) {
    return fail(Kind::busy, code::kQueueFull, "the other end does not read what it asked to be told", "have it read");
  }
  stream_->send(REEVE_TRY(encode(Letter{{}, {}, letter.acknowledge}, kind_->own)), {}, Stream::Owed::yes);
  return {};
}

void End::close() {
  stream_->close();
  for (auto& [number, then] : std::exchange(unacknowledged_, {})) {
    tell_later(kind_->loop, std::move(then), not_connected());
  }
}

}  // namespace reeve::bsd
