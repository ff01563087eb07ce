#include "remote_port.hpp"

#include <map>

#include "../bootstrap/broker.hpp"
#include "../connection/listener.hpp"

namespace reeve::message_port {
namespace {

constexpr std::chrono::hours kForEver{240};  // CFMessagePort's: more than that is no limit.

CallOptions options_of(const PortTimes& times) {
  const auto limit = [](const std::optional<std::chrono::nanoseconds>& time) {
    if (!time || *time >= kForEver) return std::optional<std::chrono::nanoseconds>();
    return std::optional(std::max(*time, std::chrono::nanoseconds(0)));
  };
  return {.timeout = limit(times.receive), .send_timeout = limit(times.send)};
}

std::unexpected<Error> invalid() {
  return fail(Kind::gone, code::kPortInvalid, "the message port is invalid", "make another for its name");
}

Result<Data> data_of(const wire::Body& reply) {
  const auto found = reply.root().find("data");
  if (auto data = found ? found->get<Data>() : std::nullopt) return std::move(*data);
  return fail(Kind::invalid, code::kWrongType, "what came is no reply of a message port", "see what serves the name");
}

// A channel that is there: once used up, there is no other.
class OverDialed final : public connection::Dialer {
 public:
  explicit OverDialed(connection::Dialed dialed) : dialed_(std::move(dialed)) {}
  Result<connection::Dialed> dial(const os::Deadline&) override {
    if (!dialed_) return fail(Kind::gone, code::kClosed, "the port has ended", "make another for its name");
    auto dialed = std::move(*dialed_);
    dialed_.reset();
    return dialed;
  }
  bool is_used_up() const override { return !dialed_; }

 private:
  std::optional<connection::Dialed> dialed_;
};

// Ten days are for ever.
std::chrono::nanoseconds wait_of(const RemotePortOptions& options) {
  return std::clamp<std::chrono::nanoseconds>(options.wait, std::chrono::nanoseconds(0), kForEver);
}

contract::LookUp look_up_of(const std::string& name, const RemotePortOptions& options) {
  const auto wait_ms = std::chrono::ceil<std::chrono::milliseconds>(wait_of(options)).count();
  return {name, 0, options.required, static_cast<std::uint64_t>(wait_ms)};
}

// A wait that has ended in vain leaves no more than that nobody has the name.
Error not_there(const std::string& name, Error error) {
  if (error.kind != Kind::timeout) return error;
  return {Kind::denied, code::kUnknownService, "nobody has the port " + name + " by now",
          "wait longer, or find out why its program does not run"};
}

Result<void> check(const RemotePortOptions& options) {
  if (!options.handler || options.loop.get()) return {};
  return fail(Kind::invalid, code::kNoLoop, "a port that takes messages needs a loop to take them on", "give it one");
}

}  // namespace

struct RemotePort::State {
  State(connection::Dialed dialed, std::string its_name, const os::Loop::Reference& own_loop, const quota::Amount& held)
      : name(std::move(its_name)),
        loop(own_loop),
        connection(std::make_shared<connection::Connection>(std::make_unique<OverDialed>(std::move(dialed)), own_loop,
                                                            held)) {}

  // Ports that any of a thread's may share, by their names.
  static std::map<std::string, std::weak_ptr<State>>& shared() {
    static thread_local std::map<std::string, std::weak_ptr<State>> all;
    return all;
  }

  bool is_valid() {
    const auto looked_at = connection;
    if (looked_at && !looked_at->is_connected()) end();
    return connection != nullptr;
  }

  // Those who wait for replies still are told.
  void end() {
    if (!connection) return;
    strays = connection->stray_answers();
    std::exchange(connection, {})->cancel();
    if (taker) taker->is_over = true;
    listener.reset();
    if (const auto told = std::exchange(ended, {})) told();
  }

  // What a call came to, which may be that the other side is no more.
  Error outcome(const Error& error) {
    const bool is_end =
        error.kind == Kind::interrupted || error.code == code::kClosed || error.code == code::kPortEnded;
    if (!is_end) return error;
    end();
    return {Kind::gone, code::kPortEnded, "whoever had the message port has ended, or has given it up",
            "make another for its name; what was sent may have been taken up"};
  }

