#include "listener.hpp"

namespace reeve::connection {

Listener& Listener::operator=(Listener&& other) noexcept {
  std::swap(own_, other.own_);
  return *this;
}

Listener::~Listener() {
  // In whichever callback: those that are told that a request is given up are the server's own, too.
  if (own_ && (own_->server.is_at_work() || os::Loop::running())) own_->loop.post([own = own_] {});
}

Result<Right> Listener::right() {
  auto [ours, theirs] = REEVE_TRY(os::channel_pair());
  Peer peer;
  peer.trust = PeerClass::introduced;
  REEVE_TRY(own_->server.add(channel::Channel(std::move(ours)), std::move(peer), {}, own_->handler));
  return Right{std::make_shared<const os::Fd>(std::move(theirs)), object::RightKind::send};
}

}  // namespace reeve::connection
