// The connection to this user's broker that a process keeps between look-ups, which take two thirds of the time so.
//
// Threads: any. Who looks up while another does makes a connection, of which one is kept.
#pragma once

#include <functional>

#include "broker.hpp"

namespace reeve::bootstrap {

/// What `ask` gets from this user's broker. `unknown` is the error's code where the broker answers that it knows of
/// none: its connection is as good as before.
Result<contract::Found> ask_over_kept(int unknown, const std::function<Result<contract::Found>(Broker&)>& ask);

/// Ends the connection that this process keeps to its broker for the next look-up: before it gives up rights that it
/// looked names up with, or hands its descriptors to what it does not trust. The next look-up makes another.
/// Threads: any.
void leave_broker();

}  // namespace reeve::bootstrap

namespace reeve {
using bootstrap::leave_broker;
}  // namespace reeve
