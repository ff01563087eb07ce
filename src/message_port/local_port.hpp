// A message port under a name: takes messages up, from whoever may send it some.
//
// Owns:    the name, and the channels to those who have looked it up, until it is invalidated or the last handle of it
//          is gone.
// Threads: the loop's.
// Errors:  not-privileged for a name that is not one of this process's app groups, or of its team, or of its job;
//          service-active where somebody has it; no-broker.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "../bootstrap/service.hpp"
#include "message.hpp"

namespace reeve::message_port {

/// Who may send to a port.
struct LocalPortOptions {
  /// What a sender must meet (policy/requirement.hpp); to all others the name is not there. Empty: to be a member of an
  /// app group that the name lies in, or of the team that it begins with. Of a name that a job declares, what the job's
  /// file asks goes as well, and nothing else where this is empty.
  std::string callers{};
};

/// Copies are the same port.
class LocalPort {
 public:
  /// Has the name, and takes up on the loop what is sent to it: `handler(PortMessage)`, or one that returns the reply,
  /// `Data handler(const PortMessage&)`. In one thread a name has one port: where there is one already that is it, and
  /// this handler takes nothing (took_handler). Blocks until the broker has answered. A confined process is closed for
  /// good by its first port, as by Service::run.
  template <class Handler>
  static Result<LocalPort> make(const os::Loop& loop, std::string name, Handler handler,
                                LocalPortOptions options = {}) {
    return make_of(loop, std::move(name), handler_of(std::move(handler)), std::move(options));
  }

  /// Under which it is found.
  const std::string& name() const;
  /// Whether the handler that this one was made with is the port's.
  bool took_handler() const { return took_handler_; }

  /// Whether it takes messages.
  bool is_valid() const;
  /// Takes nothing more, and gives up the name: those who have looked it up find their ports invalid.
  void invalidate();
  /// Has `call` called once, when the port becomes invalid: in invalidate, or by the loop where its line to the broker
  /// has ended. At once where it is invalid already. One that is set later takes the place of the one before.
  void on_invalidation(std::function<void()> call);

  friend bool operator==(const LocalPort& a, const LocalPort& b) { return a.state_ == b.state_; }

 private:
  struct State;
  explicit LocalPort(std::shared_ptr<State> state) : state_(std::move(state)) {}
  static Result<LocalPort> make_of(const os::Loop& loop, std::string name, PortHandler handler,
                                   LocalPortOptions options);
  std::shared_ptr<State> state_;
  bool took_handler_ = false;
};

/// @cond
bootstrap::Offer offer_of_port(const PortHandler& handler, bootstrap::OfferOptions options);
/// @endcond

/// Serves `name` as a message port until the broker stops the process: the last statement of main. As `serve` does, for
/// a job that is started when somebody sends, confined, and stopped when it is idle.
template <class Handler>
int serve_port(std::string name, Handler handler, bootstrap::OfferOptions options = {}) {
  return bootstrap::serve_alone(std::move(name), offer_of_port(handler_of(std::move(handler)), std::move(options)));
}

}  // namespace reeve::message_port

namespace reeve {
using message_port::LocalPort;
using message_port::LocalPortOptions;
using message_port::serve_port;
}  // namespace reeve
