// A listener that has no name: it takes calls over the rights that it gives out, which travel in messages. By it a
// client lets its service call it, and a service gives out parts of itself.
//
// Owns:    the connections that came of its rights; destroyed it ends them.
// Threads: the loop's.
// Trust:   whoever holds a right may use it, once, and may have it from others: the caller's peer is `introduced`.
// Errors:  busy where the process has no descriptors left.
#pragma once

#include <memory>
#include <utility>

#include "typed.hpp"

namespace reeve::connection {

/// Takes calls over rights that it gives out, while its loop runs.
class Listener {
 public:
  /// Answers what comes with the handler, while the loop runs.
  Listener(const os::Loop& loop, Handler handler) : own_(std::make_shared<Own>(loop, std::move(handler))) {}
  Listener(Listener&& other) noexcept = default;
  Listener& operator=(Listener&& other) noexcept;
  /// In its own handler, too: its connections end when that has returned.
  ~Listener();

  /// The right to connect, once, for whoever gets it in a message: `open_connection(right)`.
  Result<Right> right();

  /// Whether anybody is connected, or may still be.
  bool has_peers() const { return own_->server.has_peers(); }

 private:
  struct Own {
    Own(const os::Loop& l, Handler h) : loop(l), server(loop), handler(std::make_shared<const Handler>(std::move(h))) {}
    os::Loop loop;
    Server server;
    SharedHandler handler;
  };
  std::shared_ptr<Own> own_;
};

/// A listener that answers with an implementation of an interface.
template <class Interface, class Implementation>
Listener listen(const os::Loop& loop, Implementation implementation) {
  return Listener(loop, handler_keeping<Interface>(keep(std::move(implementation)), Shows::yes));
}

}  // namespace reeve::connection

namespace reeve {
using connection::listen;
using connection::Listener;
}  // namespace reeve
