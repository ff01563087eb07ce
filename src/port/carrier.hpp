// How a receive right travels: one end of a pair, in whose queue all that belongs to the port lies. The packet that
// brings that end moves the port, with every line and whatever is queued in them, or nothing does.
//
// Trust:   a carrier may come from a stranger; its packets are all there when it comes, or it is refused.
// Errors:  busy, bad-packet, bad-attachment.
#pragma once

#include <functional>
#include <memory>

#include "port.hpp"

namespace reeve::port {

/// A carrier that holds copies of the port's ends: it is in one place when the port is destroyed, or the carrier.
Result<os::Fd> pack(const Port& port);

/// The port that a carrier brings, each of its lines under a number of `next_number`'s and
/// each paid for by that account.
Result<std::shared_ptr<Port>> unpack(const os::Fd& carrier, const quota::Account& account,
                                     const std::function<std::uint64_t()>& next_number);

}  // namespace reeve::port
