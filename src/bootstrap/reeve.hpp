// The two front doors: connect to a service by name, and be one.
#pragma once

#include <string>
#include <utility>

#include "../connection/typed.hpp"
#include "broker.hpp"
#include "service.hpp"

namespace reeve {

using contract::NameState;

/// A connection to the service of that name. Nothing is started or sent before the first call; a broker is started
/// where none runs. Threads: one owner.
inline Connection open_connection(std::string name) { return Connection(bootstrap::dialer_to(std::move(name))); }

/// A connection to the process `pid`, which serves that name for whoever names it: see serve_here.
inline Connection open_connection(std::string name, std::int32_t pid) {
  return Connection(bootstrap::dialer_to(std::move(name), pid));
}

/// A connection over a right that another process made by Connection::introduce and sent here. It is worth no more than
/// who gave it, and when it ends there is no other.
inline Connection open_connection(const Right& right) { return Connection(connection::dialer_over(right)); }

/// A connection to whoever gave out the endpoint, which the broker exchanges for a fresh channel. Once the giver has
/// ended it leads nowhere: gone.
inline Connection open_connection(const Endpoint& endpoint) { return Connection(bootstrap::dialer_to(endpoint)); }

/// The service of that name as its interface.
template <class Interface>
Proxy<Interface> connect(std::string name) {
  return Proxy<Interface>(open_connection(std::move(name)));
}

/// The service of that name in the process `pid`.
template <class Interface>
Proxy<Interface> connect(std::string name, std::int32_t pid) {
  return Proxy<Interface>(open_connection(std::move(name), pid));
}

/// Serves `name` with the implementation until the broker stops the process: the last statement of main.
/// Construct the implementation with all that it will ever open: once it serves, a confined process opens nothing.
/// An implementation with a member `void started(const Endpoint& own)` is told the endpoint that leads to this process:
/// it may hand it to whom it likes, who can then connect to it and to no other instance.
template <class Interface, class Implementation>
int serve(std::string name, Implementation implementation) {
  return bootstrap::serve_alone(std::move(name), Service::offer_of<Interface>(implementation));
}

/// Serves `name` from a process that nobody started for it, under a name that is this process's alone: clients say its
/// pid too. Blocks until the process is asked to stop.
template <class Interface, class Implementation>
int serve_here(std::string name, Implementation implementation) {
  return bootstrap::serve_alone(std::move(name), Service::offer_of<Interface>(implementation, NameFrom::process));
}

/// Serves `name` with a function that answers dictionaries with dictionaries.
template <class Handler>
int serve_messages(std::string name, Handler handler) {
  return bootstrap::serve_alone(
      std::move(name),
      {[&](const Peer& peer, const wire::DictionaryView& request) { return handler(peer, request.object()); }, {}});
}

/// Whether anybody offers the name: it is served now, a look-up would start it, or its job may not be started.
/// Starts nothing. Errors: unknown-service where nobody does, or not to this caller.
inline Result<NameState> status(const std::string& name) { return bootstrap::Broker().status(name); }

}  // namespace reeve
