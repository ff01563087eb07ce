// Who can talk to whom in this session, as far as it can be seen: names, and sockets in the folders of app groups; and
// what about that is more open than it need be.
#pragma once

#include <string>

#include "commands.hpp"

namespace reeve::inspect {

/// A row for each name that a job declares or a process has registered, and for each socket, by the questions of
/// docs/choosing.md. To find out who listens at a socket it is connected to for a moment.
/// Errors: those of the broker.
Result<std::string> audit(Form form, bootstrap::Domain domain);

}  // namespace reeve::inspect
