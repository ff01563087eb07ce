// Ports by Mach's own names, beside a bare pair.
#pragma once

#include "row.hpp"
#include "session.hpp"

namespace bench {

/// A message of a header alone, and its answer; and one way.
std::vector<Row> mach_messages(const Placement& where, const Broker& broker);

}  // namespace bench
