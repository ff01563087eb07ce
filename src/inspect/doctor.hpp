// What this machine offers, what is degraded without it, and how to get it.
#pragma once

#include <string>

#include "commands.hpp"

namespace reeve::inspect {

/// Always an answer: that no broker runs is one too.
std::string doctor(Form form, bootstrap::Domain domain);

}  // namespace reeve::inspect
