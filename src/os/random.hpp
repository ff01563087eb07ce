// Randomness that nobody can guess.
#pragma once

#include <array>
#include <cstddef>

namespace reeve::os {

/// Sixteen bytes from the kernel.
std::array<std::byte, 16> random_token();

}  // namespace reeve::os
