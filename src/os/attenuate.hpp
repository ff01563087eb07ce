// Giving away less than one has.
#pragma once

#include <optional>

#include "fd.hpp"

namespace reeve::os {

/// The same regular file, open for reading alone, at the same offset; nothing where it is so already. Errors: invalid
/// where it is not open for reading, or is none; denied where it cannot be opened so: this user may not, or `/proc` is
/// not there.
Result<std::optional<Fd>> for_reading_alone(const Fd& file);

}  // namespace reeve::os
