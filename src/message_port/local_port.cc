#include "local_port.hpp"

#include <map>

#include "../connection/server.hpp"
#include "../vocab/name.hpp"
#include "names.hpp"

namespace reeve::message_port {

struct LocalPort::State {
  // A server may not end while a handler of its runs.
  struct Serving {
    Serving(const os::Loop& own, PortHandler handler)
        : loop(own), server(loop), taker(std::make_shared<Taker>(std::move(handler))) {}
    os::Loop loop;
    connection::Server server;
    std::shared_ptr<Taker> taker;
  };

  State(const os::Loop& loop, std::string own_name, PortHandler handler)
      : name(std::move(own_name)), serving(std::make_shared<Serving>(loop, std::move(handler))) {}
  ~State() { end(); }

  // A thread's, by their names.
  static std::map<std::string, std::weak_ptr<State>>& all() {
    static thread_local std::map<std::string, std::weak_ptr<State>> ports;
    return ports;
  }

  void admit(bootstrap::Arrival arrival) const {
    auto handler = std::make_shared<const connection::Handler>(Sender::taking_up(serving->taker, serving->loop));
    (void)serving->server.add(std::move(arrival.channel), std::move(arrival.peer), arrival.record, std::move(handler));
  }

  void end() {
    if (!serving) return;
    const auto last = std::exchange(serving, {});
    last->taker->is_over = true;
    // In whichever callback: those that are told that a request is given up are the server's own, too.
    if (last->server.is_at_work() || os::Loop::running()) last->loop.post([last] {});
    if (names) names->give_up(name);
    names.reset();
    if (const auto told = std::exchange(ended, {})) told();
  }

  std::string name;
  std::shared_ptr<Serving> serving;  // while it is valid
  std::shared_ptr<Names> names;
  std::function<void()> ended;
};

Result<LocalPort> LocalPort::make_of(const os::Loop& loop, std::string name, PortHandler handler,
                                     LocalPortOptions options) {
  if (const auto known = State::all().find(name); known != State::all().end()) {
    const auto state = known->second.lock();
    if (state && state->serving && state->serving->loop == loop) return LocalPort(state);
  }
  REEVE_TRY(vocab::check_name(name));
  auto state = std::make_shared<State>(loop, name, std::move(handler));
  auto names = REEVE_TRY(Names::on(loop));
  const std::weak_ptr<State> weak = state;
  REEVE_TRY(names->take(name, options.callers,
                        {[weak](bootstrap::Arrival arrival) {
                           if (const auto still = weak.lock(); still && still->serving)
                             still->admit(std::move(arrival));
                         },
                         [weak] {
                           if (const auto still = weak.lock()) still->end();
                         }}));
  state->names = std::move(names);
  std::erase_if(State::all(), [](const auto& known) { return known.second.expired(); });
  State::all()[std::move(name)] = state;
  LocalPort port(std::move(state));
  port.took_handler_ = true;
  return port;
}

const std::string& LocalPort::name() const { return state_->name; }

bool LocalPort::is_valid() const { return state_->serving != nullptr; }

void LocalPort::invalidate() { state_->end(); }

void LocalPort::on_invalidation(std::function<void()> call) {
  if (!is_valid()) return call();
  state_->ended = std::move(call);
}

bootstrap::Offer offer_of_port(const PortHandler& handler, bootstrap::OfferOptions options) {
  bootstrap::Offer what;
  what.accept = [taker = std::make_shared<const Taker>(handler)](const Peer&) -> Result<connection::Handler> {
    const auto loop = os::Loop::running();
    return Sender::taking_up(taker, loop ? os::Loop::Reference(*loop) : os::Loop::Reference());
  };
  what.options = std::move(options);
  return what;
}

}  // namespace reeve::message_port
