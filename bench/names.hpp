// What the broker itself costs: looking up, being many, being replaced.
#pragma once

#include "session.hpp"

namespace bench {

/// Eight processes that look a running service up and call it once, again and again; together, a second. The base
/// connects to its server instead.
Row look_up_storm(const Broker& broker);
/// What 10,000 idle connections to the broker keep resident in it, in KiB each.
Row broker_memory(const Broker& broker);
/// From the broker's death until a look-up is answered by the next. The base is a look-up while it lives.
Row after_a_death(const Broker& broker);

}  // namespace bench
