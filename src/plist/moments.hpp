// Dates as property lists have them: seconds since 2001-01-01T00:00:00Z.
#pragma once

#include <optional>

#include "../object/text.hpp"

namespace reeve::plist {

/// To the nanosecond. Nothing beyond the years 1 to 9999.
std::optional<object::Moment> moment_of(double seconds);
double seconds_of(const object::Moment& moment);

}  // namespace reeve::plist
