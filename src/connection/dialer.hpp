// How a connection comes to its channels.
#pragma once

#include <functional>
#include <memory>

#include "../channel/channel.hpp"
#include "../os/loop.hpp"

namespace reeve::connection {

/// A channel to somebody, and what the one who made it knows of them.
struct Dialed {
  channel::Channel channel;
  Peer peer;
};

/// A channel that is being made; destroyed, it is given up.
class Dialing {
 public:
  virtual ~Dialing() = default;
};

/// Makes a fresh channel to the same service each time.
class Dialer {
 public:
  virtual ~Dialer() = default;
  virtual Result<Dialed> dial(const os::Deadline& deadline) = 0;
  /// Whether there can be no other channel.
  virtual bool is_used_up() const { return false; }

  /// The same without waiting: `then` is called once, by the loop, which outlives this. Unless it is overridden
  /// that calls dial: for channels that are there at once, or nearly so.
  virtual std::unique_ptr<Dialing> dial_later(const os::Loop::Reference& loop,
                                              std::function<void(Result<Dialed>)> then);
};

/// A channel that is there already: once used up, there is no other.
std::unique_ptr<Dialer> dialer_over(const object::Right& right);

}  // namespace reeve::connection
