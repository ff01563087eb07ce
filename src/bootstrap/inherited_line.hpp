// What the broker leaves open for a program that it starts: its line to the broker, and the rest of its sandbox.
//
// Threads: one, before there are others.
#pragma once

#include <optional>

#include "../os/fd.hpp"

namespace reeve::bootstrap {

/// The line to the broker, once; nothing in a process that no broker started.
std::optional<os::Fd> control_channel();

/// Loads the second of the preset's two filters, for good. Nothing where there is none.
/// Errors: too-large; system.
Result<void> close_sandbox();

}  // namespace reeve::bootstrap
