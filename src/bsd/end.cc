#include "end.hpp"

namespace reeve::bsd {

void tell_later(os::Loop loop, SocketSent then, Result<void> outcome) {
  if (then) loop.post([then = std::move(then), outcome = std::move(outcome)] { then(outcome); });
}

std::unexpected<Error> not_connected() {
  return fail(Kind::gone, code::kClosed, "the other end has gone, or was never there", "connect again");
}

Result<std::shared_ptr<End>> End::make(std::shared_ptr<const EndKind> kind, os::Fd socket, Events events) {
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
  end->stream_ = REEVE_TRY(
      Stream::make(end->kind_->loop, std::move(socket), end->kind_->limits, end->kind_->holding, std::move(told)));
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
  const std::uint64_t number = next_++;
  unacknowledged_.emplace(number, std::move(then));
  send(Letter{std::move(message), number}, [weak = weak_from_this(), number](const Result<void>& sent) {
    const auto still = weak.lock();
    if (sent || !still) return;
    const auto waiting = still->unacknowledged_.extract(number);
    if (!waiting.empty() && waiting.mapped()) waiting.mapped()(sent);
  });
}

Result<void> End::take(Data body) {
  Letter letter = REEVE_TRY(decode(std::move(body), kind_->allowed));
  if (letter.acknowledged) {
    const auto waiting = unacknowledged_.extract(*letter.acknowledged);
    if (!waiting.empty() && waiting.mapped()) waiting.mapped()({});
    return {};
  }
  events_.received(std::move(letter.message));
  if (letter.acknowledge && stream_->is_open()) send(Letter{{}, {}, letter.acknowledge}, {});
  return {};
}

void End::close() {
  stream_->close();
  for (auto& [number, then] : std::exchange(unacknowledged_, {})) {
    tell_later(kind_->loop, std::move(then), not_connected());
  }
}

}  // namespace reeve::bsd
