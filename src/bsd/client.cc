#include "client.hpp"

#include "call.hpp"
#include "end.hpp"

namespace reeve::bsd {

class SocketClient::Running : public std::enable_shared_from_this<Running> {
 public:
  Running(const os::Loop& loop, SocketAddress address, SocketClientEvents events, archive::Allowed allowed,
          SocketLimits limits)
      : address_(std::move(address)),
        events_(std::move(events)),
        kind_(std::make_shared<EndKind>(loop, limits, with_own_classes(std::move(allowed)))) {}

  Result<void> start() {
    if (end_)
      return fail(Kind::invalid, code::kServiceActive, "the client is connected already", "invalidate it first");
    os::Fd socket = REEVE_TRY(connect_to(address_));
    server_ = REEVE_TRY(process_at_other_end(socket));
    kind_->own = own_process();
    const std::weak_ptr<Running> weak = weak_from_this();
    end_ = REEVE_TRY(End::make(kind_, std::move(socket), std::make_shared<Held>(),
                               {[weak](SocketMessage message) {
                                  const auto self = weak.lock();
                                  if (self) self->take(std::move(message));
                                },
                                [weak](const Error& why) {
                                  if (const auto self = weak.lock()) self->lose(why);
                                }}));
    return {};
  }

  void drop() {
    if (const auto end = std::exchange(end_, {})) end->close();
  }
  void invalidate() {
    if (!end_) return;
    drop();
    kind_->loop.post([weak = weak_from_this()] {
      if (const auto self = weak.lock()) self->tell_invalidated();
    });
  }
  // Its owner has gone: nothing is told any more.
  void let_go() {
    is_let_go_ = true;
    drop();
  }

  const std::shared_ptr<End>& end() const { return end_; }
  const ProcessInfo& server() const { return server_; }
  const os::Loop& loop() const { return kind_->loop; }

 private:
  void take(SocketMessage message) {
    tell([&] { events_.received(std::move(message)); }, events_.received != nullptr);
  }
  void lose(const Error& why) {
    if (!std::exchange(end_, {})) return;
    tell([&] { events_.failed(why); }, is_fault(why) && events_.failed);
    tell_invalidated();
  }
  void tell_invalidated() const {
    tell([&] { events_.invalidated(); }, events_.invalidated != nullptr);
  }
  // Whoever is told may let go of it all.
  void tell(const std::function<void()>& what, bool is_wanted) const {
    if (is_wanted && !is_let_go_) call(what);
  }

  SocketAddress address_;
  SocketClientEvents events_;
  std::shared_ptr<EndKind> kind_;
  std::shared_ptr<End> end_;  // while it is valid
  ProcessInfo server_;
  bool is_let_go_ = false;
};

SocketClient::SocketClient(const os::Loop& loop, SocketAddress address, SocketClientEvents events,
                           archive::Allowed allowed, SocketLimits limits)
    : running_(std::make_shared<Running>(loop, std::move(address), std::move(events), std::move(allowed), limits)) {}

SocketClient& SocketClient::operator=(SocketClient&& other) noexcept {
  std::swap(running_, other.running_);
  return *this;
}

SocketClient::~SocketClient() {
  if (running_) running_->let_go();
}

Result<void> SocketClient::start() { return running_->start(); }
void SocketClient::invalidate() { running_->invalidate(); }
bool SocketClient::is_valid() const { return running_->end() != nullptr; }

Result<ProcessInfo> SocketClient::server() const {
  if (!running_->end()) return not_connected();
  return running_->server();
}

void SocketClient::send(SocketMessage message, SocketSent then) {
  const auto end = running_->end();
  if (!end) return tell_later(running_->loop(), std::move(then), not_connected());
  end->send(std::move(message), std::move(then));
}

void SocketClient::send_acknowledged(SocketMessage message, SocketSent then) {
  const auto end = running_->end();
  if (!end) return tell_later(running_->loop(), std::move(then), not_connected());
  end->send_acknowledged(std::move(message), std::move(then));
}

}  // namespace reeve::bsd
