// On whose behalf a thread is at work: what the calls that it makes meanwhile hand on.
//
// Threads: each has its own. A coroutine takes its own along to whichever thread runs it on.
#pragma once

#include "../channel/packet.hpp"
#include "../os/clock.hpp"

namespace reeve::connection {

struct Context {
  channel::Chain chain{};  ///< of the request at hand; zero where there is none
  os::Deadline deadline;   ///< when whoever asked gives up

  /// The thread's own at present.
  static const Context& current();
};

/// The thread is at work on somebody else's behalf while this lives.
class OnBehalf {
 public:
  explicit OnBehalf(const Context& of);
  OnBehalf(const OnBehalf&) = delete;
  OnBehalf& operator=(const OnBehalf&) = delete;
  ~OnBehalf();

 private:
  Context before_;
};

/// A chain that is nobody else's.
channel::Chain fresh_chain();

}  // namespace reeve::connection
