// Who a process is, for people.
#pragma once

#include <cstdint>
#include <string>

#include "commands.hpp"

namespace reeve::inspect {

/// Its class, what is vouched for, and why it is in no higher class. Errors: gone; not-privileged.
Result<std::string> identity(std::int32_t pid, Form form, bootstrap::Domain domain);

}  // namespace reeve::inspect
