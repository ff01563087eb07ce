// The two front doors: connect to a service by name, and be one.
#pragma once

#include <string>
#include <utility>

#include "../connection/listener.hpp"
#include "../connection/runtime.hpp"
#include "broker.hpp"
#include "kept_broker.hpp"
#include "service.hpp"

namespace reeve {

using contract::NameState;

/// Which of those who serve a name is meant, and what whoever does must be.
struct ConnectOptions {
  /// A process that serves the name for whoever names it too (see serve_here); 0: whoever serves it for everybody.
  std::int32_t pid = 0;
  /// What the service must meet: `team:…`, `preset:parser`, `identifier:…` and the like (policy/requirement.hpp). The
  /// broker holds every channel of the connection to it, before the service is given anything that was sent. Errors of
  /// calls: denied (not-met) where it does not. Empty: nothing.
  std::string required{};
  /// Where nobody offers the name yet, whether the first call waits until somebody does, or its time is over.
  bool waits = false;
  /// Where calls that do not block have their outcomes from. None: such calls are refused.
  Loop::Reference loop{};
};

/// A connection to the service of that name. Nothing is started or sent before the first call; a broker is started
/// where none runs. Threads: one owner.
inline Connection open_connection(std::string name, ConnectOptions options = {}) {
  return Connection(bootstrap::dialer_to(contract::LookUp{std::move(name), options.pid, std::move(options.required),
                                                          options.waits ? contract::kWaitMsMax : 0}),
                    std::move(options.loop));
}

/// A connection over a right that another process made by Connection::introduce and sent here. It is worth no more than
/// who gave it, and when it ends there is no other.
inline Connection open_connection(const Right& right, Loop::Reference loop = {}) {
  return Connection(connection::dialer_over(right), std::move(loop));
}

/// A connection to whoever gave out the endpoint, which the broker exchanges for a fresh channel. Once the giver has
/// ended it leads nowhere: gone.
inline Connection open_connection(const Endpoint& endpoint, ConnectOptions options = {}) {
  return Connection(bootstrap::dialer_to(contract::Redeem{endpoint, std::move(options.required)}),
                    std::move(options.loop));
}

/// The service of that name as its interface.
template <class Interface>
Proxy<Interface> connect(std::string name, ConnectOptions options = {}) {
  return Proxy<Interface>(open_connection(std::move(name), std::move(options)));
}

/// Serves `name` with the implementation until the broker stops the process: the last statement of main.
/// Construct the implementation with all that it will ever open: once it serves, a confined process opens nothing.
/// An implementation with a member `void started(const Endpoint& own)` is told the endpoint that leads to this process:
/// it may hand it to whom it likes, who can then connect to it and to no other instance.
template <class Interface, class Implementation>
int serve(std::string name, Implementation implementation, OfferOptions options = {}) {
  return bootstrap::serve_alone(std::move(name), Service::offer_of<Interface>(implementation, std::move(options)));
}

/// Serves `name` from a process that nobody started for it, under a name that is this process's alone: clients say its
/// pid too. Blocks until the process is asked to stop.
template <class Interface, class Implementation>
int serve_here(std::string name, Implementation implementation) {
  return bootstrap::serve_alone(std::move(name),
                                Service::offer_of<Interface>(implementation, {.from = NameFrom::process}));
}

/// Serves `name` with a function of dictionaries. It answers at once, as
/// `Result<Dictionary> handler(const Peer& peer, const Dictionary& message)`; or when it likes, as
/// `void handler(Request request, const Dictionary& message)`.
template <class Handler>
int serve_messages(std::string name, Handler handler, OfferOptions options = {}) {
  bootstrap::Offer what;
  what.options = std::move(options);
  what.handler = [&handler](const wire::DictionaryView& message, Request request) {
    if constexpr (std::is_invocable_v<Handler&, Request, Dictionary>) {
      (void)connection::guarded([&]() -> Result<void> {
        handler(std::move(request), message.object());
        return {};
      });
    } else {
      (void)request.answer(connection::guarded(
          [&]() -> Result<Dictionary> { return handler(request.caller().peer(), message.object()); }));
    }
  };
  return bootstrap::serve_alone(std::move(name), std::move(what));
}

/// Whether anybody offers the name: it is served now, a look-up would start it, or its job may not be started.
/// Starts nothing. Errors: unknown-service where nobody does, or not to this caller.
inline Result<NameState> status(const std::string& name) { return bootstrap::Broker().status(name); }

}  // namespace reeve
