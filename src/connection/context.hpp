// On whose behalf a thread is at work: what the calls that it makes meanwhile hand on.
//
// Threads: each has its own. A coroutine takes its own along to whichever thread runs it on.
#pragma once

#include "../channel/packet.hpp"
#include "../os/clock.hpp"

namespace reeve::connection {

/// Of which chain of requests a thread's work is part, and until when.
struct Context {
  channel::Chain chain{};   ///< of the request at hand, or of the one whose answer is waited for; zero: of none
  os::Deadline deadline{};  ///< when whoever asked gives up
  bool is_waiting = false;  ///< for an answer, without taking anything up

  /// The thread's own at present.
  static const Context& current();
};

/// The thread is at work on somebody else's behalf while this lives.
class OnBehalf {
 public:
  /// What that was before it is again once this ends; they end in the reverse order, on the thread that made them.
  explicit OnBehalf(const Context& of);
  OnBehalf(const OnBehalf&) = delete;
  OnBehalf& operator=(const OnBehalf&) = delete;
  ~OnBehalf();

 private:
  Context before_;
};

/// @cond
// A chain is eight bytes that nobody can guess; seven that tell the way, one for each request that was made on behalf
// of the one before; and how many those are. So whoever asked beside is told from whoever was asked in turn.

/// A chain that is nobody else's, of one request.
channel::Chain fresh_chain();
/// The chain of what is asked on behalf of a request.
channel::Chain deeper(channel::Chain chain);
/// Whether a request is another, or was made, at whatever distance, on behalf of it.
bool is_behind(const channel::Chain& request, const channel::Chain& other);

/// @endcond
}  // namespace reeve::connection
