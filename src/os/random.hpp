// Randomness that nobody can guess.
#pragma once

#include <array>
#include <cstddef>
#include <span>

namespace reeve::os {

/// Bytes from the kernel, at most 256.
void fill_randomly(std::span<std::byte> bytes);

/// Sixteen of them.
std::array<std::byte, 16> random_token();

}  // namespace reeve::os