  std::string name;
  os::Loop::Reference loop;
  std::shared_ptr<connection::Connection> connection;  // while it is valid; calls have a share
  std::shared_ptr<Taker> taker;                        // of what the other side sends by itself
  std::optional<connection::Listener> listener;
  std::function<void()> ended;
  std::uint64_t strays = 0;
};

Result<RemotePort> RemotePort::over(connection::Dialed dialed, std::string name, RemotePortOptions options,
                                    const quota::Amount& held) {
  auto state = std::make_shared<State>(std::move(dialed), std::move(name), options.loop, held);
  const auto loop = options.loop.get();
  REEVE_TRY(state->connection->connect());
  if (loop) {
    REEVE_TRY(state->connection->on_end([weak = std::weak_ptr(state)](const Error&) {
      if (const auto still = weak.lock()) still->end();
    }));
  }
  if (options.handler) {
    state->taker = std::make_shared<Taker>(std::move(options.handler));
    state->listener.emplace(*loop, Sender::taking_up(state->taker, options.loop));
    Object right(REEVE_TRY(state->listener->right()));
    REEVE_TRY(state->connection->post(Dictionary{{"port", std::move(right)}}));
  }
  return RemotePort(std::move(state));
}

Result<RemotePort> RemotePort::over(const Right& right, RemotePortOptions options) {
  REEVE_TRY(check(options));
  auto dialed = REEVE_TRY(connection::dialer_over(right)->dial({}));
  return over(std::move(dialed), {}, std::move(options), connection::kHeldOfOne);
}

Result<RemotePort> RemotePort::to_sender(const Right& right, const os::Loop::Reference& loop) {
  auto dialed = REEVE_TRY(connection::dialer_over(right)->dial({}));
  return over(std::move(dialed), {}, {.loop = loop}, connection::kHeldOfStranger);
}

Result<RemotePort> RemotePort::make(std::string name, RemotePortOptions options) {
  REEVE_TRY(check(options));
  const bool may_share = !options.handler && options.required.empty();
  const auto loop = options.loop.get();
  if (const auto known = State::shared().find(name); may_share && known != State::shared().end()) {
    const auto state = known->second.lock();
    if (state && state->loop.get() == loop && state->is_valid()) return RemotePort(state);
  }
  const os::Deadline deadline = options.wait.count() > 0 ? os::Deadline(os::now() + wait_of(options)) : std::nullopt;
  auto dialed = bootstrap::dialer_to(look_up_of(name, options))->dial(deadline);
  if (!dialed) return std::unexpected(not_there(name, std::move(dialed).error()));
  auto port = REEVE_TRY(over(std::move(*dialed), name, std::move(options), connection::kHeldOfOne));
  if (may_share) {
    std::erase_if(State::shared(), [](const auto& known) { return known.second.expired(); });
    State::shared()[std::move(name)] = port.state_;
  }
  return port;
}

connection::Task<RemotePort> RemotePort::make_later(std::string name, RemotePortOptions options) {
  if (const auto good = check(options); !good) co_return std::unexpected(good.error());
  auto loop = options.loop.get();
  if (!loop) {
    co_return fail(Kind::invalid, code::kNoLoop, "nobody would tell that the port is there", "give it a loop");
  }
  const auto given = std::make_shared<connection::Promise<connection::Dialed>>();
  const auto tell = [given](Result<connection::Dialed> dialed) { (void)given->set(std::move(dialed)); };
  const auto dialer = bootstrap::dialer_to(look_up_of(name, options));
  const auto dialing = dialer->dial_later(options.loop, tell);
  os::Loop::Timer late;
  if (options.wait.count() > 0) {
    late = loop->at(os::now() + wait_of(options), [tell] { tell(fail(Kind::timeout, code::kTimedOut, "")); });
  }
  auto dialed = co_await given->value();
  if (!dialed) co_return std::unexpected(not_there(name, std::move(dialed).error()));
  co_return over(std::move(*dialed), std::move(name), std::move(options), connection::kHeldOfOne);
}

const std::string& RemotePort::name() const { return state_->name; }

Result<void> RemotePort::send(std::int32_t id, Data data, PortTimes times) {
  const auto connection = state_->connection;
  if (!connection) return invalid();
  const auto state = state_;
  const auto sent = connection->post(Letter(id, std::move(data)), options_of({times.send, {}}));
  if (!sent) return std::unexpected(state->outcome(sent.error()));
  return {};
}

Result<Data> RemotePort::request(std::int32_t id, Data data, PortTimes times) {
  const auto connection = state_->connection;
  if (!connection) return invalid();
  const auto state = state_;
  auto reply = connection->exchange(Letter(id, std::move(data)), options_of(times));
  if (!reply) return std::unexpected(state->outcome(reply.error()));
  return data_of(*reply);
}

// The port may be gone before it begins.
connection::Task<Data> RemotePort::async_request(std::int32_t id, Data data, PortTimes times) {
  return request_of(state_, id, std::move(data), times);
}

connection::Task<Data> RemotePort::request_of(std::shared_ptr<State> state, std::int32_t id, Data data,
                                              PortTimes times) {
  if (!state->connection) co_return invalid();
  auto exchange = state->connection->async_kept(Letter(id, std::move(data)), options_of(times));
  auto reply = co_await exchange;
  if (!reply) co_return std::unexpected(state->outcome(reply.error()));
  co_return data_of(*reply);
}

Result<Peer> RemotePort::peer(PortTimes times) {
  const auto connection = state_->connection;
  if (!connection) return invalid();
  const auto state = state_;
  auto peer = connection->peer(options_of(times));
  if (!peer) return std::unexpected(state->outcome(peer.error()));
  return peer;
}

// Whoever is told may let go of this.
bool RemotePort::is_valid() const {
  const auto state = state_;
  return state->is_valid();
}

void RemotePort::invalidate() {
  const auto state = state_;
  state->end();
}

void RemotePort::on_invalidation(std::function<void()> call) {
  const auto state = state_;
  if (!state->is_valid()) return call();
  state->ended = std::move(call);
}

std::uint64_t RemotePort::stray_replies() const {
  return state_->connection ? state_->connection->stray_answers() : state_->strays;
}

}  // namespace reeve::message_port
