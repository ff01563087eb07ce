// How a process shows itself to its broker, and who comes to it by that.
//
// Threads: one.
#pragma once

#include <string>

#include "../channel/channel.hpp"
#include "../contract/broker.hpp"

namespace reeve::bootstrap {

/// A process's line to its broker.
struct Entrance {
  os::Fd line;
  bool is_job = false;  ///< the broker left it open for the program that it started
};

/// Whether this process may take the line that the broker left open, which there is once.
enum class OwnLine : bool { leave, take };

/// The line that the broker left open, or one of the process's own, of which nothing is proven yet.
/// Errors: not-privileged where `is_for_job`, and the broker did not start this process, nor is it signed.
Result<Entrance> enter(bool is_for_job, OwnLine own_line = OwnLine::take);

/// Somebody's channel, which nothing was read from.
struct Arrival {
  std::string name;  ///< that they looked up; empty where they came through an endpoint
  channel::Channel channel;
  Peer peer;  ///< its pid is not known yet: the record tells it, and every packet will have to bear that out
  channel::Record record;
};
/// Errors: busy where no descriptor is left.
Result<Arrival> arrival_of(const contract::Handover& handover);

/// What whoever comes is told where there are no descriptors left for it.
Error no_room();

}  // namespace reeve::bootstrap
