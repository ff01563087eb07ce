// What ports cost: beside the bare pair, where that can do the same.
#pragma once

#include <vector>

#include "session.hpp"

namespace bench {

/// A message and its answer, over two send rights; and over one to the port and one to answer once by.
std::vector<Row> port_round_trips(const Placement& where, const Broker& broker);
/// Messages that want no answer, in messages a second.
Row port_one_way(const Placement& where, const Broker& broker);
/// Eight processes that ask one port, in calls a second.
Row port_fan_in(const Placement& where, const Broker& broker);
/// A send right, copied and received; a receive right with a hundred senders, moved and received; one of 10,000 ports.
std::vector<Row> port_rights(const Placement& where);

}  // namespace bench
