// The rights of a process, where it allows that: what its library keeps in memory for that purpose, and what the kernel
// tells of the sockets behind it.
//
// Trust: all that the process shows is its own word, and is bounded and checked; who is at the other end of a right is
//        the kernel's.
#pragma once

#include <cstdint>
#include <string>

#include "commands.hpp"

namespace reeve::inspect {

/// Each name with its rights and counts, and who has the other ends. Errors: gone, denied; unsupported where the
/// process shows nothing.
Result<std::string> ports(std::int32_t pid, Form form);

}  // namespace reeve::inspect
