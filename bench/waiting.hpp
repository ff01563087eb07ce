// Small calls, by how both sides wait: asleep, or awake for a moment first.
#pragma once

#include <vector>

#include "session.hpp"

namespace bench {

/// A round trip of 64 bytes and a typed call, beside a bare pair that waits in the same way.
std::vector<Row> small_calls(const Placement& where, const Broker& broker, Waits waits);
/// A bare pair whose server stands behind the filters of the preset parser, beside one whose server does not.
Row bare_behind_filters(const Placement& where, const Broker& broker, Waits waits);
/// Waiting awake while others want the same processors, beside Reeve asleep.
Row contended(const Placement& where);
/// A call that a coroutine waits for, beside one that blocks.
Row coroutine_call(const Placement& where, Waits waits);
/// Eight threads, each with a connection of its own, against one server, beside as many bare pairs. In calls a second.
Row eight_clients(const Placement& where, const Broker& broker, Waits waits, Waits bare_waits);
/// So many bytes built, sent and read at every page: in memory beside the message, beside in the message itself.
Row built_and_sent(const Placement& where, std::size_t bytes, int count);
/// Allocations of both sides, a typed call of scalars, beside none.
Row allocations_per_call(const Placement& where);

}  // namespace bench
