// The names of services and the labels of jobs.
#pragma once

#include <string_view>

#include "result.hpp"

namespace reeve::vocab {

/// A name is 1 to 127 bytes of [A-Za-z0-9._-] with no empty component: neither "a..b" nor ".a" nor "a.".
/// Errors: invalid, with what is wrong with it.
Result<void> check_name(std::string_view name);

}  // namespace reeve::vocab
