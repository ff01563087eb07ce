#include "server.hpp"

#include <algorithm>
#include <map>

#include "../vocab/bounds.hpp"
#include "call.hpp"
#include "end.hpp"

namespace reeve::bsd {

class SocketServer::Running : public std::enable_shared_from_this<Running> {
  struct Client {
    SocketPeer peer;
    std::shared_ptr<End> end;
    std::shared_ptr<Held> held;
  };

 public:
  Running(const os::Loop& loop, SocketAddress address, SocketServerEvents events, archive::Allowed allowed,
          SocketLimits limits)
      : address_(std::move(address)),
        events_(std::move(events)),
        kind_(std::make_shared<EndKind>(loop, limits, with_own_classes(std::move(allowed)))) {}

  Result<void> start() {
    if (place_) return fail(Kind::invalid, code::kServiceActive, "the server listens already", "invalidate it first");
    Place place = REEVE_TRY(Place::take(address_));
    place.tell(kind_->allowed.names());
    kind_->own = own_process();
    place_.emplace(std::move(place));
    if (auto watched = listen(); !watched) {
      place_.reset();
      return watched;
    }
    return {};
  }

  // All that is told is told when this is done, of what was.
  void invalidate() {
    if (!place_) return;
    later([gone = drop_all()](Running& self) {
      for (const SocketPeer& peer : gone) self.tell_left(peer);
      self.tell([&] { self.events_.invalidated(); }, self.events_.invalidated != nullptr);
    });
  }

  std::vector<SocketPeer> drop_all() {
    watch_.drop();
    pause_.drop();
    place_.reset();
    ++session_;
    std::vector<SocketPeer> gone;
    for (auto& [number, client] : std::exchange(clients_, {})) {
      gone.push_back(client.peer);
      client.end->close();
    }
    return gone;
  }

  // Its owner has gone: nothing is told any more.
  void let_go() {
    is_let_go_ = true;
    (void)drop_all();
  }

  bool is_valid() const { return place_.has_value(); }

  std::vector<SocketPeer> clients() const {
    std::vector<SocketPeer> all;
    for (const auto& [number, client] : clients_) all.push_back(client.peer);
    return all;
  }

  std::shared_ptr<End> end_of(const SocketPeer& peer) const {
    const auto found = clients_.find(peer.number);
    return found == clients_.end() ? nullptr : found->second.end;
  }

  void broadcast(SocketMessage message, std::function<void(const Result<std::size_t>&)> then) {
    const auto body = encode(Letter{std::move(message)}, kind_->own);
    if (!body) {
      if (then) kind_->loop.post([then, why = body.error()] { call([&] { then(std::unexpected(why)); }); });
      return;
    }
    // Whoever lets go of it last tells.
    struct Count {
      Count(os::Loop l, std::function<void(const Result<std::size_t>&)> t) : loop(std::move(l)), then(std::move(t)) {}
      Count(const Count&) = delete;
      Count& operator=(const Count&) = delete;
      ~Count() {
        if (then) loop.post([then = std::move(then), sent = sent] { call([&] { then(sent); }); });
      }
      os::Loop loop;
      std::function<void(const Result<std::size_t>&)> then;
      std::size_t sent = 0;
    };
    const auto count = std::make_shared<Count>(kind_->loop, std::move(then));
    for (const auto& [number, client] : clients_) {
      client.end->send_encoded(*body, [count](const Result<void>& sent) { count->sent += sent ? 1 : 0; });
    }
  }

  void disconnect(const SocketPeer& who) {
    const auto client = clients_.extract(who.number);
    if (client.empty()) return;
    client.mapped().end->close();
    later([peer = client.mapped().peer](Running& self) { self.tell_left(peer); });
  }

  const os::Loop& loop() const { return kind_->loop; }

 private:
  Result<void> listen() {
    watch_ = REEVE_TRY(kind_->loop.watch(place_->listener(), {.readable = true}, [this](os::Ready) {
      const auto self = shared_from_this();
      accept_some();
    }));
    return {};
  }

  // Where no descriptor is left for one more, others are served meanwhile.
  void accept_some() {
    for (std::size_t i = 0; i < kPacketsPerTurn && place_; ++i) {
      auto socket = os::accept_from(place_->listener(), os::SocketKind::stream);
      if (!socket) return listen_later();
      if (!*socket) return;
      admit(std::move(**socket));
    }
  }
  void listen_later() {
    watch_.drop();
    pause_ = kind_->loop.at(os::now() + kSocketAcceptPause, [this] {
      if (!listen()) listen_later();
    });
  }

