#include "connection.hpp"

namespace reeve::connection {
namespace {

class OnceDialer : public Dialer {
 public:
  explicit OnceDialer(const object::Right& right) : right_(right) {}
  Result<Dialed> dial(const os::Deadline&) override {
    if (!right_.end || right_.kind != object::RightKind::send) {
      return fail(Kind::gone, code::kClosed, "the right to send is used up", "ask whoever gave it for another");
    }
    auto end = REEVE_TRY(right_.end->duplicate());
    right_.end.reset();
    Peer peer;
    peer.trust = PeerClass::introduced;
    return Dialed{channel::Channel(std::move(end)), std::move(peer)};
  }
  bool is_used_up() const override { return !right_.end; }

 private:
  object::Right right_;
};

// One that need not wait.
struct AtOnce final : Dialing {
  os::Loop::Timer timer;
};

}  // namespace

std::unique_ptr<Dialing> Dialer::dial_later(const os::Loop::Reference& loop, std::function<void(Result<Dialed>)> then) {
  auto dialing = std::make_unique<AtOnce>();
  if (auto there = loop.get())
    dialing->timer = there->at(os::now(), [this, then = std::move(then)] { then(dial({})); });
  return dialing;
}

std::unique_ptr<Dialer> dialer_over(const object::Right& right) { return std::make_unique<OnceDialer>(right); }

Result<Dictionary> Connection::call(const Dictionary& request, CallOptions options) {
  const wire::Body body = REEVE_TRY(exchange(request, options));
  return body.root().object();
}

}  // namespace reeve::connection
