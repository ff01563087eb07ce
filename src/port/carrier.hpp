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

/// Who gave what came, and pays for it.
struct Giver {
  os::Credentials credentials;
  quota::Account account;
};

/// The port that a carrier brings, each of its lines under a number of `next_number`'s. It, its lines and the ports
/// that wait in it are paid for by the giver, whose word its notifications are.
Result<std::shared_ptr<Port>> unpack(const os::Fd& carrier, const Giver& giver,
                                     const std::function<std::uint64_t()>& next_number);

}  // namespace reeve::port