  static bool is_same(const ProcessInfo& one, const ProcessInfo& other) {
    return one.process == other.process && one.pid == other.pid && one.uid == other.uid;
  }
  bool has_room_for(const ProcessInfo& who) const {
    const auto is_theirs = [&](const auto& client) { return is_same(client.second.peer.process, who); };
    const auto theirs = static_cast<std::size_t>(std::ranges::count_if(clients_, is_theirs));
    return clients_.size() < kind_->limits.clients && theirs < kind_->limits.clients_of_one_process;
  }
  // What all clients of one process hold together.
  std::shared_ptr<Held> held_by(const ProcessInfo& who) const {
    for (const auto& [number, client] : clients_) {
      if (is_same(client.peer.process, who)) return client.held;
    }
    return std::make_shared<Held>();
  }

  // One that is refused finds its connection closed.
  void admit(os::Fd socket) {
    auto who = process_at_other_end(socket);
    if (!who || !has_room_for(*who)) return;
    const std::uint64_t session = session_;
    bool is_welcome = true;
    tell([&] { is_welcome = events_.accept(*who); }, events_.accept != nullptr);
    if (!is_welcome || session != session_) return;  // Or the one that was asked has thought better of it all.
    const SocketPeer peer{next_++, std::move(*who)};
    auto held = held_by(peer.process);
    const std::weak_ptr<Running> weak = weak_from_this();
    auto end = End::make(kind_, std::move(socket), held,
                         {[weak, peer](SocketMessage message) {
                            if (const auto self = weak.lock()) self->take(std::move(message), peer);
                          },
                          [weak, peer](const Error& why) {
                            if (const auto self = weak.lock()) self->lose(peer, why);
                          }});
    if (!end) return tell_left(peer);
    clients_.emplace(peer.number, Client{peer, std::move(*end), std::move(held)});
  }

  void take(SocketMessage message, const SocketPeer& from) {
    tell([&] { events_.received(std::move(message), from); }, events_.received != nullptr);
  }
  void lose(const SocketPeer& peer, const Error& why) {
    if (clients_.erase(peer.number) == 0) return;
    tell([&] { events_.failed(why, peer); }, is_fault(why) && events_.failed);
    tell_left(peer);
  }
  void tell_left(const SocketPeer& peer) {
    tell([&] { events_.left(peer); }, events_.left != nullptr);
  }
  // Whoever is told may let go of it all.
  void tell(const std::function<void()>& what, bool is_wanted) const {
    if (is_wanted && !is_let_go_) call(what);
  }
  template <class Then>
  void later(Then then) {
    kind_->loop.post([weak = weak_from_this(), then = std::move(then)] {
      if (const auto self = weak.lock()) then(*self);
    });
  }

  SocketAddress address_;
  SocketServerEvents events_;
  std::shared_ptr<EndKind> kind_;
  std::optional<Place> place_;  // while it is valid
  os::Loop::Watch watch_;
  os::Loop::Timer pause_;
  std::map<std::uint64_t, Client> clients_;
  std::uint64_t next_ = 1;
  std::uint64_t session_ = 0;  // how often it has been invalidated
  bool is_let_go_ = false;
};

SocketServer::SocketServer(const os::Loop& loop, SocketAddress address, SocketServerEvents events,
                           archive::Allowed allowed, SocketLimits limits)
    : running_(std::make_shared<Running>(loop, std::move(address), std::move(events), std::move(allowed), limits)) {}

SocketServer& SocketServer::operator=(SocketServer&& other) noexcept {
  std::swap(running_, other.running_);
  return *this;
}

SocketServer::~SocketServer() {
  if (running_) running_->let_go();
}

Result<void> SocketServer::start() { return running_->start(); }
void SocketServer::invalidate() { running_->invalidate(); }
bool SocketServer::is_valid() const { return running_->is_valid(); }
std::vector<SocketPeer> SocketServer::clients() const { return running_->clients(); }
void SocketServer::disconnect(const SocketPeer& who) { running_->disconnect(who); }

void SocketServer::send(SocketMessage message, const SocketPeer& to, SocketSent then) {
  const auto end = running_->end_of(to);
  if (!end) return tell_later(running_->loop(), std::move(then), not_connected());
  end->send(std::move(message), std::move(then));
}

void SocketServer::send_acknowledged(SocketMessage message, const SocketPeer& to, SocketSent then) {
  const auto end = running_->end_of(to);
  if (!end) return tell_later(running_->loop(), std::move(then), not_connected());
  end->send_acknowledged(std::move(message), std::move(then));
}

void SocketServer::broadcast(SocketMessage message, std::function<void(const Result<std::size_t>& count)> then) {
  running_->broadcast(std::move(message), std::move(then));
}

}  // namespace reeve::bsd
