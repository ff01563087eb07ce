// The two front doors: connect to a service by name, and be one.
#pragma once

#include <string>
#include <utility>

#include "../connection/typed.hpp"
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
};

/// A connection to the service of that name. Nothing is started or sent before the first call; a broker is started
/// where none runs. Threads: one owner.
inline Connection open_connection(std::string name, ConnectOptions options = {}) {
  return Connection(bootstrap::dialer_to(contract::LookUp{std::move(name), options.pid, std::move(options.required)}));
}

/// A connection over a right that another process made by Connection::introduce and sent here. It is worth no more than
/// who gave it, and when it ends there is no other.
inline Connection open_connection(const Right& right) { return Connection(connection::dialer_over(right)); }

/// A connection to whoever gave out the endpoint, which the broker exchanges for a fresh channel. Once the giver has
/// ended it leads nowhere: gone.
inline Connection open_connection(const Endpoint& endpoint, ConnectOptions options = {}) {
  return Connection(bootstrap::dialer_to(contract::Redeem{endpoint, std::move(options.required)}));
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

/// Serves `name` with a function that answers dictionaries with dictionaries.
template <class Handler>
int serve_messages(std::string name, Handler handler, OfferOptions options = {}) {
  return bootstrap::serve_alone(std::move(name), {[&](const Peer& peer, const wire::DictionaryView& request) {
                                                    return handler(peer, request.object());
                                                  },
                                                  {},
                                                  std::move(options)});
}

/// Whether anybody offers the name: it is served now, a look-up would start it, or its job may not be started.
/// Starts nothing. Errors: unknown-service where nobody does, or not to this caller.
inline Result<NameState> status(const std::string& name) { return bootstrap::Broker().status(name); }

}  // namespace reeve
