// A service's life: check in, take the ends that the broker hands over, answer, and stop when nobody needs it.
//
// Threads: one, whose run() blocks until the service stops; offer and withdraw are that thread's too.
// Errors:  not-privileged where the broker did not start this process and it is not signed, or a name is not its own;
//          service-active.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "../connection/server.hpp"
#include "../connection/typed.hpp"
#include "transaction.hpp"

namespace reeve::bootstrap {

/// Whence a process has a name.
enum class NameFrom {
  job,      ///< its job declares it, or it lies in one of the app groups of its job or its signature
  process,  ///< it registers the name for itself: whoever looks it up names this process too
};

/// Whose the name is, and for whom.
struct OfferOptions {
  /// Whence this process has the name.
  NameFrom from = NameFrom::job;
  /// What whoever calls must meet, beside what the job's file asks: `team:…`, `group:… and class:verified` and the like
  /// (policy/requirement.hpp). To all others the name is not there. Empty: nothing.
  std::string callers{};
  /// Whether those who may call are told the interface's methods and types: `reeve interface show NAME`.
  bool shows_interface = true;
};

/// What serves under one name.
struct Offer {
  connection::Handler handler;  ///< takes up what is sent under the name
  /// In its place: makes a handler for each client, or says why it gets none. Called before anything that the client
  /// sent is taken up.
  std::function<Result<connection::Handler>(const Peer&)> accept{};
  /// Called once, before the first request, with the endpoint that leads to this process: to what it offered first.
  /// Who comes by that must meet what the first offer asks of its callers.
  std::function<void(const Endpoint&)> started{};
  /// Called once, when nothing more is taken up, since the process is about to end.
  std::function<void()> stopping{};
  std::shared_ptr<const void> keeper{};  ///< what these refer to, if it is nobody else's
  OfferOptions options{};                ///< the name's, and its callers'
};

/// A process's services, each under a name of its own.
class Service {
 public:
  Service();
  ~Service();
  Service(const Service&) = delete;
  Service& operator=(const Service&) = delete;

  /// Serves the interface under that name: from run() on, or while that runs at once.
  /// An implementation with a member `void started(const Endpoint& own)` is told the endpoint that leads to the
  /// process; one with `void stopping()` that the process is about to end: nothing more is taken up, and what is in
  /// hand has five seconds. Errors: invalid for what is no name; service-active where it is offered already. Once run()
  /// runs also: not-privileged where the name is neither the job's nor in one of its groups.
  template <class Interface, class Implementation>
  Result<void> offer(std::string name, Implementation implementation, OfferOptions options = {}) {
    auto kept = connection::keep(std::move(implementation));
    Offer what = offer_of<Interface>(kept->implementation, std::move(options));
    what.handler = connection::handler_keeping<Interface>(kept, shows(what.options));
    what.keeper = std::move(kept);
    return offer(std::move(name), std::move(what));
  }

  /// The same with an implementation for each client: `make(const Peer&)` returns a Result of one (of a final class, or
  /// clang warns of its destructor), made before anything of what the client sent is taken up, and destroyed once the
  /// client has left and nothing of its is in hand. No handler runs meanwhile. An error is what the client gets,
  /// whatever it asks.
  template <class Interface, class Make>
  Result<void> offer_each(std::string name, Make make, OfferOptions options = {}) {
    Offer what;
    what.accept = [make = std::move(make), shows = shows(options)](const Peer& peer) -> Result<connection::Handler> {
      auto made = REEVE_TRY(connection::guarded([&] { return make(peer); }));
      return connection::handler_keeping<Interface>(connection::keep(std::move(made)), shows);
    };
    what.options = std::move(options);
    return offer(std::move(name), std::move(what));
  }

  /// The same with a handler of messages in the place of an interface.
  Result<void> offer(std::string name, Offer what);

  /// Nobody finds the name any more; who has found it already is served on. A name that the job declares stays the
  /// job's: those who look it up then are told that it is not served.
  /// Errors: unknown-service where it is not offered.
  Result<void> withdraw(const std::string& name);

  /// Serves until the broker or an idle time-out ends it, or SIGTERM or SIGINT does. All requests that were sent by
  /// then are answered. The process's sandbox is closed for good before the first packet is read.
  Result<void> run();

  /// An offer of an implementation that outlives it.
  template <class Interface, class Implementation>
  static Offer offer_of(Implementation& implementation, OfferOptions options = {}) {
    Offer what;
    what.options = std::move(options);
    what.handler = connection::handler_of<Interface>(implementation, shows(what.options));
    if constexpr (requires(const Endpoint& own) { implementation.started(own); }) {
      what.started = [&implementation](const Endpoint& own) { implementation.started(own); };
    }
    if constexpr (requires { implementation.stopping(); }) {
      what.stopping = [&implementation] { implementation.stopping(); };
    }
    return what;
  }

 private:
  static connection::Shows shows(const OfferOptions& options) {
    return options.shows_interface ? connection::Shows::yes : connection::Shows::no;
  }
  class Running;
  struct Offered;
  std::vector<Offered> offers_;  // in the order in which they were made
  Running* running_ = nullptr;
};

/// Serves one name, and says on standard error what went wrong. Returns what main does: 0, or 1.
int serve_alone(std::string name, Offer what);

}  // namespace reeve::bootstrap

namespace reeve {
using bootstrap::NameFrom;
using bootstrap::OfferOptions;
using bootstrap::Service;
}  // namespace reeve
