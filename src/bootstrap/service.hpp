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
  /// Called once, before the first request, with the endpoint that leads to this process: to what it offered first.
  /// Who comes by that must meet what the first offer asks of its callers.
  std::function<void(const Endpoint&)> started;
  OfferOptions options{};  ///< the name's, and its callers'
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
  /// process. Errors: invalid for what is no name; service-active where it is offered already. Once run() runs also:
  /// not-privileged where the name is neither the job's nor in one of its groups.
  template <class Interface, class Implementation>
  Result<void> offer(std::string name, Implementation implementation, OfferOptions options = {}) {
    // As a member it is destroyed as what it is: an interface needs no virtual destructor.
    struct Holder {
      Implementation implementation;
    };
    auto kept = std::make_shared<Holder>(Holder{std::move(implementation)});
    Offer what = offer_of<Interface>(kept->implementation, std::move(options));
    if (what.started) {
      what.started = [kept, started = std::move(what.started)](const Endpoint& own) { started(own); };
    }
    what.handler = [kept, handler = std::move(what.handler)](const wire::DictionaryView& message, Request request) {
      handler(message, std::move(request));
    };
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
    static_assert(std::is_base_of_v<Interface, Implementation>, "the implementation must derive from its interface");
    Interface& service = implementation;
    Offer what;
    what.options = std::move(options);
    const auto shows = what.options.shows_interface ? connection::Shows::yes : connection::Shows::no;
    what.handler = [&service, shows](const wire::DictionaryView& message, Request request) {
      connection::dispatch(service, message, std::move(request), shows);
    };
    if constexpr (requires(const Endpoint& own) { implementation.started(own); }) {
      what.started = [&implementation](const Endpoint& own) { implementation.started(own); };
    }
    return what;
  }

 private:
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
