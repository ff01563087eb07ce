// Message ports, and messages over sockets, beside the kernel's own sockets.
#pragma once

#include "session.hpp"

namespace bench {

/// Request and reply over a message port, asleep, of few bytes and of as many as are copied still.
std::vector<Row> message_port_calls(const Placement& where, const Broker& broker);

/// What both ends of the bare stream make of what they move: nothing, or a property list by libplist, which they read
/// and write as ours do an archive.
enum class Form { bytes, property_list };

/// A dictionary of ten keys to a socket server and back, beside a bare stream that moves the same bytes.
Row socket_messages(const Placement& where, Form form);

}  // namespace bench
