// What the machine's administrator allows a sandbox to lack.
#pragma once

#include <string_view>

#include "../vocab/result.hpp"
#include "layers.hpp"

namespace reeve::sandbox {

/// Root's alone, as is the folder that it stands in; whose session it is does not matter.
inline constexpr const char* kAllowanceFolder = "/etc/reeve";
inline constexpr const char* kAllowanceName = "may-lack";

/// A layer to a line; what follows a `#` says nothing. Errors: invalid, with the line.
Result<Layers> parse_allowance(std::string_view text);

/// Nothing where there is no such file. Errors: denied where it is not root's; invalid.
Result<Layers> read_allowance();

}  // namespace reeve::sandbox
